"""The optimiser of a recipe, and the moving average of the weights."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from pellucid.train.recipe import Recipe


def make_optimiser(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimiser over two groups: weights, and norms and biases without decay.

    Parameters with one axis are norms and biases. SGD and Adam take PyTorch's fused kernels:
    the same arithmetic in one pass.
    """
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    groups: list[dict[str, Any]] = [
        {
            "params": [parameter for parameter in trained if parameter.ndim > 1],
            "weight_decay": recipe.weight_decay,
        },
        {
            "params": [parameter for parameter in trained if parameter.ndim <= 1],
            "weight_decay": 0.0,
        },
    ]
    groups = [group for group in groups if group["params"]]
    with compiler_left_alone():
        return _make(groups, recipe, _can_fuse(trained))


@contextmanager
def compiler_left_alone() -> Iterator[None]:
    """Inside the block an optimiser's methods do not import PyTorch's compiler.

    Some are wrapped so that their first call imports `torch._dynamo` (and sympy: 1.8 s, 800
    modules, measured with 2.13) only to have the method left uncompiled. The wrapper notes on the
    bare method what to call instead; here it finds that note, the bare method itself.
    """
    note = "__dynamo_disable"
    methods = [
        getattr(getattr(torch.optim.Optimizer, name), "__wrapped__", None)
        for name in ("add_param_group", "state_dict", "load_state_dict")
    ]
    bare = [method for method in methods if method is not None and not hasattr(method, note)]
    for method in bare:
        setattr(method, note, method)
    try:
        yield
    finally:
        for method in bare:
            delattr(method, note)


def _make(groups: list[dict[str, Any]], recipe: Recipe, fused: bool) -> torch.optim.Optimizer:
    common: dict[str, Any] = {"params": groups, "lr": recipe.learning_rate}
    if recipe.optimiser == "rmsprop":
        kind: type[torch.optim.Optimizer] = torch.optim.RMSprop
        own: dict[str, Any] = {"alpha": recipe.second_moment, "momentum": recipe.momentum}
    elif recipe.optimiser in ("adam", "adamw"):
        kind = torch.optim.AdamW if recipe.optimiser == "adamw" else torch.optim.Adam
        own = {"betas": (recipe.momentum, recipe.second_moment), "fused": fused}
    else:
        kind = torch.optim.SGD
        own = {
            "momentum": 0.0 if recipe.optimiser == "sgd" else recipe.momentum,
            "nesterov": recipe.optimiser == "nesterov",
            "fused": fused,
        }
    made: torch.optim.Optimizer = _plain_step(kind)(**common, **own)
    return made


def _plain_step(kind: type[torch.optim.Optimizer]) -> Any:
    """The same optimiser, whose step does not import the compiler either.

    PyTorch's wrapper around `step` switches gradients off and breaks compiled graphs; here the
    first is all that is needed. Hooks before and after a step are called as ever.
    """
    bare = inspect.unwrap(kind.step)
    return type(kind.__name__, (kind,), {"step": torch.no_grad()(bare)})


def _can_fuse(parameters: list[nn.Parameter]) -> bool:
    return all(
        parameter.is_floating_point() and parameter.device.type in ("cpu", "cuda")
        for parameter in parameters
    )


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Give every parameter group the rate `rate`."""
    for group in optimiser.param_groups:
        group["lr"] = rate


class WeightAverage:
    """A second network whose weights are the moving average of the first one's.

    Formula:  average ← decay · average + (1 − decay) · weights, after every step; early on the
    decay is at most (1 + step) / (10 + step), so that the average does not remember the start.
    Buffers (the statistics of batch norm) are averaged in the same way; counters are copied.
    Source:   Polyak and Juditsky 1992; the early decay as in TensorFlow's moving average.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.network = copy.deepcopy(network).eval()
        for parameter in self.network.parameters():
            parameter.requires_grad_(False)
        pairs = list(zip(self._tensors(self.network), self._tensors(network), strict=True))
        self._floats = [pair for pair in pairs if pair[0].is_floating_point()]
        self._counters = [pair for pair in pairs if not pair[0].is_floating_point()]

    @staticmethod
    def _tensors(network: nn.Module) -> list[torch.Tensor]:
        return [tensor.detach() for tensor in network.state_dict(keep_vars=True).values()]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after step number `step` (from 0)."""
        share = 1 - min(self.decay, (1 + step) / (10 + step))
        averages = [average for average, _ in self._floats]
        torch._foreach_lerp_(averages, [weights for _, weights in self._floats], share)
        for average, count in self._counters:
            average.copy_(count)
