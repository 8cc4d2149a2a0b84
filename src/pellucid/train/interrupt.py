"""Ctrl-C ends a training cleanly: after the step in hand, with a usable result."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any


class Interrupt:
    """Inside the block the first Ctrl-C (or termination signal) is noted, a second one raises.

    With several processes (not `alone`) nothing is noted: each would stop at another step, so
    they end at once, and the last checkpoint is what is left.
    """

    def __init__(self, alone: bool = True) -> None:
        self.alone = alone
        self.asked = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interrupt:
        if self.alone and threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
