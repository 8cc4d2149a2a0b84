"""It learns its examples by heart, and grows worse on others."""

from __future__ import annotations

import math

from torch import nn

from pellucid.doctor.answered import ask
from pellucid.doctor.bench import Bench
from pellucid.doctor.cases import EVALUATE, STEP, script
from pellucid.doctor.diagnosis import AFTER, Diagnosis
from pellucid.doctor.examples import Table, held, learnt, newest
from pellucid.doctor.finding import SUGGESTION, Finding
from pellucid.watch.trace import Score, Trace

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
        return self._by_scores(trace, bench) or self._by_numbers(bench)

    def _by_numbers(self, bench: Bench) -> Finding | None:
        """What the trained network explains of its training targets, and of evaluation's."""
        if bench.subject.is_together:
            return None
        entries = newest(e for e in bench.captured.held if e.facts and not e.facts.known)
        last = [entry for entry in entries if entry.target is not None]
        training, others = learnt(bench.captured), held(last)
        if training is None or others is None or min(map(_rows, (training, others))) < self.ROWS:
            return None
        network = bench.final().eval()
        own, shown = (_explained(network, table) for table in (training, others))
        if own is None or shown is None or own < self.BY_HEART or own - shown < 2 * self.GAP:
            return None
        assert last[0].facts is not None
        return self.proven(
            last[0].facts.line,
            [f"The trained network explains {100 * own:.3g} % of its {_rows(training):,} training "
             f"targets (1 minus the squared error as a share of their variance), and "
             f"{100 * shown:.3g} % of {_rows(others):,} others."],
            "get more data or change it by chance, or use dropout, weight decay or a smaller "
            "network", kind=SUGGESTION, training=own, others=shown,
        )  # fmt: skip

    def _by_scores(self, trace: Trace, bench: Bench) -> Finding | None:
        """Right in training, and on other examples worse than before by more than chance."""
        reached = bench.standing().right
        scores = [score for score in trace.scores if score.step and score.count > 1]
        if reached is None or len(scores) < 2:
            return None
        scores = [score for score in scores if score.line == scores[-1].line]
        last, best = scores[-1], max(scores, key=_share)
        gap = reached - _share(last)
        error = math.sqrt(_share(best) * (1 - _share(best)) * (1 / best.count + 1 / last.count))
        fell = _share(best) - _share(last) > self.ERRORS * error
        grew = len(scores) >= self.EVALUATIONS and fell
        if gap < self.GAP or not (grew or (reached > 0.97 and gap > 1.5 * self.GAP)):
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
        return self.proven(
            last.line, evidence,
            "stop at the best evaluation, get more data or change it by chance, or use dropout, "
            "weight decay or a smaller network",
            kind=SUGGESTION, training=reached, others=_share(last), best=_share(best),
        )  # fmt: skip


def _rows(table: Table) -> int:
    return 0 if table.targets is None else len(table.inputs)


def _explained(network: nn.Module, table: Table) -> float | None:
    """1 minus the squared error as a share of the targets' variance, for targets of numbers."""
    targets = table.targets
    if targets is None or not targets.dtype.is_floating_point or table.labels() is not None:
        return None
    answer = ask(network, table.inputs.to(next(network.parameters())))
    if answer is None or answer.numel() != targets.numel():
        return None
    off = (answer.cpu().reshape(targets.shape) - targets).double().pow(2).sum()
    return 1 - float(off / ((targets - targets.mean(0)).double().pow(2).sum() + 1e-300))


def _share(score: Score) -> float:
    return score.right / score.count


DIAGNOSIS = Overfitting
