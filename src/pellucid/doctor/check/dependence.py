"""What an answer depends on: chance, other examples, its own input and each part of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from pellucid.doctor.check.asked import SEED, Asked, calm, kept
from pellucid.doctor.check.told import Told

EXAMPLES = 4
"""Of a batch in which one is changed."""
NOISE = 1e-5
"""Of the answers' spread: a change below it may be rounding in another order."""
NUDGE = 0.05
"""Added to every weight, as a share of 1, where a network that begins with zeros answers zeros."""
DROPPING = ("bernoulli", "native_dropout", "_fused_dropout")


@dataclass(frozen=True)
class Samples:
    """What a change of one example did to the answers."""

    own: float
    """The largest change of its own answer."""
    others: float
    """The largest change of another example's answer."""
    mixed: bool


def ask_repeatable(asked: Asked, told: Told) -> bool | None:
    """Whether eval mode gives the same answer twice; None where even the same chance does not."""
    with _Draws() as draws:
        first = asked.answer()
    if not _same(first, asked.answer()):
        told.remarks.append("Not repeatable on this device, even with the same random numbers.")
        return None
    other = asked.answer(SEED + 1)
    if _same(first, other):
        return True
    differing = int((first != other).flatten(1).any(1).sum()) if first.ndim > 1 else first.numel()
    said = (
        f"In eval mode the same batch twice gave other answers for {differing} of {len(first)}, by "
        f"up to {float((first - other).abs().max()):.3g}"
    )
    left_on = [name for name, part in asked.network.named_modules() if _is_on(part, asked)]
    if draws.dropping and not left_on:
        told.proven(
            "evaluation-not-repeatable",
            [f"{said}: something drops units, and eval() does not switch it off."],
            "write functional.dropout(x, p, training=self.training), or use nn.Dropout",
            differing=differing,
        )
    else:
        told.remarks.append(f"{said}: the network draws random numbers ({', '.join(draws.names)}).")
    return False


def _is_on(part: nn.Module, asked: Asked) -> bool:
    """A dropout that stays on after `eval()`, which somebody must have written on purpose."""
    with calm(asked.network):
        return isinstance(part, nn.modules.dropout._DropoutNd) and part.training


