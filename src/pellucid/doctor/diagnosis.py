"""`Diagnosis`: from what was seen, and where needed what was tried, to a finding."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pellucid.base.catalog import Catalog
from pellucid.doctor.finding import CONFIRMED, FAULT, PROVEN, SUGGESTION, SUSPECTED, Finding
from pellucid.watch.lines import Line
from pellucid.watch.trace import Step, Trace

if TYPE_CHECKING:
    from pellucid.doctor.bench import Bench
    from pellucid.doctor.effect import Effect
    from pellucid.watch.captured import Captured

DIAGNOSES = Catalog("diagnosis", "doctor.diagnoses")

PROCEDURE = "procedure"
DATA = "data"
OUTPUT = "output"
OPTIMISATION = "optimisation"
AFTER = "after"
ORDER = (PROCEDURE, DATA, OUTPUT, OPTIMISATION, AFTER)
"""Causes come before their symptoms."""


class Diagnosis(ABC):
    """One kind of fault. Its name is its file's, with dashes.

    A subclass's docstring says what went wrong in one sentence. `SICK` and `HEALTHY` are two
    scripts that anyone can run; they are as near to each other as can be. It answers `find`,
    `look`, `probe` or several of them.
    """

    GROUP: ClassVar[str]
    EXPLAINS: ClassVar[tuple[str, ...]] = ()
    HURTS_LEARNING: ClassVar[bool] = True
    """Whether slow or failed learning is a symptom of it: then no cure for that is tried."""
    ONE_NETWORK: ClassVar[bool] = False
    """Whether its trials put examples to one network by itself, so that several of them, or
    several passes, cannot be asked."""
    IN_GAMES: ClassVar[bool] = False
    """Whether its trials also tell something of networks that work against each other, which are
    not judged by their losses."""
    COST: ClassVar[int] = 0
    """When its trials come: 0 where they are done on a sign alone, at once; 1 where several changes
    are tried wherever there is room for more, as the last of the group; 2 where they take a large
    part of the time, after all groups."""
    SICK: ClassVar[str]
    HEALTHY: ClassVar[str]

    @classmethod
    def name(cls) -> str:
        return cls.__module__.rpartition(".")[2].replace("_", "-")

    def find(self, trace: Trace) -> Finding | None:
        """The finding, if the trace alone shows it."""
        return None

    def look(self, trace: Trace, captured: Captured) -> Finding | None:
        """The finding, if the batches that were kept show it without a trial."""
        return None

    def probe(self, trace: Trace, bench: Bench) -> Finding | None:
        """The finding, if questions put to copies show it. May raise `NotPossible`."""
        return None

    def proven(
        self, where: Line | None, evidence: list[str], prescription: str, kind: str = FAULT,
        **numbers: Any,
    ) -> Finding:  # fmt: skip
        return Finding(
            self.name(), PROVEN, where, tuple(evidence), prescription, numbers, self.EXPLAINS, kind,
            effect=0.0,
        )  # fmt: skip

    def suspected(
        self, where: Line | None, evidence: list[str], prescription: str, **numbers: Any
    ) -> Finding:
        return Finding(
            self.name(), SUSPECTED, where, tuple(evidence), prescription, numbers, self.EXPLAINS
        )

    def confirmed(
        self, trace: Trace, bench: Bench, effect: Effect, evidence: list[str], prescription: str,
        where: Line | None = None, **numbers: Any,
    ) -> Finding:  # fmt: skip
        """A cure was tried and helps. It is a fault where the run itself did not learn; a
        suggestion where it did, where the whole run came further than the cure, of networks that
        work against each other, and of one whose targets may come from a twin."""
        standing = bench.standing()
        gentle = standing.learns or bench.is_game or effect.is_only_sooner
        gentle = gentle or has_twin(trace, bench.captured.model)
        measured = {
            "loss_without": effect.before,
            "loss_with": effect.after,
            "repetitions": len(effect.changed),
            "loss_reached": standing.reached,
        }
        return Finding(
            self.name(), CONFIRMED, where or last_step(trace), tuple(evidence), prescription,
            measured | numbers, self.EXPLAINS, SUGGESTION if gentle else FAULT, effect.share,
            tried(effect),
        )  # fmt: skip


def by_line(steps: Sequence[Step]) -> list[list[Step]]:
    """Steps of each line of the script: with several optimisers each has its own."""
    found: dict[Line | None, list[Step]] = {}
    for step in steps:
        found.setdefault(step.line, []).append(step)
    return list(found.values())


def has_twin(trace: Trace, model: int) -> bool:
    """Whether a network of the same kind and size is asked without a graph beside at least half of
    the steps, as the one that tells an agent what its next answers are worth: such targets move
    with the training, and the loss does not tell how well it goes."""
    own = trace.models[model] if model < len(trace.models) else None
    asked: dict[int, set[int]] = {}
    for entry in trace.passes:
        other = trace.models[entry.model]
        alike = own and (other.name, other.parameters) == (own.name, own.parameters)
        if entry.model != model and alike and not entry.with_graph:
            asked.setdefault(entry.model, set()).add(entry.step)
    return any(2 * len(steps) >= len(trace.steps) for steps in asked.values())


def last_step(trace: Trace) -> Line | None:
    """The line of the newest optimiser's step."""
    return trace.steps[-1].line if trace.steps else None


def tried(effect: Effect) -> dict[str, Any]:
    """Losses step by step, one list a repetition, without and with the change."""
    return {
        "without": [list(outcome.losses) for outcome in effect.without],
        "with": [list(outcome.losses) for outcome in effect.changed],
    }


def plural(count: int, word: str) -> str:
    """`1 batch`, `3 batches`."""
    ending = "es" if word.endswith(("s", "x", "ch", "sh")) else "s"
    return f"{count:,} {word}" + ("" if count == 1 else ending)
