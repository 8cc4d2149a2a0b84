"""Evaluation data were trained on, wholly or in part."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from pellucid.doctor.bench import Bench
from pellucid.doctor.cases import EVALUATE, script
from pellucid.doctor.diagnosis import DATA, Diagnosis, last_step
from pellucid.doctor.examples import learnt, newest
from pellucid.doctor.finding import FAULT, SUGGESTION, Finding
from pellucid.watch.captured import Captured
from pellucid.watch.lines import Line
from pellucid.watch.rows import marks_of
from pellucid.watch.trace import Loader, Pass, Trace

DRAWN = "rows = torch.randint(0, 192, (32,))"
DEALT = "rows = torch.arange(32) + 32 * (step % 6)"
NAMED = re.compile(r"test|valid|hold_?out|held_?out|(?<![a-z])(val|dev)(?![a-z])", re.IGNORECASE)
OWN = re.compile(r"train|fit", re.IGNORECASE)


@dataclass(frozen=True)
class Sweep:
    """The newest evaluation of one kind: its passes between two steps."""

    passes: tuple[Pass, ...]
    loader: int | None

    @property
    def rows(self) -> int:
        return sum(entry.examples for entry in self.passes)

    @property
    def known(self) -> int:
        return sum(entry.known for entry in self.passes)

    @property
    def repeated(self) -> int:
        return sum(entry.repeated for entry in self.passes)

    @property
    def share(self) -> float:
        return self.known / self.rows

    @property
    def step(self) -> int:
        return self.passes[0].step

    @property
    def line(self) -> Line | None:
        return self.passes[0].line


class TestedOnTrainingData(Diagnosis):
    """Evaluation data were trained on, wholly or in part."""

    GROUP = DATA
    HURTS_LEARNING = False
    ROWS = 20
    WHOLLY = 0.95
    """Known examples of an evaluation from which on all count as known."""
    LEAST = 0.01
    """Examples that may be known in any data set."""
    MOSTLY = 0.85
    """The same if all that was learnt from is in it: as where not all was drawn yet."""
    AS_OFTEN = 0.8
    """Known examples as a share of those of training's last batches, where these meet new ones."""
    OFTEN = 0.5
    """Steps beside which there is an evaluation, as a share, from which on it is acting: an agent
    answers before each step, and learns from the same rows."""
    COLUMNS, SEVERAL, FINE = 100, 3, 0.9
    """In several columns nearly every example has a number of its own: then none are equal by
    nature."""
    SICK = script(
        evaluate=EVALUATE.replace("16", "24").replace("range(192", "range(180").replace("64", "76")
    ).replace(DRAWN, DEALT)
    HEALTHY = script().replace(DRAWN, DEALT)
    __test__ = False  # not a test of pytest's, whatever its name begins with

    def find(self, trace: Trace) -> Finding | None:
        for model in range(len(trace.models)):
            finding = self._of(model, trace)
            if finding is not None:
                return finding
        return None

    def look(self, trace: Trace, captured: Captured) -> Finding | None:
        """The same where no two examples are equal by nature, though copies are in the data."""
        table = learnt(captured)
        if table is None or len(table.inputs) < self.ROWS:
            return None
        columns = table.flat[:, : self.COLUMNS]
        fine = sum(len(torch.unique(c)) >= self.FINE * len(columns) for c in columns.T)
        return self._of(captured.model, trace, 0.0) if fine >= self.SEVERAL else None

    def probe(self, trace: Trace, bench: Bench) -> Finding | None:
        """The same for what is to be drawn again, where the inputs are changed each time."""
        known = {
            m for batch in bench.captured.batches() for m in _drawn(bench.judge.find_target(batch))
        }
        entries = newest(e for e in bench.captured.held if _drawn(e.target))
        sweep = [_drawn(entry.target) for entry in entries]
        asked = [mark for marks in sweep for mark in marks]
        if len(asked) < self.ROWS or len(asked) - len(set(asked)) > self.LEAST * len(asked):
            return None
        shares = [sum(mark in known for mark in marks) / len(marks) for marks in sweep]
        wholly = min(shares) >= self.WHOLLY
        if not wholly and not any(2 * self.LEAST < share < self.WHOLLY for share in shares):
            return None
        facts, again = entries[-1].facts, sum(mark in known for mark in asked)
        return self.proven(
            facts.line if facts else None,
            [f"{again:,} of {len(asked):,} targets of the newest evaluation are targets of "
             "training, number by number."],
            "evaluate on examples that are kept apart from training",
            kind=SUGGESTION if wholly else FAULT, known=again, examples=len(asked),
        )  # fmt: skip

    def _of(self, model: int, trace: Trace, most_twins: float = 1.0) -> Finding | None:
        own = [entry for entry in trace.passes if entry.model == model and entry.examples]
        training = [entry for entry in own if entry.with_graph]
        whole = trace.models[model].learnt_from
        if not training or not whole or _is_transductive(training, trace):
            return None
        asked = {entry.step for entry in own if not entry.with_graph}
        if len(asked) > 3 and len(asked) > self.OFTEN * len(trace.steps):
            return None
        sweeps = [s for s in _sweeps(own, _settled(training)) if s.rows >= self.ROWS]
        if not sweeps:
            return None
        twins = min(most_twins, _twins(training, sweeps), _twins_expected(sweeps, whole))
        bound = min(1.0, max(self.LEAST, 2 * twins))
        for sweep in sweeps:
            again = self._partly(sweep, training, bound, whole, trace.loaders)
            if again:
                return self._partial(sweep, again, twins)
        if twins < self.LEAST and all(self._is_whole(sweep, whole) for sweep in sweeps):
            return self._wholly(sweeps, training, trace)
        last = [s for s in sweeps if s.step == max(entry.step for entry in own)]
        if twins < self.LEAST and last and all(self._is_whole(sweep, whole) for sweep in last):
            return self._wholly(last, training, trace, "The last evaluation")
        return None

    def _partly(
        self, sweep: Sweep, training: list[Pass], bound: float, whole: int, loaders: list[Loader]
    ) -> int:
        """How many examples of an evaluation were trained on, if it is a part of them; else 0."""
        by_index = _overlap(sweep, training, loaders)
        if by_index is not None:
            return by_index
        noise = 3 * math.sqrt(bound * (1 - bound) / sweep.rows)
        if not bound + noise < sweep.share < self.WHOLLY or sweep.known >= self.WHOLLY * whole:
            return 0
        met_again = _met_again(training)
        if bound + noise < met_again < self.WHOLLY and sweep.share >= self.AS_OFTEN * met_again:
            return 0  # as many as of training's own: it may be of them, and not all was drawn yet
        shares = [entry.known / entry.examples for entry in sweep.passes]
        mixed = sum(bound + noise < share < 1 for share in shares)
        met = sum(share > 0 for share in shares)
        return sweep.known if sweep.loader is not None or 2 * mixed > met else 0

    def _partial(self, sweep: Sweep, again: int, twins: float) -> Finding:
        rows = max(sweep.rows, again)
        nature = (
            f"by what comes twice on either side at most {100 * twins:.2g} % would be expected"
            if twins
            else "of such fine numbers no two examples are equal by nature"
        )
        return self.proven(
            sweep.line,
            [f"{again:,} of {rows:,} examples of this evaluation had been trained on before; "
             f"{nature}."],
            "split the data once, before anything else, and take equal rows out of one side",
            known=again, examples=rows,
        )  # fmt: skip

    def _is_whole(self, sweep: Sweep, learnt_from: int) -> bool:
        """Whether nearly all of it was learnt from, or nearly all that was learnt from is in it."""
        holds_all = sweep.known >= self.WHOLLY * learnt_from and sweep.share >= self.MOSTLY
        return holds_all or sweep.share >= self.WHOLLY

    def _wholly(
        self, sweeps: list[Sweep], training: list[Pass], trace: Trace, which: str = ""
    ) -> Finding:
        sweep = next((s for s in sweeps if _is_called_test(s, trace)), sweeps[0])
        named = _is_called_test(sweep, trace) or _is_another_set(sweep, training, trace)
        kind = FAULT if named and not which else SUGGESTION
        return self.proven(
            sweep.line or last_step(trace),
            [f"{which or 'All evaluations'} saw only examples that had been trained on: "
             f"{sweep.known:,} of {sweep.rows:,}, and none of another kind."],
            "evaluate on examples that are kept apart from training",
            kind=kind, known=sweep.known, examples=sweep.rows,
        )  # fmt: skip


