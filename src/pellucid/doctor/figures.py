"""Figures that a script prints, beside what was counted when its answers were compared."""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace

from pellucid.watch.lines import Line
from pellucid.watch.trace import Printed, Score, Trace

DECIMAL = re.compile(r"(?<![\w.])\d+\.\d+(?![\w.])")
ACCURACY = re.compile(r"\bacc(?:uracy)?\s*[:=]?\s*(\d+\.\d+)(?!\s*(?:/|of\b|[\w.]))", re.IGNORECASE)
"""An accuracy by its word, as in "Acc: 97.31"."""
MOST = 100.5
"""No accuracy is above 100 %, however it is rounded."""
EXACT = 1e-6
"""The rounding of sums in float32, as a share."""
CLEAR = 1e-3
"""How likely a figure of no meaning would be taken for a quotient: its rounding as a share of
itself, multiplied over the figures of one place."""


@dataclass(frozen=True)
class Quotient:
    """What was counted, divided by something."""

    value: float
    words: str
    mend: str


@dataclass(frozen=True)
class Misread:
    """A line that prints another quotient than the share of right answers."""

    line: Line | None
    figure: str
    quotient: Quotient
    score: Score


@dataclass(frozen=True)
class Evaluation:
    """One time through the examples that are compared at a line."""

    score: Score
    times: int
    """As many times until then, this one too, it went through as many batches of the loader."""
    right_so_far: int
    count_so_far: int
    sizes: tuple[int, ...]
    """Examples of other loaders."""
    is_whole: bool
    """Whether all batches of one loader are known to be here."""

    @property
    def first(self) -> int:
        """Its first pass."""
        return self.score.batches[0][0]

    @property
    def last(self) -> int:
        return self.score.batches[-1][0]

    def fair(self) -> Iterator[float]:
        """What one may say of it: the share that is right or wrong, and the mean over batches."""
        by_batch = [right / count for _, right, count in self.score.batches]
        for share in (self.score.right / self.score.count, sum(by_batch) / len(by_batch)):
            yield from (share, 1 - share)

    def unfair(self) -> Iterator[Quotient]:
        """What is easily taken for it, each with a count of its own, in one order."""
        anew = "set the counts to 0 before each evaluation"
        nothing = Quotient(math.nan, "", "")
        right, count, batches = self.score.right, self.score.count, self.score.batches
        several = len(batches) > 1
        yield Quotient(
            self.right_so_far / count, f"the {self.right_so_far:,} right answers of "
            f"{self.times} evaluations until then, divided by the {count:,} of one", anew,
        )  # fmt: skip
        yield Quotient(
            self.right_so_far / self.count_so_far, f"the share of {self.times} evaluations until "
            f"then together, {self.right_so_far:,} of {self.count_so_far:,}", anew,
        ) if several else nothing  # fmt: skip
        yield Quotient(
            right / len(batches), f"{right:,} right answers divided by "
            f"{len(batches)} batches", "divide by the number of examples, not of batches",
        ) if several else nothing  # fmt: skip
        _, last, its = batches[-1]
        yield Quotient(
            last / its, f"the share of the last batch alone, {last:,} of {its:,}",
            "add up over all batches, and divide after the loop",
        ) if several and self.is_whole else nothing  # fmt: skip
        for size in self.sizes:
            yield Quotient(
                right / size, f"{right:,} right answers divided by {size:,}, the "
                "examples of another loader", "divide by the number of examples evaluated",
            )  # fmt: skip


