"""The first steps: the loss before any, slopes, and whether eight examples can be learnt."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Adam, Optimizer

from pellucid.doctor.check.asked import SEED, Asked, Graded, Lesson, kept, tensors
from pellucid.doctor.check.told import Told
from pellucid.watch.graph import learnt

EXAMPLES = 8
STEPS = 500
"""Steps to try before it is said that the examples cannot be learned."""
SMALL = 0.05
"""Where nothing is right or wrong: the loss must fall to this share of its first value."""
HIGH = 2.0
"""Times ln C: a loss before the first step that says more than that the network guesses."""
SYMMETRIC_STEPS = 20
"""After so many steps rows of weights that learn are different from each other."""
RATES = (1e-3, 1e-2, 1e-4)
"""Adam's, one after the other, where the first rate does not do."""


@dataclass(frozen=True)
class Start:
    """The loss before the first step."""

    loss: float
    classes: int | None
    cross_entropy: float | None
    """An example's, in the mean: the loss itself may be a sum, weighted, or have other terms."""
    expected: float | None
    """ln C: the loss of a network that gives every class the same share."""
    spread: float | None
    """The standard deviation of the scores."""


@dataclass(frozen=True)
class ByHeart:
    """How the attempt went."""

    examples: int
    learnt: bool | None
    """None where it is not decided: the time was over, or nothing is right or wrong."""
    steps: int
    first_loss: float
    last_loss: float
    right: int | None
    optimiser: str
    seconds: float


def ask_start(lesson: Lesson, told: Told) -> Start:
    """The loss before the first step against ln C."""
    with kept(lesson.networks):
        torch.manual_seed(SEED)
        graded = lesson.grade(None)
    value = float(graded.loss.detach())
    scores = graded.scores.detach().double() if graded.scores is not None else None
    classes = lesson.classes if scores is not None else None
    expected = math.log(classes) if classes else None
    entropy = None
    if classes and scores is not None and graded.labels is not None:
        entropy = float(functional.cross_entropy(scores, graded.labels))
    spread = float(scores.std()) if scores is not None else None
    found = Start(value, classes, entropy, expected, spread)
    if not math.isfinite(value):
        told.proven(
            "non-finite-values",
            [f"The loss before the first step is {value}."],
            "look for logarithms of 0, divisions by 0 and scores beyond exp(88) in forward",
        )
    elif expected and entropy is not None and entropy > HIGH * expected:
        told.suspected(
            "bad-initialisation",
            [
                f"Cross entropy begins at {entropy:.4g}; a guess among {classes} classes costs ln "
                f"{classes} = {expected:.4g}. The scores have a standard deviation of "
                f"{found.spread:.3g}."
            ],
            "leave the layers at PyTorch's own initialisation, or bring the inputs to mean 0 and "
            "standard deviation 1",
            cross_entropy=entropy,
            expected=expected,
        )
    return found


def ask_slopes(lesson: Lesson, asked: list[Asked], called: set[int], told: Told) -> list[str]:
    """Names of the parameters that the optimiser holds and the loss does not reach.

    `called` holds the ids of the modules that took part in a pass. What a part of an answer
    reaches that the loss leaves out, such as a second head, is not cut off.
    """
    names = {id(weight): name for net in lesson.networks for name, weight in net.named_parameters()}
    held = {id(one) for group in lesson.optimiser().param_groups for one in group["params"]}
    learning = [one for net in lesson.networks for one in net.parameters() if one.requires_grad]
    if names and not learning:
        told.proven(
            "frozen-by-mistake",
            [f"None of {len(names)} tensors of parameters learns: requires_grad is False for all."],
            "set requires_grad_(True) on what is to learn",
        )
        return sorted(names.values())
    with kept(lesson.networks):
        torch.manual_seed(SEED)
        loss = lesson.grade(None).loss
        reached = {id(weight): weight for weight in learnt(loss)}
        answered = {id(weight) for one in asked for weight in _reached_by_answers(one, reached)}
    _tell_outside(lesson, reached, set(names) | held, told)
    trainable = [one for one in learning if id(one) in held]
    missing = {id(one) for one in trainable if id(one) not in reached}
    cut = _names(lesson, missing - answered, called)
    if cut or (not reached and trainable):
        told.proven(
            "graph-cut",
            [
                f"{len(cut) or len(trainable)} tensors of parameters, whose layers took part, get "
                "no gradient"
                + (f": {', '.join(cut[:4])}{', …' if len(cut) > 4 else ''}." if cut else ".")
            ],
            "look for .detach(), .data, .item(), no_grad, NumPy or argmax on the way to the loss",
            parameters=cut,
        )
    return sorted(names[one] for one in missing if one in names)


def _reached_by_answers(asked: Asked, reached: dict[int, Tensor]) -> Iterator[Tensor]:
    """What any part of an answer depends on, of a network that the loss reaches at all."""
    if any(id(weight) in reached for weight in asked.network.parameters()):
        for part in tensors(asked.network(*asked.given, **asked.named)):
            yield from learnt(part)


def _names(lesson: Lesson, wanted: set[int], called: set[int]) -> list[str]:
    """Names of the wanted parameters of modules that were called."""
    return [
        f"{path}.{name}" if path else name
        for network in lesson.networks
        for path, part in network.named_modules()
        if id(part) in called
        for name, one in part.named_parameters(recurse=False)
        if id(one) in wanted
    ]


