"""What every trainer of the comparison shares: the data, the clock, and the judge.

Each trainer is a script that is run as `python TRAINER SEED TARGET`. It prints one JSON line a
look: CPU seconds of training so far (looking is not counted), of the whole process, and the share
of the 10,000 test digits read correctly; it ends when the target is reached or its recipe is over.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Answers = Callable[[NDArray[np.float32]], NDArray[np.int64]]
MEAN, SPREAD = 0.1307, 0.3081
"""As in the official PyTorch example."""


class Clock:
    """CPU seconds of training, without the looks."""

    def __init__(self) -> None:
        from pellucid.data.load import load

        self.seed, self.target = int(sys.argv[1]), float(sys.argv[2])
        data = load("mnist")
        test = data.open_test("comparison of trainers")
        self.dataset = data
        self.inputs = _scaled(np.concatenate([data.train.inputs, data.validation.inputs]))
        self.labels = np.concatenate([data.train.labels, data.validation.labels])
        self._test = _scaled(test.inputs), test.labels
        self._begun = time.process_time()
        self._looking = 0.0

    def start(self) -> None:
        """Training begins now."""
        self._begun, self._looking = time.process_time(), 0.0

    def look(self, answers: Answers) -> bool:
        """Judge on the test digits; true when the target is reached."""
        now = time.process_time()
        inputs, labels = self._test
        parts = [answers(inputs[first : first + 500]) for first in range(0, len(inputs), 500)]
        share = float((np.concatenate(parts) == labels).mean())
        trained = now - self._begun - self._looking
        self._looking += time.process_time() - now
        process = time.process_time() - self._looking
        print(json.dumps({"train": trained, "process": process, "accuracy": share}), flush=True)
        return share >= self.target


def _scaled(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(n, 1, 28, 28) uint8 → float32 with mean 0 and spread 1."""
    scaled: NDArray[np.float32] = (pictures.astype(np.float32) / 255 - MEAN) / SPREAD
    return scaled
