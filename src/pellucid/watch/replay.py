"""Questions put to a copy of a network, so that the training goes on as if nobody had asked."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from pellucid.watch.recorder import tensors_in
from pellucid.watch.trace import Repeated


def repeat(module: nn.Module, given: Any, model: int) -> Repeated | None:
    """Twice the same batch in the mode that was found, once in eval mode; None if it fails."""
    try:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            twin = copy.deepcopy(module)
            first, second = _answers(twin, given), _answers(twin, given)
            calm = _answers(twin.eval(), given)
    except Exception:
        return None  # what cannot be copied or repeated is not asked
    if first is None or second is None or calm is None:
        return None
    return Repeated(model, len(first), _differing(first, second), _differing(first, calm))


def _answers(module: nn.Module, given: Any) -> Tensor | None:
    """One answer an example: the likeliest class, or the numbers themselves."""
    found = next(iter(tensors_in(module(*given))), None)
    if found is None or not found.ndim:
        return None
    return found.argmax(1) if found.ndim == 2 and found.shape[1] > 1 else found.flatten(1)


def _differing(a: Tensor, b: Tensor) -> int:
    unequal = a != b
    return int((unequal if unequal.ndim == 1 else unequal.any(1)).sum())


def first_not_finite(last: tuple[nn.Module, Any]) -> tuple[str, str]:
    """Where the first number that is no number, or infinite, comes up: name and what it is."""
    module, given = last
    for tensor in tensors_in(list(given)):
        if _broken(tensor):
            return "the input", "the batch itself"
    for name, weight in module.named_parameters():
        if _broken(weight):
            return name, "a weight, since the step before"
    return _in_forward(module, given) or ("the loss", "computed from a finite answer")


def _in_forward(module: nn.Module, given: Any) -> tuple[str, str] | None:
    found: list[tuple[str, str]] = []
    names = {part: name or "network" for name, part in module.named_modules()}

    def hear(part: nn.Module, _given: Any, answer: Any) -> None:
        if not found and any(_broken(tensor) for tensor in tensors_in(answer)):
            found.append((names[part], f"the answer of {type(part).__name__}"))

    handles = [part.register_forward_hook(hear) for part in module.modules()]
    try:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            kept = {name: value.clone() for name, value in module.named_buffers()}
            module(*given)
            for name, value in module.named_buffers():
                value.copy_(kept[name])
    except Exception:
        return None
    finally:
        for handle in handles:
            handle.remove()
    return found[0] if found else None


def _broken(tensor: Tensor) -> bool:
    return tensor.dtype.is_floating_point and not bool(torch.isfinite(tensor).all())
