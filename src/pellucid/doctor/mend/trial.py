"""One run of a script in a process of its own, with a cure and a seed: `trial.py SPEC.json`."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pellucid.base.records import to_json, write_text
from pellucid.doctor.mend.cures import CURES
from pellucid.doctor.script import run_script
from pellucid.watch.exchanged import exchanged
from pellucid.watch.recorder import tensors_in

APART = 1000
"""Seeds of repetitions lie so far apart, so that a script's own seeds seldom meet."""


@contextmanager
def seeded(repetition: int) -> Iterator[None]:
    """Every seed that the script sets is moved by the repetition; the start is seeded, too."""
    shift = APART * repetition
    random.seed(shift)
    np.random.seed(shift)
    torch.manual_seed(shift)

    def wrap(seed: Callable[..., Any]) -> Callable[..., Any]:
        def moved(given: Any = None, *args: Any, **named: Any) -> Any:
            own = given if given is None or not isinstance(given, int) else given + shift
            return seed(own, *args, **named)

        return moved

    with (
        exchanged(torch, "manual_seed", wrap),
        exchanged(random, "seed", wrap),
        exchanged(np.random, "seed", wrap),
    ):
        yield


@contextmanager
def noted(losses: list[float]) -> Iterator[None]:
    """The losses that are learnt from."""

    def wrap(backward: Callable[..., Any]) -> Callable[..., Any]:
        def listening(tensors: Any, *args: Any, **named: Any) -> Any:
            first = next(tensors_in(tensors), None)
            if first is not None:
                losses.append(float(first.detach().sum()))
            return backward(tensors, *args, **named)

        return listening

    with exchanged(torch.autograd, "backward", wrap):
        yield


def main(spec: dict[str, Any]) -> int:
    """Run it, write the losses where the spec says, and return the script's exit code."""
    losses: list[float] = []
    cure: AbstractContextManager[Any] = nullcontext()
    if spec["cure"]:
        cure = CURES[spec["cure"]][1](spec["numbers"])
    with seeded(spec["repetition"]), noted(losses), cure:
        outcome = run_script(
            Path(spec["target"]), spec["arguments"], is_module=spec["module"], watch=False
        )
    write_text(Path(spec["out"]), to_json({"losses": losses}))
    return outcome.exit_code


if __name__ == "__main__":
    sys.exit(main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
