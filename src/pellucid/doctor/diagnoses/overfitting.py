"""It learns its examples by heart, and grows worse on others."""

from __future__ import annotations

import math

from pellucid.doctor.answered import answered, explained_of, in_evaluation
from pellucid.doctor.bench import Bench
from pellucid.doctor.cases import EVALUATE, STEP, script
from pellucid.doctor.diagnosis import AFTER, Diagnosis
from pellucid.doctor.examples import Table, held, learnt, newest
from pellucid.doctor.finding import SUGGESTION, Finding
from pellucid.watch.trace import Score, Trace

CURES = (
    "stop at the best evaluation, get more data or change it by chance, or use dropout, weight "
    "decay or a smaller network"
)
WIDE = "network = nn.Sequential(nn.Linear(12, 256), nn.ReLU(), nn.Linear(256, 3))"
NOISY = (
    "labels = torch.where(torch.rand(256) < 0.4, torch.randint(0, 3, (256,)), labels)\n\nnetwork"
)


class Overfitting(Diagnosis):
    """It learns its examples by heart, and grows worse on others."""

    GROUP = AFTER
    EVALUATIONS = 5
    ERRORS = 2.0
    """Standard errors by which the last evaluation must lie below the best."""
    GAP = 0.1
    """Less of the others than of its own, right or explained."""
    WHOLLY, SURE = 0.97, 3.0
    """The share of its own that is right, if it knows them by heart, and the standard errors
    by which the others' share must lie below it then."""
    SMALL, FEW = 0.08, 0.03
    """The gap that is worth a word then, and where it learnt from fewer examples than one of them
    has numbers, so that they could be told apart by weighing these alone."""
    ROWS, BY_HEART = 30, 0.8
    """Examples of numbers, and the share of their variance that counts as learnt by heart."""
    SICK = (
        script(network=WIDE, step=STEP, evaluate=EVALUATE)
        .replace("\nnetwork = ", "\n" + NOISY + " = ", 1)
        .replace("train(30)\n", "for _ in range(12):\n    train(60)\n    print(evaluate())\n")
        .replace("(0, 192, (32,))", "(0, 64, (32,))")
        .replace("range(192, 256, 16)", "range(64, 256, 16)")
        .replace("/ 64", "/ 192")
    )
    HEALTHY = script()

    def probe(self, trace: Trace, bench: Bench) -> Finding | None:
        return self._by_classes(trace, bench) or self._by_numbers(trace, bench)

    def _by_numbers(self, trace: Trace, bench: Bench) -> Finding | None:
        """What the trained network explains of its training targets, and of evaluation's."""
        if bench.subject.is_together:
            return None
        entries = newest(e for e in bench.captured.held if e.facts and not e.facts.known)
        last = [entry for entry in entries if entry.target is not None]
        training, others = learnt(bench.captured), held(last)
        if training is None or others is None or min(map(_rows, (training, others))) < self.ROWS:
            return None
        network = bench.final().eval()
        own, shown = (explained_of(network, table) for table in (training, others))
        if own is None or shown is None or own - shown < self.GAP:
            return None
        few = _are_few(trace, bench, training)
        gap = own - shown >= 2 * self.GAP or 1 - shown >= 1.5 * (1 - own)
        if not gap or (own < self.BY_HEART and not few):
            return None
        assert last[0].facts is not None
        return self.proven(
            last[0].facts.line,
            [f"The trained network explains {100 * own:.3g} % of its {_rows(training):,} training "
             f"targets (1 minus the squared error as a share of their variance), and "
             f"{100 * shown:.3g} % of {_rows(others):,} others."],
            CURES, kind=SUGGESTION, training=own, others=shown,
        )  # fmt: skip

    def _by_classes(self, trace: Trace, bench: Bench) -> Finding | None:
        """Right in training, and on other examples less often, or less often than before."""
        training, scores = learnt(bench.captured), _scores(trace, bench)
        reached = bench.standing().right
        if reached is None:
            reached = _right(bench, training)
        if reached is None or not scores:
            return None
        last, best = scores[-1], max(scores, key=_share)
        gap = reached - _share(last)
        error = math.sqrt(_share(best) * (1 - _share(best)) * (1 / best.count + 1 / last.count))
        fell = _share(best) - _share(last) > self.ERRORS * error
        grew = len(scores) >= self.EVALUATIONS and fell and gap >= self.GAP
        few = _are_few(trace, bench, training)
        least = max(self.FEW if few else self.SMALL, self.SURE * _error(last))
        if not grew and (reached <= self.WHOLLY or gap <= least):
            return None
        evidence = [
            f"{100 * reached:.3g} % of training examples are right, {100 * _share(last):.3g} % of "
            f"{last.count:,} others."
        ]
        if grew:
            evidence.append(
                f"After {best.step:,} steps it was {100 * _share(best):.3g} %: "
                f"{(_share(best) - _share(last)) / error:.2g} standard errors more."
            )
        if few:
            evidence.append(
                f"It learnt from {trace.models[bench.captured.model].learnt_from:,} examples, "
                "fewer than one of them has numbers."
            )
        return self.proven(
            last.line, evidence, CURES,
            kind=SUGGESTION, training=reached, others=_share(last), best=_share(best),
        )  # fmt: skip


def _scores(trace: Trace, bench: Bench) -> list[Score]:
    """The script's own evaluations by one line; else ours of its newest, if none was trained on."""
    scores = [score for score in trace.scores if score.step and score.count > 1]
    if scores:
        return [score for score in scores if score.line == scores[-1].line]
    found = in_evaluation(bench)
    if found is None or any(entry.facts and entry.facts.known for entry in bench.captured.held):
        return []
    right = int(found.right.sum())
    batch = (len(trace.passes) - 1, right, len(found.labels))
    return [Score(bench.captured.model, len(trace.steps), found.line, [batch])]


def _right(bench: Bench, training: Table | None) -> float | None:
    """The share of training's examples that the trained network answers rightly."""
    labels = None if training is None else training.labels()
    if training is None or labels is None or bench.subject.is_together:
        return None
    found = answered(bench.final().eval(), training.inputs, labels)
    return None if found is None else float(found.right.double().mean())


def _are_few(trace: Trace, bench: Bench, training: Table | None) -> bool:
    """Whether it learnt from fewer examples than one of them has numbers."""
    if training is None:
        return False
    return 0 < trace.models[bench.captured.model].learnt_from < training.inputs[0].numel()


def _error(score: Score) -> float:
    """The standard error of the share; that of one error where there is none."""
    wrong = max(1, score.count - score.right) / score.count
    return math.sqrt(wrong * (1 - wrong) / score.count)


def _rows(table: Table) -> int:
    return 0 if table.targets is None else len(table.inputs)


def _share(score: Score) -> float:
    return score.right / score.count


DIAGNOSIS = Overfitting