def _drawn(target: Tensor | None) -> list[float]:
    """A number for each row of targets of several floating numbers; none for others."""
    several = target is not None and target.ndim > 1 and target.dtype.is_floating_point
    return marks_of([target]) if target is not None and several and target[0].numel() > 2 else []


def _is_transductive(training: list[Pass], trace: Trace) -> bool:
    """Whether the loss is of a part of the rows that go in, as in networks of graphs."""
    rows = {entry.step: entry.examples for entry in training}
    losses = [call for call in trace.losses if call.with_graph and call.shape]
    return any(call.shape[0] < rows.get(call.step, 0) for call in losses)


def _settled(training: list[Pass]) -> int:
    """The first pass that met only what had been learnt from: then all training data are known."""
    for place, entry in enumerate(training):
        if entry.known >= 0.9 * entry.examples:
            return place
    return len(training)


def _met_again(training: list[Pass]) -> float:
    """The share of known examples in training's last batches."""
    last = training[-10:]
    return sum(entry.known for entry in last) / sum(entry.examples for entry in last)


def _sweeps(own: list[Pass], settled: int) -> list[Sweep]:
    """The newest evaluation by each loader or line, once all training data are known."""
    training = 0
    found: dict[object, list[Pass]] = {}
    total = sum(entry.with_graph for entry in own)
    for entry in own:
        training += entry.with_graph
        complete = training > settled or training == total
        if entry.with_graph or not entry.step or not complete:
            continue
        key = ("loader", entry.loader) if entry.loader is not None else ("line", entry.line)
        known = found.setdefault(key, [])
        if known and known[0].step != entry.step:
            known.clear()
        known.append(entry)
    return [Sweep(tuple(passes), passes[0].loader) for passes in found.values() if passes]


