"""How an optimiser made a weight's new value: every number on the way, in the order it arose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pellucid.explain.explained import Explained, NotCovered
from pellucid.explain.recorded import MOVE, Recorded
from pellucid.scratch.arrays import Index


@dataclass(frozen=True)
class Story:
    """One weight through one step."""

    weight: str
    before: float
    after: float
    """The real new weight, as PyTorch left it."""
    gradient: float | None
    optimiser: str
    steps: list[Explained | NotCovered]
    """The optimiser's own numbers, the new weight last."""

    @property
    def change(self) -> float:
        """Δw."""
        return self.after - self.before

    @property
    def agrees(self) -> bool:
        """Whether every step was written out and agrees with PyTorch's number."""
        return all(isinstance(step, Explained) and step.agrees for step in self.steps)

    def as_record(self) -> dict[str, Any]:
        return {
            "weight": self.weight,
            "optimiser": self.optimiser,
            "before": self.before,
            "gradient": self.gradient,
            "after": self.after,
            "change": self.change,
            "agrees": self.agrees,
            "steps": [step.as_record() for step in self.steps],
        }


def update_story(recorded: Recorded, name: str, index: Index) -> Story:
    """The step of the weight `name` at `index`.

    Raises `WrongUse` if there was no step, or no such weight or place.
    """
    number = recorded.update(name, index)
    before = recorded.at(name, index)
    gradients = recorded.recording.weight_gradients
    gradient = recorded.gradient(name, index).value if name in gradients else None
    steps: list[Explained | NotCovered] = []
    _collect(recorded, number.name, steps, set())
    return Story(before.name, before.value, number.value, gradient,
                 recorded.recording.optimiser, steps)  # fmt: skip


def _collect(
    recorded: Recorded, address: str, steps: list[Explained | NotCovered], known: set[str]
) -> None:
    """First what a number was made of, then the number itself; only the optimiser's own calls."""
    if address in known:
        return
    known.add(address)
    found = recorded.ask(address).explain()
    if found.where is None or found.where.phase != "step":
        return
    if isinstance(found, Explained):
        for term in found.terms:
            for source in term.source:
                _collect(recorded, str(source), steps, known)
        if found.op == MOVE:
            return
    steps.append(found)
