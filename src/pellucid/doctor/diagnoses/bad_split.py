"""The split leaves classes out of one side."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from pellucid.doctor.cases import script
from pellucid.doctor.diagnosis import DATA, Diagnosis, last_step
from pellucid.doctor.examples import labels_of, learnt, newest, own, sides_of, symbols_in
from pellucid.doctor.finding import SUGGESTION, Finding
from pellucid.watch.captured import Captured, Held
from pellucid.watch.trace import Trace

SORTED = """
order = labels.argsort(stable=True)
inputs, labels = inputs[order], labels[order]

network ="""
MIXED = SORTED.replace("labels.argsort(stable=True)", "torch.randperm(256)")


class BadSplit(Diagnosis):
    """The split leaves classes out of one side."""

    GROUP = DATA
    HURTS_LEARNING = False
    EXPLAINS = ("overfitting", "within-noise", "targets-miscoded")
    MANY = 100
    """Labels that may not all be the same."""
    SHARE = 0.05
    """Of one side's examples, that are of a class which the other side lacks."""
    BEYOND = 0.2
    """Of the evaluation's examples, that lie outside the training's range."""
    OFTEN = 50
    """Places of training's symbols, for each of them, from which on they are all known."""
    CHANCE = 1e-4
    """Probability at most that a random split of this size leaves the class out."""
    SICK = script().replace("\n\nnetwork =", "\n" + SORTED)
    HEALTHY = script().replace("\n\nnetwork =", "\n" + MIXED)

    def look(self, trace: Trace, captured: Captured) -> Finding | None:
        found = self._by_classes(trace, captured) or self._by_symbols(trace, captured)
        if found is None and (ranged := self._by_range(captured)) is not None:
            found = replace(ranged, explains=())
        return found

    def _by_range(self, captured: Captured) -> Finding | None:
        """A column, or what is to be foretold, that lies beyond all of training's."""
        sides = sides_of(captured, self.MANY)
        if sides is None:
            return None
        tables = sides.training, sides.evaluation
        numbers = [_column(table.targets) for table in tables]
        goals = [column for column in numbers if column is not None]
        pairs = [("target", goals)] if len(goals) == 2 else []
        for name, (known, asked) in (*pairs, ("input", [t.flat for t in tables])):
            low, high = known.amin(0), known.amax(0)
            beyond = ((asked < low) | (asked > high)).double().mean(0)
            column = int(beyond.argmax())
            if float(beyond[column]) >= self.BEYOND:
                which = name if name == "target" else f"{name} number {column}"
                return self.proven(
                    sides.line,
                    [f"In {100 * float(beyond[column]):.3g} % of the evaluation's {len(asked):,} "
                     f"examples the {which} lies outside {float(low[column]):.4g} to "
                     f"{float(high[column]):.4g}, where all {len(known):,} kept training examples "
                     f"lie; it goes from {float(asked[:, column].min()):.4g} to "
                     f"{float(asked[:, column].max()):.4g}."],
                    "split after shuffling; or it is meant, as where later times are foretold",
                    kind=SUGGESTION, column=column, beyond=float(beyond[column]),
                )  # fmt: skip
        return None

    def _by_symbols(self, trace: Trace, captured: Captured) -> Finding | None:
        """Sequences of symbols that training's never hold."""
        last = newest(own(captured))
        sides = symbols_in(captured.batches()), symbols_in(last)
        if not all(sides):
            return None
        known, sequence = (torch.cat([x.flatten() for x in side]) for side in sides)
        symbols = torch.unique(known)
        new = ~torch.isin(sequence, symbols)
        share = float(new.double().mean())
        if share < self.BEYOND or len(known) < self.OFTEN * len(symbols):
            return None
        shown = ", ".join(str(int(x)) for x in torch.unique(sequence[new])[:8])
        return self.proven(
            last[-1].facts.line if last[-1].facts else None,
            [f"{100 * share:.3g} % of the {len(sequence):,} symbols in evaluation are none of the "
             f"{len(symbols)} that came in {len(known):,} places of training: {shown}."],
            "draw both sides from the same sequences", kind=SUGGESTION, share=share,
        )  # fmt: skip

    def _by_classes(self, trace: Trace, captured: Captured) -> Finding | None:
        table = learnt(captured)
        mine = table.labels() if table is not None else None
        if mine is None:
            return None
        whole = len(mine) >= 0.9 * trace.models[captured.model].learnt_from
        if whole and not captured.why_not and self._is_one_class(mine):
            return self.proven(
                last_step(trace),
                [f"Each of the {len(mine):,} training labels is {int(mine[0])}: there is nothing "
                 "to tell apart."],
                "split after shuffling, class by class (stratified)", lacking="training",
            )  # fmt: skip
        other = self._evaluated(trace, captured)
        if other is None:
            return None
        sides = (("training", "evaluation", mine, other.labels), ("evaluation", "training",
                 other.labels, mine))  # fmt: skip
        for name, lacking, has, lacks in sides:
            if lacking == "training" and not whole:
                continue
            missing = self._missing(has, lacks)
            if missing:
                share = float(torch.isin(has, torch.tensor(missing)).double().mean())
                classes = ", ".join(map(str, missing))
                return self.proven(
                    other.batches[-1].facts.line if other.batches[-1].facts else None,
                    [f"{100 * share:.3g} % of the {name}'s {len(has):,} labels are of classes "
                     f"that none of the {lacking}'s {len(lacks):,} labels has: {classes}."],
                    "split after shuffling, class by class (stratified)",
                    classes=missing, lacking=lacking, share=share,
                )  # fmt: skip
        return None

    def _is_one_class(self, labels: Tensor) -> bool:
        return len(labels) >= self.MANY and bool((labels == labels[0]).all())

    def _missing(self, has: Tensor, lacks: Tensor) -> list[int]:
        """Classes of one side that are frequent there, and that chance does not leave out."""
        found = []
        for label in torch.unique(has).tolist():
            share = float((has == label).double().mean())
            is_rare = share < self.SHARE or (1 - share) ** len(lacks) > self.CHANCE
            if not is_rare and not bool((lacks == label).any()):
                found.append(int(label))
        return found

    @staticmethod
    def _evaluated(trace: Trace, captured: Captured) -> _Evaluated | None:
        """The newest evaluation, if all its batches were kept."""
        last = newest(own(captured))
        if not last:
            return None
        found = [None if e.target is None else labels_of(e.target.detach().cpu()) for e in last]
        labels = [entry for entry in found if entry is not None]
        if len(labels) < len(last):
            return None
        seen = sum(
            entry.examples for entry in trace.passes
            if not entry.with_graph and entry.step == last[-1].step
            and entry.model == captured.model
        )  # fmt: skip
        whole = torch.cat(labels)
        return _Evaluated(whole, last) if len(whole) >= seen else None


def _column(targets: Tensor | None) -> Tensor | None:
    """Targets of one floating number an example, as examples × 1; None if they are classes."""
    if targets is None or not targets.dtype.is_floating_point or targets.numel() != len(targets):
        return None
    if labels_of(targets) is not None:
        return None
    return targets.double().reshape(-1, 1)


class _Evaluated:
    def __init__(self, labels: Tensor, batches: list[Held]) -> None:
        self.labels, self.batches = labels, batches


DIAGNOSIS = BadSplit