def misread(trace: Trace) -> Misread | None:
    """The first figure that is another quotient of what was counted wherever it is printed, and
    not the share of right answers."""
    places: defaultdict[tuple[Line | None, int], list[tuple[Printed, str]]] = defaultdict(list)
    for printed in trace.printed:
        for place, found in enumerate(DECIMAL.finditer(printed.text)):
            places[printed.line, place].append((printed, found[0]))
    scores: defaultdict[tuple[int, Line | None], list[Score]] = defaultdict(list)
    for score in trace.scores:
        scores[score.model, score.line].append(score)
    for own in scores.values():
        evaluations = _evaluations(own, trace)
        for (line, _), figures in places.items():
            begun = [(*figure, _newest(figure[0], evaluations)) for figure in figures]
            beside = [(p, f, e) for p, f, e in begun if e is not None and e.score.step == p.step]
            if any(evaluation.last >= printed.passes for printed, _, evaluation in beside):
                continue  # it is printed in the midst of evaluations
            found_out = _always(beside, line)
            if found_out is not None:
                return found_out
    return None


def _newest(printed: Printed, evaluations: list[Evaluation]) -> Evaluation | None:
    """The newest that had begun when something was printed."""
    begun = bisect_left(evaluations, printed.passes, key=lambda evaluation: evaluation.first)
    return evaluations[begun - 1] if begun else None


def _always(figures: list[tuple[Printed, str, Evaluation]], line: Line | None) -> Misread | None:
    for quotients in zip(*(evaluation.unfair() for _, _, evaluation in figures), strict=False):
        chance, newest = 1.0, None
        for quotient, (printed, figure, evaluation) in zip(quotients, figures, strict=True):
            if not _fits(figure, quotient.value):
                break
            if any(_fits(figure, share) for share in evaluation.fair()):
                continue  # both are the same as yet
            others = (found[0] for found in DECIMAL.finditer(printed.text))
            if any(_fits(other, share) for other in others for share in evaluation.fair()):
                break
            chance *= _rounding(figure) / float(figure) if float(figure) not in (0, 1, 100) else 1
            newest = Misread(line, figure, quotient, evaluation.score)
        else:
            if newest is not None and chance < CLEAR:
                return newest
    return None


def _evaluations(scores: list[Score], trace: Trace) -> list[Evaluation]:
    found: list[Evaluation] = []
    so_far: defaultdict[tuple[int | None, int], tuple[int, int, int]] = defaultdict(
        lambda: (0, 0, 0)
    )
    sizes = [len(loader.indices) for loader in trace.loaders]
    for score in scores:
        for once in _times(score, trace):
            loaders = {trace.passes[number].loader for number, _, _ in once.batches}
            loader = loaders.pop() if len(loaders) == 1 else None
            kind = loader, len(once.batches)
            times, right, count = so_far[kind]
            so_far[kind] = alike = times + 1, right + once.right, count + once.count
            others = {size for k, size in enumerate(sizes) if k != loader} - {0, once.count}
            whole = loader is not None and len(once.batches) == _length(loader, trace)
            found.append(Evaluation(once, *alike, tuple(sorted(others)), whole))
    return found


def _times(score: Score, trace: Trace) -> Iterator[Score]:
    """What was compared between two steps, by each time through a loader."""
    part: list[tuple[int, int, int]] = []
    for batch in score.batches:
        loader = trace.passes[batch[0]].loader
        if part and (
            loader != trace.passes[part[-1][0]].loader or len(part) == _length(loader, trace)
        ):
            yield replace(score, batches=part)
            part = []
        part.append(batch)
    yield replace(score, batches=part)


def _length(loader: int | None, trace: Trace) -> int | None:
    """Batches of one time through a loader."""
    found = trace.loaders[loader] if loader is not None else None
    return -(-len(found.indices) // found.batch) if found and found.batch else None


def _fits(figure: str, value: float) -> bool:
    """Whether a printed figure is this number, or 100 times it, rounded."""
    near = _rounding(figure) + EXACT * float(figure)
    return any(abs(float(figure) - scale * value) <= near for scale in (1, 100))


def _rounding(figure: str) -> float:
    return 0.5 * 10.0 ** -len(figure.partition(".")[2])


def impossible(trace: Trace) -> tuple[Printed, str] | None:
    """A figure that its own word calls an accuracy, and that is more than 100 %."""
    for printed in trace.printed:
        found = ACCURACY.search(printed.text)
        if found is not None and float(found[1]) > MOST:
            return printed, found[1]
    return None
