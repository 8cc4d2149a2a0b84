"""Questions put to a copy of a network, so that the training goes on as if nobody had asked."""

from __future__ import annotations

import copy
import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from pellucid.watch.aside import aside
from pellucid.watch.lines import Line, users_line
from pellucid.watch.recorder import tensors_in
from pellucid.watch.trace import Repeated


def repeat(module: nn.Module, given: Any, model: int) -> Repeated | None:
    """Twice the same batch in the mode that was found, once in eval mode; None if it fails."""
    mode = module.training
    try:
        with aside(), torch.no_grad(), _heard_dropouts() as heard:
            twin = copy.deepcopy(module)
            first, second = _answers(twin, given), _answers(twin, given)
            calm = _answers(twin.eval(), given)
    except Exception:
        return None  # what cannot be copied or repeated is not asked
    if first is None or second is None or calm is None:
        return None
    dropped = next(iter(heard), None) if not mode else None
    differing = _differing(first, second), _differing(first, calm)
    return Repeated(model, len(first), *differing, mode, dropped)


DROPOUTS = (
    "dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout",
)  # fmt: skip


@contextmanager
def _heard_dropouts() -> Iterator[list[Line]]:
    """Lines where the user's code calls a dropout function without saying whether it trains."""
    whole = {name: getattr(functional, name) for name in DROPOUTS}
    found: list[Line] = []

    def heard(function: Any, *args: Any, **named: Any) -> Any:
        silent = len(args) < 3 and "training" not in named and named.get("p", 0.5) > 0
        line = users_line(2) if silent else None
        if line is not None:
            found.append(line)
        return function(*args, **named)

    for name, function in whole.items():
        setattr(functional, name, functools.partial(heard, function))
    try:
        yield found
    finally:
        for name, function in whole.items():
            setattr(functional, name, function)


def _answers(module: nn.Module, given: Any) -> Tensor | None:
    """One answer an example: the likeliest class, or the numbers themselves."""
    found = next(iter(tensors_in(module(*given))), None)
    if found is None or not found.ndim:
        return None
    if found.ndim == 2 and found.shape[1] > 1:
        return found.argmax(1)
    return found.reshape(len(found), -1)


def _differing(a: Tensor, b: Tensor) -> int:
    unequal = a != b
    return int((unequal if unequal.ndim == 1 else unequal.any(1)).sum())


def first_not_finite(last: tuple[nn.Module, Any]) -> tuple[str, str]:
    """Where the first number that is no number, or infinite, comes up: name and what it is."""
    module, given = last
    for tensor in tensors_in(list(given)):
        if _broken(tensor):
            return "the input", _holes(tensor)
    for name, weight in module.named_parameters():
        if _broken(weight):
            return name, "a weight, since the step before"
    return _in_forward(module, given) or ("the loss", "computed from a finite answer")


def _holes(batch: Tensor) -> str:
    """How many numbers of a batch are none, in which columns and rows."""
    bad = ~torch.isfinite(batch)
    text = f"{int(bad.sum()):,} of {batch.numel():,} numbers of the batch itself"
    if batch.ndim != 2:
        return text
    columns, rows = (bad.any(axis).nonzero().flatten().tolist() for axis in (0, 1))
    return f"{text}, in {_listed('column', columns)} and {_listed('row', rows)}"


def _listed(word: str, places: list[int]) -> str:
    shown = ", ".join(map(str, places[:4])) + (" …" if len(places) > 4 else "")
    return f"{word}{'s' if len(places) > 1 else ''} {shown}"


def _in_forward(module: nn.Module, given: Any) -> tuple[str, str] | None:
    """On a copy: the backward pass that comes next has no use for a network that was touched."""
    found: list[tuple[str, str]] = []
    try:
        with aside(), torch.no_grad():
            twin = copy.deepcopy(module)
            names = {part: name or "network" for name, part in twin.named_modules()}

            def hear(part: nn.Module, _given: Any, answer: Any) -> None:
                if not found and any(_broken(tensor) for tensor in tensors_in(answer)):
                    found.append((names[part], f"the answer of {type(part).__name__}"))

            for part in twin.modules():
                part.register_forward_hook(hear)
            twin(*given)
    except Exception:
        return None
    return found[0] if found else None


def _broken(tensor: Tensor) -> bool:
    return tensor.dtype.is_floating_point and not bool(torch.isfinite(tensor).all())
