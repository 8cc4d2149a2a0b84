"""The figures that a script prints or logs, and how far it had come then."""

from __future__ import annotations

import builtins
import functools
import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from pellucid.watch.exchanged import exchanged
from pellucid.watch.lines import users_line
from pellucid.watch.trace import Printed, Trace

MOST = 2_000
"""Texts that are noted."""
LONGEST = 400
"""Letters of a text."""
PLAIN = (str, int, float, bool, type(None))
"""What is turned into letters without running anything of the user's."""


class Figures:
    """Notes texts with a decimal point among what is printed and logged."""

    def __init__(
        self,
        trace: Trace,
        listens: Callable[[], bool],
        safely: Callable[[Callable[..., None]], Callable[..., None]],
    ) -> None:
        self._trace, self._listens = trace, listens
        self._note = safely(self._add)

    @contextmanager
    def watching(self) -> Iterator[None]:
        with ExitStack() as hooks:
            hooks.enter_context(exchanged(builtins, "print", self._wrapped_print))
            hooks.enter_context(exchanged(logging.Logger, "handle", self._wrapped_handle))
            yield

    def _wrapped_print(self, function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def watched(*values: Any, **named: Any) -> None:
            function(*values, **named)
            if self._listens():
                self._note(values)

        return watched

    def _wrapped_handle(self, function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def watched(logger: logging.Logger, record: logging.LogRecord) -> None:
            function(logger, record)
            args = record.args if isinstance(record.args, tuple) else ()
            if self._listens() and all(type(one) in PLAIN for one in (record.msg, *args)):
                self._note((record.getMessage(),))

        return watched

    def _add(self, values: tuple[Any, ...]) -> None:
        known = self._trace.printed
        words = [str(one) if type(one) in PLAIN else "…" for one in values]
        text = " ".join(words)[:LONGEST]
        if "." in text and len(known) < MOST:
            passes, step = len(self._trace.passes), len(self._trace.steps)
            known.append(Printed(text, step, passes, users_line()))
