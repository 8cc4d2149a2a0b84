"""Say the next symbol of a text, and so write new ones."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from pellucid.base.records import Record
from pellucid.data.dataset import IGNORED
from pellucid.train.metrics import Z
from pellucid.train.sampling import sample
from pellucid.train.task import Arrays, Task


class NextSymbol(Task):
    """Rows of symbols in, one score a symbol of the vocabulary out, at every place.

    Judged by the cross entropy a symbol in nats: e to that power is the number of symbols among
    which a fair choice would be as unsure.
    """

    metric = "nats"
    higher_is_better = False
    kind = "symbols"

    def __init__(self, data: Record, label_smoothing: float = 0.0) -> None:
        super().__init__(data)
        self.label_smoothing = label_smoothing

    def build_arguments(self) -> dict[str, Any]:
        size = len(self.classes)
        return {"inputs": self.shape, "outputs": size, "symbols": size}

    def output_shape(self) -> tuple[int, ...]:
        return (*self.shape, len(self.classes))

    def prepare(self, examples: Tensor) -> Tensor:
        return examples.long()

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        return functional.cross_entropy(
            output.flatten(0, 1),
            target.flatten(),
            ignore_index=IGNORED,
            label_smoothing=self.label_smoothing,
        )

    def answers(self, target: Tensor) -> Tensor:
        return (target != IGNORED).sum()

    def specimens(self, network: nn.Module) -> list[str]:
        on_cpu = copy.deepcopy(network).cpu()
        return sample(on_cpu, self.data, count=8, length=120, seed=0)

    def judge(self, output: Tensor, target: Tensor, inputs: Tensor) -> dict[str, Tensor]:
        each = functional.cross_entropy(
            output.float().transpose(1, 2), target, ignore_index=IGNORED, reduction="none"
        )
        count = (target != IGNORED).sum(dim=1)
        total = each.double().sum(dim=1)
        return {"loss": total / count.clamp(min=1), "total": total, "count": count}

    def summary(self, judged: Arrays, labels: NDArray[np.int64]) -> Record:
        """Nats a symbol over all sequences; the interval treats sequences as independent."""
        total, count = judged["total"], judged["count"].astype(np.float64)
        nats = float(total.sum() / count.sum())
        spread = float(np.square(total - nats * count).sum())
        error = Z * math.sqrt(spread * len(total) / max(1, len(total) - 1)) / float(count.sum())
        return {
            "nats": nats,
            "low": nats - error,
            "high": nats + error,
            "examples": len(total),
            "symbols": int(count.sum()),
            "bits": nats / math.log(2),
            "perplexity": math.exp(nats),
            "loss": nats,
        }


TASK = NextSymbol
