"""The inputs' scale is one that the network cannot use well."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from pellucid.doctor.bench import Bench
from pellucid.doctor.cases import EVALUATE, STEP, script
from pellucid.doctor.diagnosis import DATA, Diagnosis
from pellucid.doctor.effect import Change
from pellucid.doctor.finding import Finding
from pellucid.doctor.judged import calm
from pellucid.watch.trace import Trace

NETWORK = "network = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 3))"
OPTIMISER = "torch.optim.SGD(network.parameters(), lr=0.5)"

WEIGHTED = (nn.Linear, nn.modules.conv._ConvNd, nn.RNNBase)
SETTLING = (
    nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.Embedding, nn.EmbeddingBag,
)  # fmt: skip
"""First layers that bring any scale to their own."""


@dataclass(frozen=True)
class Entrance:
    """The first layer with weights, and the numbers that reach it."""

    name: str
    kind: str
    axis: int
    """Along which its features lie."""
    numbers: Tensor
    """Anything × features."""

    @property
    def deviations(self) -> Tensor:
        """Of each feature that is not constant."""
        found = self.numbers.std(0)
        return found[found > 1e-6 * found.max()]


class InputsNotNormalised(Diagnosis):
    """The inputs' scale is one that the network cannot use well."""

    GROUP = DATA
    EXPLAINS = (
        "dead-units", "saturated-units", "learning-rate-too-high", "learning-rate-too-low",
        "exploding-gradients", "vanishing-gradients", "bad-initialisation", "optimiser-unsuited",
        "majority-answer", "non-finite-values",
    )  # fmt: skip
    LARGE, SMALL = 5.0, 0.05
    """The root mean square above which, and the standard deviation below which a trial is worth
    its time; initialisations expect about 1."""
    UNEQUAL = 100.0
    """The largest feature's standard deviation, as a multiple of the smallest one's."""
    HELPS = 0.8
    """The loss with standardised inputs, as a share of the loss without, in every repetition."""
    SOONER = 0.5
    """The same where the whole run comes as far: then it is a suggestion."""
    SICK = script(
        network=NETWORK,
        optimiser=OPTIMISER,
        step=STEP.replace("inputs[rows]", "inputs[rows] / 1000"),
        evaluate=EVALUATE.replace("inputs[k : k + 16]", "inputs[k : k + 16] / 1000"),
    )
    HEALTHY = SICK.replace(" / 1000", "")

    def probe(self, trace: Trace, bench: Bench) -> Finding | None:
        entrance = _entrance(bench)
        if entrance is None or not self._is_odd(entrance):
            return None
        changes = [_standardised(entrance, each=True), _standardised(entrance, each=False)]
        change = changes[bench.best(changes)]
        effect = bench.cure(change, self.HELPS) or bench.sooner(change, self.SOONER)
        if effect is None:
            return None
        size, ratio = _size(entrance), _ratio(entrance)
        low, high = entrance.numbers.min(), entrance.numbers.max()
        each = change is changes[0]
        evidence = [
            f"The numbers that reach the first layer, {entrance.name} ({entrance.kind}), go from "
            f"{_told(low, high - low)} to {_told(high, high - low)}, with a root mean square of "
            f"{size:.3g}; the largest standard deviation of a feature is {ratio:.3g} times the "
            "smallest.",
            effect.sentence("standardised inputs"),
        ]
        passes = (entry.line for entry in trace.passes if entry.with_graph)
        return self.confirmed(
            trace, bench, effect, evidence, self._mend(entrance, each), next(passes, None),
            root_mean_square=size, deviations_ratio=ratio, low=float(low), high=float(high),
        )  # fmt: skip

    def _is_odd(self, entrance: Entrance) -> bool:
        is_even = _size(entrance) <= self.LARGE and float(entrance.numbers.std()) >= self.SMALL
        return not is_even or _ratio(entrance) > self.UNEQUAL

    @staticmethod
    def _mend(entrance: Entrance, each: bool) -> str:
        if each and entrance.numbers.shape[1] > 1:
            return (
                "subtract from every feature its mean over the training data and divide by its "
                "standard deviation"
            )
        mean, deviation = entrance.numbers.mean(), entrance.numbers.std()
        moved = f"{'+' if mean < 0 else '-'} {_told(mean.abs(), deviation)}"
        return f"use (inputs {moved}) / {float(deviation):.4g}, in training and evaluation"


def _entrance(bench: Bench) -> Entrance | None:
    """What reaches the first layer with weights; None where that layer settles any scale."""
    network = bench.first()
    calm(network, bench.batches[0].training)
    heard: list[tuple[str, nn.Module, Tensor]] = []
    firsts: list[tuple[str, nn.Module, Tensor]] = []

    def hear(name: str, part: nn.Module, given: Any) -> None:
        if given and isinstance(given[0], Tensor):
            heard.append((name, part, given[0].detach()))

    handles = [
        part.register_forward_pre_hook(partial(hear, name))
        for name, part in network.named_modules()
        if isinstance(part, WEIGHTED + SETTLING)
    ]
    with torch.no_grad(), torch.random.fork_rng():
        for batch in bench.judge.batches:
            heard.clear()
            network(*batch.given, **batch.named)
            firsts += heard[:1]
    for handle in handles:
        handle.remove()
    if len({name for name, _, _ in firsts}) != 1 or isinstance(firsts[0][1], SETTLING):
        return None
    name, part, first = firsts[0]
    if not first.dtype.is_floating_point or first.ndim < 2:
        return None
    axis = 1 if isinstance(part, nn.modules.conv._ConvNd) else -1
    numbers = torch.cat([x.movedim(axis, -1).flatten(0, -2) for _, _, x in firsts]).double()
    finite = bool(torch.isfinite(numbers).all()) and len(numbers) > 1
    return Entrance(name, type(part).__name__, axis, numbers) if finite else None


def _told(value: Tensor, spread: Tensor) -> str:
    """A number with as many digits as tell it from its neighbours, at such a spread."""
    ratio = float(value.abs() / spread.clamp_min(1e-30))
    return f"{float(value):.{4 + max(0, math.ceil(math.log10(ratio))) if ratio > 1 else 4}g}"


def _size(entrance: Entrance) -> float:
    return float(entrance.numbers.pow(2).mean().sqrt())


def _ratio(entrance: Entrance) -> float:
    deviations = entrance.deviations
    return float(deviations.max() / deviations.min()) if len(deviations) else 1.0


def _standardised(entrance: Entrance, each: bool) -> Change:
    """The same network, whose first layer gets standardised numbers."""
    numbers = entrance.numbers
    axes = 0 if each else None
    mean = numbers.mean(axes)
    deviation = numbers.std(axes) if axes == 0 else numbers.std()
    deviation = deviation.clamp_min(1e-3 * float(numbers.std(0).mean()) + 1e-30)

    def scaled(_part: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
        x = given[0].movedim(entrance.axis, -1)
        x = (x - mean.to(x)) / deviation.to(x)
        return (x.movedim(-1, entrance.axis), *given[1:])

    def change(network: nn.Module) -> None:
        network.get_submodule(entrance.name).register_forward_pre_hook(scaled)

    return Change(network=change)


DIAGNOSIS = InputsNotNormalised
