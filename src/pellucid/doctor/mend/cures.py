"""Cures that can be put into a running script through PyTorch's hooks: no file is touched."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules import module as module_hooks
from torch.optim import Optimizer
from torch.optim import optimizer as optimizer_hooks
from torch.utils.data import DataLoader, IterableDataset

from pellucid.watch.exchanged import exchanged

Numbers = dict[str, Any]
REGRESSIONS = (
    "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
)  # fmt: skip


@contextmanager
def _around_steps(
    before: Callable[[Optimizer], None], after: Callable[[Optimizer], None] = lambda _: None
) -> Iterator[None]:
    handles = [
        optimizer_hooks.register_optimizer_step_pre_hook(lambda o, *_: before(o)),
        optimizer_hooks.register_optimizer_step_post_hook(lambda o, *_: after(o)),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _around_networks(
    enter: Callable[[nn.Module, Any], Any], leave: Callable[[nn.Module], None] = lambda _: None
) -> Iterator[None]:
    """Calls of whole networks; what `enter` returns, if anything, is given in place of the args."""
    stack: list[nn.Module] = []

    def entering(module: nn.Module, given: Any) -> Any:
        stack.append(module)
        return enter(module, given) if len(stack) == 1 else None

    def leaving(module: nn.Module, _given: Any, _answer: Any) -> None:
        while stack and stack.pop() is not module:
            pass
        if not stack:
            leave(module)

    handles = [
        module_hooks.register_module_forward_pre_hook(entering),
        module_hooks.register_module_forward_hook(leaving),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _weights(optimiser: Optimizer) -> list[Tensor]:
    return [weight for group in optimiser.param_groups for weight in group["params"]]


def _other_rate(numbers: Numbers) -> AbstractContextManager[Any]:
    factor, own = numbers["tried"] / numbers["rate"], dict[int, list[Any]]()

    def before(optimiser: Optimizer) -> None:
        own[id(optimiser)] = [group["lr"] for group in optimiser.param_groups]
        for group in optimiser.param_groups:
            group["lr"] = group["lr"] * factor

    def after(optimiser: Optimizer) -> None:
        for group, rate in zip(optimiser.param_groups, own.pop(id(optimiser)), strict=True):
            group["lr"] = rate  # a schedule goes on from the script's own

    return _around_steps(before, after)


def _clear_gradients(numbers: Numbers) -> AbstractContextManager[Any]:
    def after(optimiser: Optimizer) -> None:
        for weight in _weights(optimiser):
            weight.grad = None

    return _around_steps(lambda _: None, after)


def _clip(numbers: Numbers) -> AbstractContextManager[Any]:
    bound = min(1.0, numbers["median"])
    return _around_steps(
        lambda optimiser: (nn.utils.clip_grad_norm_(_weights(optimiser), bound), None)[1]
    )


def _add_parameters(numbers: Numbers) -> AbstractContextManager[Any]:
    """Parameters of called networks that have a gradient and no optimiser join the first one."""
    networks: dict[int, nn.Module] = {}
    optimisers: dict[int, Optimizer] = {}

    def before(optimiser: Optimizer) -> None:
        optimisers[id(optimiser)] = optimiser
        held = {id(weight) for one in optimisers.values() for weight in _weights(one)}
        for network in networks.values():
            optimiser.param_groups[0]["params"] += [
                weight
                for weight in network.parameters()
                if weight.grad is not None and id(weight) not in held
            ]

    stack = ExitStack()
    stack.enter_context(_around_networks(lambda m, _: networks.update({id(m): m})))
    stack.enter_context(_around_steps(before))
    return stack


def _mode(training: bool) -> Callable[[Numbers], AbstractContextManager[Any]]:
    """Passes with gradients in training mode, or those without in eval mode."""

    def cure(numbers: Numbers) -> AbstractContextManager[Any]:
        own: list[tuple[nn.Module, bool]] = []

        def enter(module: nn.Module, _given: Any) -> None:
            if torch.is_grad_enabled() == training and module.training != training:
                own.extend((part, part.training) for part in module.modules())
                module.train(training)

        def leave(module: nn.Module) -> None:
            for part, mode in own:
                part.training = mode
            own.clear()

        return _around_networks(enter, leave)

    return cure


def _standardise(numbers: Numbers) -> AbstractContextManager[Any]:
    """With mean and deviation of the first batch that is learnt from: of each feature of a table,
    of all numbers together elsewhere."""
    found: list[tuple[Tensor, Tensor]] = []

    def enter(module: nn.Module, given: Any) -> Any:
        if not given or not isinstance(given[0], Tensor) or not given[0].is_floating_point():
            return None
        inputs = given[0]
        if not found and torch.is_grad_enabled():
            known = inputs.detach()
            axis = 0 if inputs.ndim == 2 else tuple(range(inputs.ndim))
            deviation = known.std(axis)
            found.append((known.mean(axis), deviation.clamp_min(1e-6 * float(deviation.max()))))
        return ((inputs - found[0][0]) / found[0][1], *given[1:]) if found else None

    return _around_networks(enter)


def _shuffle(numbers: Numbers) -> AbstractContextManager[Any]:
    def wrap(build: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(build)
        def built(loader: Any, dataset: Any, *args: Any, **named: Any) -> None:
            own = len(args) > 1 or any(
                named.get(k) for k in ("shuffle", "sampler", "batch_sampler")
            )
            if not own and not isinstance(dataset, IterableDataset):
                named["shuffle"] = True
            build(loader, dataset, *args, **named)

        return built

    return exchanged(DataLoader, "__init__", wrap)


def _weaken(numbers: Numbers) -> AbstractContextManager[Any]:
    """No dropout in layers, no weight decay; or no clipping, where that is what was found."""
    if "clipped" in numbers:
        return exchanged(nn.utils, "clip_grad_norm_", _unclipped)

    def enter(module: nn.Module, _given: Any) -> None:
        for part in module.modules():
            if isinstance(part, nn.modules.dropout._DropoutNd):
                part.p = 0.0

    def before(optimiser: Optimizer) -> None:
        for group in optimiser.param_groups:
            group["weight_decay"] = 0

    stack = ExitStack()
    stack.enter_context(_around_networks(enter))
    stack.enter_context(_around_steps(before))
    return stack


def _unclipped(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def called(parameters: Any, max_norm: float, *args: Any, **named: Any) -> Any:
        return function(parameters, math.inf, *args, **named)

    return called


def _loss(names: tuple[str, ...], change: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
          ) -> Callable[[Numbers], AbstractContextManager[Any]]:  # fmt: skip
    """Other operands for loss functions."""

    def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def called(input: Tensor, target: Tensor, *args: Any, **named: Any) -> Any:
            input, target = change(input, target)
            return function(input, target, *args, **named)

        return called

    def cure(numbers: Numbers) -> AbstractContextManager[Any]:
        stack = ExitStack()
        for name in names:
            stack.enter_context(exchanged(functional, name, wrap))
        return stack

    return cure


def _without_softmax(scores: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """The logarithm of a softmax has the same softmax as the scores before it."""
    known = scores.detach()
    are_shares = bool((known >= 0).all()) and bool((known.sum(1) - 1).abs().max() < 1e-3)
    return (scores.clamp_min(1e-12).log() if are_shares else scores), target


def _without_sigmoid(scores: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    known = scores.detach()
    are_shares = bool(((known >= 0) & (known <= 1)).all())
    return (torch.logit(scores, 1e-6) if are_shares else scores), target


def _log_softmax(scores: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    return functional.log_softmax(scores, 1), target


def _reshaped(prediction: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    unequal = prediction.shape != target.shape and prediction.numel() == target.numel()
    return prediction, target.reshape(prediction.shape) if unequal else target


CURES: dict[str, tuple[str, Callable[[Numbers], AbstractContextManager[Any]]]] = {
    "learning-rate-too-high": ("a lower learning rate", _other_rate),
    "learning-rate-too-low": ("a higher learning rate", _other_rate),
    "gradients-not-cleared": ("gradients cleared after each step", _clear_gradients),
    "exploding-gradients": ("clipped gradients", _clip),
    "parameters-outside-optimiser": ("all parameters in the optimiser", _add_parameters),
    "eval-forgotten": ("passes without gradients in eval mode", _mode(training=False)),
    "trained-in-eval-mode": ("passes with gradients in training mode", _mode(training=True)),
    "inputs-not-normalised": ("inputs standardised by the first batch", _standardise),
    "not-shuffled": ("DataLoader(…, shuffle=True)", _shuffle),
    "regularisation-too-strong": ("no dropout layers and no weight decay, or no clipping", _weaken),
    "softmax-before-cross-entropy": (
        "the softmax undone", _loss(("cross_entropy",), _without_softmax)
    ),
    "sigmoid-twice": (
        "one sigmoid undone", _loss(("binary_cross_entropy_with_logits",), _without_sigmoid)
    ),
    "raw-scores-into-probability-loss": (
        "log_softmax before nll_loss", _loss(("nll_loss",), _log_softmax)
    ),
    "target-broadcast": ("the target in the prediction's shape", _loss(REGRESSIONS, _reshaped)),
}  # fmt: skip
"""By finding: the cure in words, and what puts it in for the length of a block, made from the
finding's numbers."""
