"""How many threads a training takes: one for small networks, PyTorch's own choice for others.

Threads that share a step of a millisecond wait for each other longer than they work, and where
the machine has other things to do they hold each other up. Measured on two cores with three epochs
of the digits: 0.5 s with one thread and 0.4 s with two on a quiet machine (0.4 and 0.8 CPU
seconds), 1.1 s and 3.6 s beside three busy processes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

SMALL = 100_000_000
"""Multiply-adds of a forward pass below which a step is over before threads pay off."""


def threads_for(asked: int, network: nn.Module, example: Tensor, batch_size: int) -> int:
    """`asked`, or for 0 what suits the network; `example` holds a single input."""
    usual = torch.get_num_threads()
    if asked:
        return asked
    return 1 if rough_multiply_adds(network, example) * batch_size < SMALL else usual


def rough_multiply_adds(network: nn.Module, example: Tensor) -> int:
    """Positions of a layer's answer × its weights, summed over layers that have weights."""
    total = 0

    def count(module: nn.Module, given: Any, answer: Any) -> None:
        nonlocal total
        answer = answer[0] if isinstance(answer, tuple) else answer
        weights = [weight for weight in module.parameters(recurse=False) if weight.ndim > 1]
        if isinstance(answer, Tensor) and weights:
            channels = answer.shape[1] if answer.ndim == 4 else answer.shape[-1]
            total += answer.numel() // channels * sum(weight.numel() for weight in weights)

    hooks = [module.register_forward_hook(count) for module in network.modules()]
    was_training = network.training
    try:
        with torch.no_grad():
            network.eval()(example)
    finally:
        network.train(was_training)
        for hook in hooks:
            hook.remove()
    return total


@contextmanager
def using(threads: int) -> Iterator[None]:
    """Inside the block PyTorch computes with so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
