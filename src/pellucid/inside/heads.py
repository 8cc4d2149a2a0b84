"""Hears and silences the heads of attention, however a network computes it.

Heard are: a softmax over the last axis of (example, head, query, key), PyTorch's
`scaled_dot_product_attention`, and `nn.MultiheadAttention`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

SOFTMAXES = (torch.softmax, Tensor.softmax, functional.softmax)


class Heads(TorchFunctionMode):
    """While it is entered, `weights` gathers (example, head, query, key) of each attention in turn.

    `silent` names attentions and heads, (attention, head), whose answer is zero instead.
    """

    def __init__(self, silent: frozenset[tuple[int, int]] = frozenset()) -> None:
        super().__init__()
        self.silent = silent
        self.weights: list[Tensor] = []

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is functional.scaled_dot_product_attention:
            return self._product(func, args, kwargs)
        if func is functional.multi_head_attention_forward:
            return self._module(func, args, kwargs)
        answer = func(*args, **kwargs)
        if func in SOFTMAXES and answer.ndim == 4 and _last_axis(args, kwargs):
            return self._silenced(self._note(answer), axis=1)
        return answer

    def _note(self, weights: Tensor) -> Tensor:
        self.weights.append(weights.detach().clone())
        return weights

    def _silenced(self, values: Tensor, axis: int) -> Tensor:
        """`values` with the silent heads of the attention just noted set to zero."""
        number = len(self.weights) - 1
        off = [head for which, head in self.silent if which == number]
        if not off:
            return values
        kept = torch.ones(values.shape[axis], dtype=values.dtype)
        kept[off] = 0
        return values * kept.view([-1 if place == axis else 1 for place in range(values.ndim)])

    def _product(self, func: Callable[..., Any], args: Any, kwargs: Any) -> Tensor:
        names = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal", "scale")
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        answer: Tensor = func(*args, **kwargs)
        if answer.ndim != 4:
            return answer
        self._note(_matches(given))
        return self._silenced(answer, axis=1)

    def _module(self, func: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """`nn.MultiheadAttention`: a head is silenced by its columns of the last projection."""
        place, heads = 11, args[4] if len(args) > 4 else kwargs["num_heads"]
        kwargs = {**kwargs, "need_weights": True, "average_attn_weights": False}
        out = args[place] if len(args) > place else kwargs["out_proj_weight"]
        number = len(self.weights)
        off = [head for which, head in self.silent if which == number]
        columns = torch.ones(heads, dtype=out.dtype)
        columns[off] = 0
        changed = out * columns.repeat_interleave(out.shape[1] // heads)
        if len(args) > place:
            args = (*args[:place], changed, *args[place + 1 :])
        else:
            kwargs["out_proj_weight"] = changed
        answer, weights = func(*args, **kwargs)
        self._note(weights)
        return answer, weights


@contextmanager
def listening_to_heads(silent: frozenset[tuple[int, int]] = frozenset()) -> Iterator[Heads]:
    """`Heads`, with PyTorch's shortcut for whole attentions switched off, which it cannot hear."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with Heads(silent) as heads:
            yield heads
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def _last_axis(args: Any, kwargs: Any) -> bool:
    axis = kwargs.get("dim", args[1] if len(args) > 1 else None)
    return axis in (-1, 3)


def _matches(given: dict[str, Any]) -> Tensor:
    """The weights that `scaled_dot_product_attention` uses and does not tell."""
    query, key = given["query"], given["key"]
    scale = given.get("scale") or 1 / math.sqrt(query.shape[-1])
    match = query @ key.transpose(-2, -1) * scale
    mask = given.get("attn_mask")
    if given.get("is_causal"):
        later = torch.ones(match.shape[-2:], dtype=torch.bool).triu(1)
        match = match.masked_fill(later, -math.inf)
    elif mask is not None:
        match = match.masked_fill(~mask, -math.inf) if mask.dtype == torch.bool else match + mask
    return torch.softmax(match, dim=-1)
