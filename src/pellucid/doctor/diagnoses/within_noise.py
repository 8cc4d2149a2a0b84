"""A difference that the test set cannot resolve."""

from __future__ import annotations

import math

from pellucid.doctor.cases import EVALUATE, script
from pellucid.doctor.diagnosis import AFTER, Diagnosis
from pellucid.doctor.finding import SUGGESTION, Finding
from pellucid.watch.trace import Score, Trace

TWO = """\
for width in ({}):
    network = nn.Sequential(nn.Linear(12, width), nn.ReLU(), nn.Linear(width, 3))
    optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
    train({})
    print(width, evaluate())
"""


def _compared(widths: str, steps: int) -> str:
    text = script(evaluate=EVALUATE)
    return text[: text.index("train(30)\n")] + TWO.format(widths, steps)


class WithinNoise(Diagnosis):
    """A difference that the test set cannot resolve."""

    GROUP = AFTER
    HURTS_LEARNING = False
    ERRORS = 2.0
    SICK = _compared("32, 48", 60)
    HEALTHY = _compared("32,", 60)

    def find(self, trace: Trace) -> Finding | None:
        """Two networks after one another, on equally many examples, closer than chance."""
        last: dict[int, Score] = {}
        for score in trace.scores:
            if score.step:
                last[score.model] = score
        trained = [last[model] for model in sorted(last)]
        if len(trained) < 2 or len({(score.count, score.line) for score in trained}) != 1:
            return None
        a, b = sorted(trained, key=lambda score: score.right)[-2:]
        count = a.count
        shares = a.right / count, b.right / count
        error = math.sqrt(sum(share * (1 - share) / count for share in shares))
        if a.right == b.right or shares[1] - shares[0] >= self.ERRORS * error:
            return None
        return self.proven(
            b.line,
            [f"The two best of {len(trained)} networks are right on {b.right} and {a.right} of "
             f"{count:,} examples: a difference of {100 * (shares[1] - shares[0]):.2g} points, "
             f"with a standard error of {100 * error:.2g}."],
            "do not choose by this difference; repeat with other seeds, or evaluate on more "
            "examples",
            kind=SUGGESTION, difference=shares[1] - shares[0], error=error,
        )  # fmt: skip


DIAGNOSIS = WithinNoise
