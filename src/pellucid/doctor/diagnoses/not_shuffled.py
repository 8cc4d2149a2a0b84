"""The order of the training data follows the labels."""

from __future__ import annotations

import torch
from torch import Tensor

from pellucid.doctor.bench import Bench
from pellucid.doctor.cases import script
from pellucid.doctor.diagnosis import DATA, Diagnosis
from pellucid.doctor.effect import Change
from pellucid.doctor.finding import Finding
from pellucid.doctor.turns import batches_differ
from pellucid.watch.trace import Trace

IN_ORDER = "rows = torch.arange(32) + 32 * (step % 6)"


class NotShuffled(Diagnosis):
    """The order of the training data follows the labels."""

    GROUP = DATA
    EXPLAINS = (
        "bad-split", "majority-answer", "batchnorm-statistics", "learning-rate-too-high",
        "batch-size-unsuited", "labels-unrelated-to-inputs",
    )  # fmt: skip
    BATCHES = 5
    FAR = 6.0
    """Standard deviations by which the batches are more alike inside than batches by chance."""
    DEALS = 100
    MOST = 20_000
    """Targets that are looked at, evenly spread."""
    HELPS = 0.8
    """The loss with examples dealt by chance, as a share of the loss after as many without."""
    SICK = script().replace("rows = torch.randint(0, 192, (32,))", IN_ORDER).replace(
        "\n\nnetwork =",
        "\norder = labels[:192].argsort(stable=True)\n"
        "inputs[:192], labels[:192] = inputs[:192][order], labels[:192][order]\n\nnetwork =",
    )  # fmt: skip
    HEALTHY = script().replace("rows = torch.randint(0, 192, (32,))", IN_ORDER)

    def probe(self, trace: Trace, bench: Bench) -> Finding | None:
        targets = [bench.judge.find_target(batch) for batch in bench.judge.every]
        found = [target.detach().flatten().double() for target in targets if target is not None]
        if len(found) < max(self.BATCHES, len(targets)) or not batches_differ(bench.batches):
            return None
        if any(len(y) != batch.size for y, batch in zip(found, bench.judge.every, strict=True)):
            return None
        every = max(1, -(-sum(map(len, found)) // self.MOST))
        own, mean, deviation = self._spreads([target[::every] for target in found])
        if own >= mean - self.FAR * deviation:
            return None
        change = Change(dealt_anew=True)
        effect = bench.cure(change, self.HELPS) or bench.sooner(change, self.HELPS)
        if effect is None:
            return None
        share = own / mean
        return self.confirmed(
            trace, bench, effect,
            [f"The spread of the targets within a batch is {100 * share:.3g} % of what it would be "
             f"with examples dealt by chance ({(mean - own) / deviation:.3g} standard deviations "
             "below).",
             effect.sentence("the same examples dealt by chance")],
            "shuffle the training data anew for every epoch: DataLoader(…, shuffle=True)",
            spread_share=share,
        )  # fmt: skip

    def _spreads(self, targets: list[Tensor]) -> tuple[float, float, float]:
        """The mean spread within a batch; its mean and standard deviation over random deals."""
        whole, sizes = torch.cat(targets), [len(target) for target in targets]
        kinds = torch.unique(whole)
        whole = whole[:, None]
        if len(kinds) <= 100:  # classes: their number says nothing, so each gets an axis
            whole = (whole == kinds).double()
        chance = torch.Generator().manual_seed(0)
        deals = torch.tensor(
            [
                _spread(whole[torch.randperm(len(whole), generator=chance)], sizes)
                for _ in range(self.DEALS)
            ]
        )
        return _spread(whole, sizes), float(deals.mean()), float(deals.std()) + 1e-12


def _spread(values: Tensor, sizes: list[int]) -> float:
    """The mean over batches of the variance within, summed over columns."""
    parts = [part for part in torch.split(values, sizes) if len(part) > 1]
    return sum(float(part.var(0).sum()) for part in parts) / max(1, len(parts))


DIAGNOSIS = NotShuffled