def _tell_outside(lesson: Lesson, reached: dict[int, Tensor], known: set[int], told: Told) -> None:
    """Parameters that the loss depends on and no network registers, or no optimiser holds."""
    lost = [one for one in reached.values() if id(one) not in known]
    if lost:
        lists = [
            f"{type(part).__name__}.{name}"
            for network in lesson.networks
            for part in network.modules()
            for name, value in vars(part).items()
            if isinstance(value, list | tuple | dict) and not name.startswith("_")
            and any(isinstance(one, nn.Module | nn.Parameter)
                    for one in (value.values() if isinstance(value, dict) else value))
        ]  # fmt: skip
        told.proven(
            "parameters-outside-optimiser",
            [
                f"The loss depends on {len(lost)} parameters that the network does not know"
                + (f": they stand in the plain list or dict {', '.join(lists)}." if lists else ".")
            ],
            "use nn.ModuleList or nn.ModuleDict, and make layers in __init__",
            parameters=len(lost),
        )


def ask_symmetry(lesson: Lesson, told: Told) -> None:
    """Whether a layer's rows of weights are equal, and stay equal while it learns."""
    equal = [
        (name, weight)
        for network in lesson.networks
        for name, weight in network.named_parameters()
        if weight.requires_grad and weight.ndim > 1 and len(weight) > 1 and _rows_equal(weight)
    ]
    if not equal:
        return
    with kept(lesson.networks):
        torch.manual_seed(SEED)
        optimiser = Adam(_trainable(lesson), lr=RATES[0])
        for _ in range(SYMMETRIC_STEPS):
            step(lesson, optimiser, None)
        still = [name for name, weight in equal if _rows_equal(weight)]
    for name in still:
        told.proven(
            "bad-initialisation",
            [
                f"All rows of {name} are equal, and still are after {SYMMETRIC_STEPS} steps: its "
                "units learn the same, or nothing."
            ],
            "leave the weights at PyTorch's own initialisation, which is random",
            parameter=name,
        )


def _rows_equal(weight: Tensor) -> bool:
    rows = weight.detach().flatten(1)
    return bool(((rows - rows[:1]).abs() <= 1e-6 * rows.abs().max()).all())


def _trainable(lesson: Lesson) -> list[Tensor]:
    weights = {id(one): one for network in lesson.networks for one in network.parameters()}
    return [one for one in weights.values() if one.requires_grad]


def step(lesson: Lesson, optimiser: Optimizer, rows: Tensor | None) -> Graded:
    """Forward, loss, backward and one step."""
    found: list[Graded] = []

    def closure() -> Tensor:
        optimiser.zero_grad()
        graded = lesson.grade(rows)
        graded.loss.backward()  # type: ignore[no-untyped-call]  # torch's own has no types
        found.append(graded)
        return graded.loss

    if isinstance(optimiser, torch.optim.LBFGS):
        optimiser.step(closure)  # type: ignore[no-untyped-call]  # torch's own has no types
    else:
        closure()
        optimiser.step()
    return found[0]


# ------------------------------------------------------------------------------ by heart


def ask_by_heart(lesson: Lesson, told: Told, seconds: float) -> list[ByHeart]:
    """Learn eight examples, with the lesson's optimiser first, then with Adam.

    The attempts end at the first that succeeds, and when the time is over.
    """
    count = min(EXAMPLES, lesson.examples)
    tries: list[tuple[str, Callable[[], Optimizer]]] = [(lesson.optimiser_said, lesson.optimiser)]
    for rate in RATES:
        said = f"Adam with rate {rate:g}"
        if said != lesson.optimiser_said:
            tries.append((said, partial(Adam, _trainable(lesson), lr=rate)))
    end = time.perf_counter() + seconds
    found: list[ByHeart] = []
    for said, make in tries:
        if found and time.perf_counter() > end:
            break
        found.append(_attempt(lesson, said, make, count, end))
        if found[-1].learnt is not False:
            break
    return found


def _attempt(
    lesson: Lesson, said: str, make: Callable[[], Optimizer], count: int, end: float
) -> ByHeart:
    optimiser = make()
    rows = lesson.rows(count)
    losses: list[float] = []
    begun = time.perf_counter()
    learnt_it: bool | None = False
    right: int | None = None
    with kept(lesson.networks, optimiser), _without_dropout(lesson.networks):
        torch.manual_seed(SEED)
        for _ in range(STEPS):
            graded = step(lesson, optimiser, rows)
            losses.append(float(graded.loss.detach()))
            right = _right(graded, rows, count)
            learnt_it = right == count  # at the end, that is enough
            if losses[-1] <= SMALL * losses[0] and right in (None, count):
                learnt_it = True
                break
            if not math.isfinite(losses[-1]):
                break
            if time.perf_counter() > end:
                learnt_it = None
                break
    if right is None and not learnt_it:
        learnt_it = None  # a loss of numbers may have a floor of its own
    took = time.perf_counter() - begun
    return ByHeart(count, learnt_it, len(losses), losses[0], losses[-1], right, said, took)


def _right(graded: Graded, rows: Tensor, count: int) -> int | None:
    """How many of the different examples are answered rightly; None where nothing is right."""
    if graded.scores is None or graded.labels is None:
        return None
    hits = (graded.scores.argmax(-1) == graded.labels).flatten()
    if len(hits) % len(rows):
        return None
    each = hits.reshape(len(rows), -1).all(1)
    return int(each[:count].sum())


@contextmanager
def _without_dropout(networks: list[nn.Module]) -> Iterator[None]:
    """Chance in the way of the numbers is no help in learning them by heart."""
    drops = [
        (part, part.p)
        for network in networks
        for part in network.modules()
        if isinstance(part, nn.modules.dropout._DropoutNd)
    ]
    for part, _ in drops:
        part.p = 0.0
    try:
        yield
    finally:
        for part, share in drops:
            part.p = share
