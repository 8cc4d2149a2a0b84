"""`pellucid.record`: run a network once, and ask where any of its numbers comes from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer

from pellucid.explain.recorded import Recorded
from pellucid.watch.record import record as watch


def record(
    module: nn.Module,
    *inputs: Any,
    loss: Callable[[Any], Tensor] | None = None,
    optimiser: Optimizer | None = None,
    **named: Any,
) -> Recorded:
    """Record one forward pass; with `loss` also the backward pass, with `optimiser` also its step.

    `loss` is a function of the network's answer that gives a single number. See
    `pellucid.watch.record` for what is done and what raises.
    """
    return Recorded(watch(module, *inputs, loss=loss, optimiser=optimiser, **named))