class _Draws(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's own has no types
    """Hears which operations draw random numbers."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch's own has no types
        self.names: list[str] = []

    @property
    def dropping(self) -> bool:
        return any(name.startswith(DROPPING) for name in self.names)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func._schema.name.partition("::")[2]
        if torch.Tag.nondeterministic_seeded in func.tags and name not in self.names:
            self.names.append(name)
        return func(*args, **(kwargs or {}))


def _same(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.equal(one.nan_to_num(), other.nan_to_num())


# --------------------------------------------------------------------- one example and the others


def ask_samples(asked: Asked, told: Told) -> Samples | None:
    """Change one example of a batch: its own answer must change, and no other."""
    some = asked.with_examples(min(asked.examples, EXAMPLES)) if asked.examples > 1 else asked
    if some.examples < 2:
        told.not_asked.append("whether examples are kept apart: the batch has only one")
        return None
    with _awake(some):
        base = some.answer()
        if base.ndim <= some.axis or base.shape[some.axis] != some.examples:
            told.not_asked.append("whether examples are kept apart: the answer has another batch")
            return None
        own, others = 0.0, 0.0
        for place in (0, some.examples - 1):
            changed = some.replaced([_swapped(one, place, some) for one in some.inputs])
            moved = (changed.answer() - base).abs().double().nan_to_num().movedim(some.axis, 0)
            own = max(own, float(moved[place].max()))
            rest = [row for row in range(some.examples) if row != place]
            others = max(others, float(moved[rest].max()))
        spread = max(own, float(base.double().nan_to_num().abs().max()))
    if own == 0 and not bool(base.isfinite().all()):
        told.not_asked.append("whether examples are kept apart: the answer is not finite")
        return None
    found = Samples(own, others, others > NOISE * spread)
    _tell_samples(found, some, told)
    return found


def _tell_samples(found: Samples, asked: Asked, told: Told) -> None:
    if found.mixed:
        told.proven(
            "samples-mixed",
            [
                f"In eval mode one example of {asked.examples} was changed: its own answer moved "
                f"by {found.own:.3g}, another's by {found.others:.3g}."
            ],
            _why_mixed(asked),
            own=found.own,
            others=found.others,
        )
    elif found.own == 0:
        told.proven(
            "samples-mixed",
            ["An example was replaced by another one, and its answer stayed the same to the bit."],
            "look for a layer whose answer is not used, or for zeros that everything is "
            "multiplied with",
            own=0.0,
            others=found.others,
        )


def _why_mixed(asked: Asked) -> str:
    for name, part in asked.network.named_modules():
        first = getattr(part, "batch_first", None)
        if first is False and isinstance(part, nn.RNNBase | nn.MultiheadAttention):
            return (
                f"{type(part).__name__} {name}".strip() + " takes (places, batch, …): give it "
                "batch_first=True; if the batch does stand second, say --batch-axis 1"
            )
        if isinstance(part, nn.Softmax | nn.LogSoftmax) and part.dim == asked.axis:
            return f"{type(part).__name__} {name} goes over the batch: write dim=1"
    return (
        "look for softmax, mean or norm over axis 0, and for view where permute is meant: axes "
        "are turned by permute or transpose, never by view"
    )


def _swapped(batch: Tensor, place: int, asked: Asked) -> Tensor:
    """The batch with one example replaced by its neighbour: numbers that may stand there."""
    if batch.ndim <= asked.axis or batch.shape[asked.axis] != asked.examples:
        return batch
    rows = torch.arange(asked.examples, device=batch.device)
    rows[place] = (place + 1) % asked.examples
    return batch.index_select(asked.axis, rows)


@contextmanager
def _awake(asked: Asked) -> Iterator[None]:
    """Inside the block a network that answers the same for all has slightly other weights.

    Many begin with a last layer of zeros, on purpose; what they depend on shows after a nudge.
    """
    with kept([asked.network]):
        answer = asked.answer().double()
        axis = min(asked.axis, answer.ndim - 1)
        if answer.ndim and bool((answer == answer.narrow(axis, 0, 1)).all()):
            chance = torch.Generator().manual_seed(SEED)
            for weight in asked.network.parameters():
                nudge = NUDGE * torch.randn(weight.shape, generator=chance)
                weight.data.add_(nudge.to(weight))
        yield


# ----------------------------------------------------------------------------- parts of the input


def ask_unused(asked: Asked, told: Told) -> list[dict[str, Any]]:
    """Parts of the inputs that no answer depends on: their slope is 0, and changing them shows
    nothing."""
    found = []
    with _awake(asked):
        base = asked.answer()
        slopes = _slopes(asked)
        for place, batch in enumerate(asked.inputs):
            silent = _silent(batch, slopes[place], asked)
            if not bool(silent.any()):
                continue
            other = asked.inputs
            swapped = batch.roll(1, asked.axis)
            mask = silent.unsqueeze(asked.axis).expand_as(batch)
            other[place] = torch.where(mask, swapped, batch)
            if torch.equal(other[place], batch) or not _same(asked.replaced(other).answer(), base):
                continue
            count = int(silent.sum())
            found.append({"input": place, "unused": count, "of": silent.numel()})
            told.remarks.append(
                f"No answer depends on {count:,} of {silent.numel():,} numbers of input {place}"
                f"{_places(silent)}."
            )
    return found


def _slopes(asked: Asked) -> list[Tensor | None]:
    """How the answers change with each number of each input; None for tokens."""
    free = [
        one.detach().clone().requires_grad_(True) if one.dtype.is_floating_point else one
        for one in asked.inputs
    ]
    with calm(asked.network), torch.enable_grad():
        torch.manual_seed(SEED)
        answer = asked.replaced(free).forward()
        if not answer.requires_grad:
            return [torch.zeros_like(one) for one in asked.inputs]
        weights = torch.randn(answer.shape, generator=torch.Generator().manual_seed(SEED))
        floats = [one for one in free if one.requires_grad]
        made = iter(
            torch.autograd.grad((answer * weights.to(answer)).sum(), floats, allow_unused=True)
            if floats
            else []
        )
    return [None if not one.requires_grad else _or_zeros(next(made), one) for one in free]


def _or_zeros(slope: Tensor | None, like: Tensor) -> Tensor:
    return torch.zeros_like(like) if slope is None else slope


def _silent(batch: Tensor, slope: Tensor | None, asked: Asked) -> Tensor:
    """By number of one example, whether no example's answers have a slope there."""
    if batch.ndim <= asked.axis or batch.shape[asked.axis] != asked.examples:
        return torch.zeros(1, dtype=torch.bool)
    if slope is None:  # of tokens only the whole input can be asked
        shape = [size for axis, size in enumerate(batch.shape) if axis != asked.axis]
        return torch.ones(shape, dtype=torch.bool, device=batch.device)
    return (slope == 0).all(asked.axis)


def _places(silent: Tensor) -> str:
    """Where whole rows of an axis are silent: `, among them 31 along axis 2`."""
    if bool(silent.all()):
        return ": it is not used at all"
    said = []
    for axis in range(silent.ndim):
        rest = [other for other in range(silent.ndim) if other != axis]
        whole = silent.all(dim=rest) if rest else silent
        places = whole.nonzero().flatten().tolist()
        if places:
            shown = ", ".join(map(str, places[:4])) + (", …" if len(places) > 4 else "")
            said.append(f"all of {shown} along axis {axis + 1}")
    return f" ({'; '.join(said)})" if said else ""


# --------------------------------------------------------------------------------- linearity


LARGE = 30.0
"""Times the input: where a curve that is flat near 0 has bent."""
STRAIGHT = 1e-4
"""Of the largest change: the rounding of a few layers in float32 lies well below it."""


def ask_affine(
    asked: Asked, told: Told, weighted: list[tuple[str, int]], inputs: int
) -> bool | None:
    """Whether f(x) + f(y) − f(x + y) − f(0) is 0: the network is one affine map.

    Asked up to its last layer with weights, as a softmax after it bends even an affine network.
    `weighted` are the called layers with weights and how many numbers of an example each gives.
    """
    if not weighted or any(not one.dtype.is_floating_point for one in asked.inputs):
        return None
    last = asked.network.get_submodule(weighted[-1][0])
    straight = all(_is_straight(asked, last, scale) for scale in (1.0, LARGE))
    if not straight:
        return False
    sizes = [size for _, size in weighted]
    if len(sizes) == 1:
        told.remarks.append(
            f"{asked.title} is affine up to its last weights, as logistic regression is."
        )
    elif min(sizes[:-1]) < min(inputs, sizes[-1]):
        told.remarks.append(
            f"{asked.title} is affine up to its last weights, of a rank that its narrow layer sets."
        )
    else:
        told.proven(
            "no-nonlinearity",
            [
                f"f(x) + f(y) − f(x + y) − f(0) is 0 within rounding: the {len(sizes)} layers with "
                "weights are together one affine map, which a single layer could be too."
            ],
            "put nn.ReLU() between them",
            layers=len(sizes),
        )
    return True


def _is_straight(asked: Asked, last: nn.Module, scale: float) -> bool:
    xs = [scale * one for one in asked.inputs]
    chance = torch.Generator().manual_seed(SEED)
    ys = [scale * torch.randn(one.shape, generator=chance).to(one) for one in asked.inputs]
    sums = [x + y for x, y in zip(xs, ys, strict=True)]
    zeros = [torch.zeros_like(x) for x in xs]
    values = [_up_to(asked.replaced(one), last).double() for one in (xs, ys, sums, zeros)]
    of_x, of_y, of_sum, of_zero = values
    largest = max(float((value - of_zero).abs().max()) for value in values)
    bend = float((of_x + of_y - of_sum - of_zero).abs().max())
    return largest > 0 and bend <= STRAIGHT * largest


def _up_to(asked: Asked, last: nn.Module) -> Tensor:
    """What the layer answers at its last call."""
    heard: list[Tensor] = []
    handle = last.register_forward_hook(lambda part, given, answer: heard.append(answer))
    try:
        replace(asked, part="").answer()
    finally:
        handle.remove()
    return heard[-1]
