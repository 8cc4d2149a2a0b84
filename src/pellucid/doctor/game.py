"""By what adversarial networks are judged: how far what one makes lies from what is real.

Their losses say nothing about how well it goes: each falls as the other rises.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from pellucid.doctor.effect import NOTHING, Change, NotPossible
from pellucid.doctor.judged import Judge, calm
from pellucid.doctor.together import Together
from pellucid.watch.captured import Batch
from pellucid.watch.graph import makers
from pellucid.watch.program import Call, Constant, Part, Program, Slot

MADE, REAL, ANSWERED = "made", "real", "answered"
"""What a network is given: what another makes now, data, or what another answered then."""
DIRECTIONS = 64


class GameJudge(Judge):
    """The distance of what is made from what is real, as a network is given both: the sliced
    Wasserstein distance (Rabin et al. 2012), as a share of what one constant answer has."""

    MEASURE = "distance of what is made from what is real"

    def __init__(self, batches: list[Batch]) -> None:
        super().__init__(batches)
        self._kinds = [_kinds(batch) for batch in batches]
        self.judges = _judges(batches, self._kinds)
        if not self.judges:
            raise NotPossible("its optimisers follow different losses")

    def __call__(
        self, network: nn.Module, change: Change = NOTHING, norms: bool | None = None
    ) -> tuple[float, float | None]:
        calm(network, self.batches[0].training if norms is None else norms)
        shares = [_distance(*self.met(network, judge)) for judge in self.judges]
        mean = sum(shares) / len(shares)
        return mean if math.isfinite(mean) else math.inf, None

    def trivial(self) -> float:
        return 1.0

    def majority(self) -> None:
        return None

    @staticmethod
    def find_target(batch: Batch) -> Tensor | None:
        return None

    def met(self, network: nn.Module, judge: str) -> tuple[Tensor, Tensor]:
        """What a judge is given, made and real: examples × numbers."""
        met: dict[str, list[Tensor]] = {MADE: [], REAL: []}
        with torch.no_grad():
            for kind, given in self._met(network, judge):
                met[kind].append(given)
        made, real = (torch.cat(met[kind]).flatten(1).double() for kind in (MADE, REAL))
        return made, real

    def ends_in(self, network: nn.Module, judge: str) -> tuple[str, ...]:
        """The autograd nodes behind what a judge is given that is made, the last first."""
        met = self._met(network, judge)
        return next((makers(t) for kind, t in met if kind == MADE and t.grad_fn), ())

    def _met(self, network: nn.Module, judge: str) -> Iterator[tuple[str, Tensor]]:
        for batch, kinds in zip(self.every, self._kinds, strict=True):
            places = {
                k: kind
                for k, (name, kind) in kinds.items()
                if name == judge and kind in (MADE, REAL)
            }
            if places:
                for entry in given_to(network, batch):
                    if entry.place in places:
                        yield places[entry.place], entry.args[0]


class Given(NamedTuple):
    """What one pass of a loss is given."""

    place: int
    """In the program."""
    name: str
    """The network's."""
    args: tuple[Any, ...]


def given_to(network: nn.Module, batch: Batch) -> list[Given]:
    """What each pass is given, in a loss done again."""
    assert isinstance(network, Together)
    assert batch.program is not None
    places = {id(call): k for k, call in enumerate(batch.program.calls)}
    found: list[Given] = []

    def caller(call: Call, function: Any, args: Any, named: Any) -> Any:
        if isinstance(call.function, Part):
            found.append(Given(places[id(call)], call.function.name, args))
        return function(*args, **named)

    parts = dict(network.named_children())
    batch.program.again([], network.weights(), networks=parts, caller=caller)
    return found


def _kinds(batch: Batch) -> dict[int, tuple[str, str]]:
    """By place of a pass in the program, the network and whether it is given what another one has
    made, or what is real."""
    program = batch.program
    assert program is not None
    found = {}
    origins = _origins(program)
    for k, call in enumerate(program.calls):
        if not isinstance(call.function, Part) or not call.args:
            continue
        first = call.args[0]
        if isinstance(first, Slot) and origins[first.k] - {call.function.name}:
            found[k] = call.function.name, MADE
        elif isinstance(first, Constant):
            is_answer = id(first.tensor) in batch.answers
            found[k] = call.function.name, ANSWERED if is_answer else REAL
    return found


def _origins(program: Program) -> dict[int, frozenset[str]]:
    """By slot, the networks that it depends on."""
    found: dict[int, frozenset[str]] = {}
    for call in program.calls:
        own = {call.function.name} if isinstance(call.function, Part) else set()
        known = frozenset(own).union(*(found[k] for k in call.slots()))
        found |= dict.fromkeys(call.results, known)
    return found


def _judges(batches: list[Batch], kinds: list[dict[int, tuple[str, str]]]) -> list[str]:
    """The networks that are given data and what others make, both before one of their steps; a
    critic of actions learns from data alone."""
    by_step: dict[tuple[str, int], set[str]] = {}
    for batch, found in zip(batches, kinds, strict=True):
        for name, kind in found.values():
            by_step.setdefault((name, batch.step), set()).add(kind)
    made = {name for (name, _), several in by_step.items() if MADE in several}
    return sorted({
        name
        for (name, _), several in by_step.items()
        if name in made and REAL in several and len(several) > 1
    })  # fmt: skip


def _distance(made: Tensor, real: Tensor) -> float:
    """Of the sorted projections onto directions, as a share of that of the real ones' mean."""
    chance = torch.Generator().manual_seed(0)
    ways = torch.randn(real.shape[1], DIRECTIONS, generator=chance, dtype=torch.float64)
    ways = ways.to(real) / ways.norm(dim=0).to(real)
    count = min(len(made), len(real))
    there = (real[:count] @ ways).sort(0).values
    here = (made[:count] @ ways).sort(0).values
    spread = float((there - there.mean(0)).abs().mean())
    return float((here - there).abs().mean()) / spread if spread else math.inf