def _twins(training: list[Pass], sweeps: list[Sweep]) -> float:
    """The share of examples that come twice by nature: in a batch, or before the first epoch ends,
    when on average half of the others have come.

    Drawing with replacement looks the same.
    """
    first = training[: _settled(training)]
    rows = sum(entry.examples for entry in first)
    before = 2 * sum(entry.known for entry in first) / rows if rows else 0.0
    every = [*training, *(entry for sweep in sweeps for entry in sweep.passes)]
    repeated = sum(entry.repeated for entry in every) / sum(entry.examples for entry in every)
    return min(1.0, max(before, repeated))


def _twins_expected(sweeps: list[Sweep], learnt_from: int) -> float:
    """The share of evaluation's examples that have a twin in training at most, as far as the
    batches of evaluation tell, which nobody draws with replacement: by the pairs in them that are
    equal, and three more, which may be missing by chance."""
    pairs = sum(entry.examples**2 / 2 for sweep in sweeps for entry in sweep.passes)
    equal = sum(sweep.repeated for sweep in sweeps)
    return min(1.0, learnt_from * (equal + 3) / pairs)


def _overlap(sweep: Sweep, training: list[Pass], loaders: list[Loader]) -> int | None:
    """Examples of the evaluation's loader that a training loader reads too, where it is a part of
    both; None if indices do not tell."""
    if sweep.loader is None:
        return None
    own = loaders[sweep.loader]
    for number in {entry.loader for entry in training if entry.loader is not None}:
        other = loaders[number]
        if number == sweep.loader or other.base != own.base:
            continue
        shared = len(own.indices & other.indices)
        if 0 < shared < min(len(own.indices), len(other.indices)):
            return shared
    return None


def _texts(sweep: Sweep, trace: Trace) -> Iterator[str]:
    lines = [sweep.line]
    if sweep.loader is not None:
        lines.append(trace.loaders[sweep.loader].line)
    for line in lines:
        if line is not None:
            yield line.text
            yield line.function


def _is_called_test(sweep: Sweep, trace: Trace) -> bool:
    texts = list(_texts(sweep, trace))
    return any(map(NAMED.search, texts)) and not any(map(OWN.search, texts))


def _is_another_set(sweep: Sweep, training: list[Pass], trace: Trace) -> bool:
    """Whether it came from a loader of another data set than those that were trained on."""
    bases = {trace.loaders[e.loader].base for e in training if e.loader is not None}
    if sweep.loader is None or not bases or any(map(OWN.search, _texts(sweep, trace))):
        return False
    return trace.loaders[sweep.loader].base not in bases


DIAGNOSIS = TestedOnTrainingData
