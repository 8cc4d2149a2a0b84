"""Follows any PyTorch training through its hooks, and changes nothing."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules import module as global_hooks
from torch.optim import Optimizer
from torch.optim import optimizer as optimizer_hooks
from torch.utils.weak import WeakIdKeyDictionary

from pellucid.watch.graph import learnt, makers
from pellucid.watch.lines import users_line
from pellucid.watch.recorder import tensors_in
from pellucid.watch.replay import first_not_finite, repeat
from pellucid.watch.trace import Backward, LossCall, Model, NotFinite, Pass, Step, Trace

LOSSES = (
    "cross_entropy", "nll_loss", "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss",
    "binary_cross_entropy", "binary_cross_entropy_with_logits",
)  # fmt: skip
LOOKED_AT = 5
"""Loss calls and steps whose values are looked at, from the first on; then each 50th."""
AGAIN = 50
MOST = 50_000
"""Passes that are noted; what comes later is not watched, and said not to be."""
ROWS = 8
"""Examples of a batch that are remembered by a hash."""


class Follower:
    """Writes what happens between `with follower.watching():` and its end into `trace`."""

    def __init__(self) -> None:
        self.trace = Trace()
        self._models: dict[int, tuple[int, nn.Module]] = {}
        self._owners: dict[int, str] = {}
        """By parameter, its name in its network."""
        self._held: set[int] = set()
        """Parameters that some optimiser holds."""
        self._used: dict[int, int] = {}
        """By parameter, the version of its gradient that a step has used."""
        self._dirty: set[int] = set()
        """Parameters whose gradient holds one that a step has used."""
        self._answers: Any = WeakIdKeyDictionary()
        """By answer of a network, which network's it is; answers are not kept alive."""
        self._rows: set[float] = set()
        self.stack: list[tuple[nn.Module, Any]] = []
        self._took_part: set[int] = set()
        self._pending: list[float] = []
        self._last: tuple[nn.Module, tuple[Any, ...]] | None = None
        self.before: tuple[int, ...] = ()
        """The shape that the module before answered with more than one axis an example."""
        self._optimisers: list[Optimizer] = []
        self._asking = False
        """While a question is put to a network: its passes are not the script's."""

    @property
    def step(self) -> int:
        return len(self.trace.steps)

    @contextmanager
    def watching(self) -> Iterator[Follower]:
        """Watch everything that happens inside the block, in this thread or others."""
        handles = [
            global_hooks.register_module_forward_pre_hook(self._enter),
            global_hooks.register_module_forward_hook(self._leave),
            optimizer_hooks.register_optimizer_step_pre_hook(self._before_step),
        ]
        whole = torch.autograd.backward
        losses = {name: getattr(functional, name) for name in LOSSES}
        torch.autograd.backward = self._wrapped_backward(whole)
        for name, function in losses.items():
            setattr(functional, name, self._wrapped_loss(name, function))
        try:
            yield self
        finally:
            torch.autograd.backward = whole
            for name, function in losses.items():
                setattr(functional, name, function)
            for handle in handles:
                handle.remove()

    def _enter(self, module: nn.Module, given: Any) -> None:
        if self._asking or len(self.trace.passes) >= MOST:
            return
        self.stack.append((module, given))
        self._took_part.add(id(module))

    def _leave(self, module: nn.Module, given: Any, answer: Any) -> None:
        if self._asking or not self.stack:
            return
        while self.stack and self.stack.pop()[0] is not module:
            pass  # a module that raised, and whose error was caught, was never left
        first = next(iter(tensors_in(answer)), None)
        if first is not None and first.ndim > 2:
            self.before = tuple(first.shape)
        if not self.stack and any(True for _ in module.parameters()):
            self._note_pass(module, given, answer)

    def _model(self, module: nn.Module) -> int:
        known = self._models.get(id(module))
        if known is not None:
            return known[0]
        dropouts = [part for part in module.modules() if _drops(part)]
        self.trace.models.append(
            Model(
                type(module).__name__,
                len(dropouts),
                max((float(part.p) for part in dropouts), default=0.0),  # type: ignore[arg-type]
                sum(_keeps_statistics(part) for part in module.modules()),
                sum(weight.numel() for weight in module.parameters()),
            )
        )
        self._models[id(module)] = (len(self._models), module)
        for name, weight in module.named_parameters():
            self._owners.setdefault(id(weight), name)
        return len(self._models) - 1

    def _note_pass(self, module: nn.Module, given: Any, answer: Any) -> None:
        model = self._model(module)
        tensors = [tensor for tensor in tensors_in(given) if tensor.ndim]
        rows = _rows(tensors)
        with_graph = torch.is_grad_enabled() and not torch.is_inference_mode_enabled()
        found = Pass(
            model=model,
            step=self.step,
            training=module.training,
            dropping=sum(_drops(part) and part.training for part in module.modules()),
            norming=sum(_keeps_statistics(part) and part.training for part in module.modules()),
            with_graph=with_graph,
            examples=len(tensors[0]) if tensors else 0,
            line=users_line(),
            seen_in_training=bool(rows) and all(row in self._rows for row in rows),
        )
        self.trace.passes.append(found)
        if with_graph:
            self._pending = rows
            self._last = (module, tuple(given))
        else:
            self._look_at_evaluation(module, given, found)
        for tensor in tensors_in(answer):
            self._answers[tensor] = model

    def _look_at_evaluation(self, module: nn.Module, given: Any, found: Pass) -> None:
        """Put one batch to a copy again, where an evaluation drops or uses the batch's norms."""
        asked = any(entry.model == found.model for entry in self.trace.repeated)
        if found.training and (found.dropping or found.norming) and self.step and not asked:
            self._asking = True
            repeated = repeat(module, given, found.model)
            self._asking = False
            if repeated is not None:
                self.trace.repeated.append(repeated)

    def _wrapped_loss(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def watched(*args: Any, **named: Any) -> Any:
            value = function(*args, **named)
            prediction = args[0] if args else named.get("input")
            target = args[1] if len(args) > 1 else named.get("target")
            if isinstance(prediction, Tensor) and isinstance(target, Tensor):
                self._note_loss(name, prediction, target, value)
            return value

        return watched

    def _note_loss(self, name: str, prediction: Tensor, target: Tensor, value: Any) -> None:
        if name == "nll_loss" and self.trace.losses and makers(prediction, 1) == ("LogSoftmax",):
            return  # the second half of a cross entropy
        found = LossCall(
            name=name,
            step=self.step,
            shape=tuple(prediction.shape),
            target_shape=tuple(target.shape),
            made_by=makers(prediction) if prediction.requires_grad else (),
            line=users_line(),
            model=self._answers.get(prediction),
            with_graph=prediction.requires_grad,
        )
        if len(self.trace.losses) < LOOKED_AT or len(self.trace.losses) % AGAIN == 0:
            _look_at_values(found, prediction.detach(), target.detach(), value)
        self.trace.losses.append(found)

    def _wrapped_backward(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def watched(tensors: Any, *args: Any, **named: Any) -> Any:
            losses = list(tensors_in(tensors))
            if losses:
                self._note_backward(losses[0])
            return function(tensors, *args, **named)

        return watched

    def _note_backward(self, loss: Tensor) -> None:
        value = float(loss.detach().sum()) if loss.numel() else math.nan
        self._note_reuse()
        found = Backward(self.step, users_line(), value)
        count = len(self.trace.backwards)
        if self._held and (count < LOOKED_AT or count % AGAIN == 0):
            outside = (weight for weight in learnt(loss) if id(weight) not in self._held)
            found.outside = tuple(
                self._owners.get(id(weight), f"a parameter {tuple(weight.shape)} of no module")
                for weight in outside
            )
        self.trace.backwards.append(found)
        self._rows.update(self._pending)
        self._pending = []
        if not math.isfinite(value) and self.trace.not_finite is None:
            self._asking = True
            where, what = first_not_finite(self._last) if self._last else ("", "the loss")
            self._asking = False
            self.trace.not_finite = NotFinite(self.step, where, what, found.line)

    def _note_reuse(self) -> None:
        """Which parameters' gradients, used by a step, are about to be added to.

        Whether that is a fault shows at their next step: in adversarial training the other
        network's gradients pile up too, and are cleared before they are used.
        """
        for _, module in self._models.values():
            for weight in module.parameters():
                gradient = weight.grad
                if gradient is None:
                    self._dirty.discard(id(weight))
                elif self._used.get(id(weight)) == _mark(gradient):
                    self._dirty.add(id(weight))
                elif id(weight) in self._dirty and not bool(gradient.detach().any()):
                    self._dirty.discard(id(weight))

    def _before_step(self, optimiser: Optimizer, _args: Any, _named: Any) -> None:
        weights = [weight for group in optimiser.param_groups for weight in group["params"]]
        self._held.update(map(id, weights))
        if not any(optimiser is known for known in self._optimisers):
            self.trace.optimisers.append(type(optimiser).__name__)
            self._optimisers.append(optimiser)
        given = [weight for weight in weights if weight.grad is not None]
        self._used |= {id(weight): _mark(weight.grad) for weight in given}
        look = self.step < LOOKED_AT or self.step % AGAIN == 0
        self.trace.steps.append(
            Step(
                number=self.step,
                optimiser=type(optimiser).__name__,
                line=users_line(),
                rates=tuple(
                    float(group["lr"]) for group in optimiser.param_groups if "lr" in group
                ),
                parameters=len(weights),
                with_gradient=_count_moved(given) if look else len(given),
                without=self._without_gradient(weights) if look else (),
                reused=sum(id(weight) in self._dirty for weight in given),
            )
        )
        self._took_part.clear()

    def _without_gradient(self, weights: list[Tensor]) -> tuple[str, ...]:
        """Parameters of modules that took part in the pass, and yet have no gradient."""
        owners = {
            id(weight): part
            for _, module in self._models.values()
            for part in module.modules()
            for weight in part.parameters(recurse=False)
        }
        return tuple(
            self._owners.get(id(weight), str(tuple(weight.shape)))
            for weight in weights
            if weight.requires_grad
            and weight.grad is None
            and id(owners.get(id(weight))) in self._took_part
        )


def _drops(part: nn.Module) -> bool:
    return isinstance(part, nn.modules.dropout._DropoutNd) and part.p > 0


def _keeps_statistics(part: nn.Module) -> bool:
    return isinstance(part, nn.modules.batchnorm._BatchNorm) and part.track_running_stats


def _mark(gradient: Tensor | None) -> int:
    """Changes whenever the gradient is another tensor, or was written into."""
    return 0 if gradient is None else hash((id(gradient), gradient._version))


def _count_moved(weights: list[Tensor]) -> int:
    return sum(bool(weight.grad.detach().any()) for weight in weights if weight.grad is not None)


def _rows(tensors: list[Tensor]) -> list[float]:
    """The first examples of a batch, each as one number that hardly any other example has."""
    if not tensors or tensors[0].ndim < 2 or not tensors[0].dtype.is_floating_point:
        return []
    flat = tensors[0].detach()[:ROWS].reshape(min(len(tensors[0]), ROWS), -1).double()
    places = torch.arange(1, flat.shape[1] + 1, dtype=torch.float64, device=flat.device)
    return [float(value) for value in flat @ torch.sin(places)]


def _look_at_values(found: LossCall, prediction: Tensor, target: Tensor, value: Any) -> None:
    """Ranges, and whether rows are shares of a whole."""
    found.low, found.high = float(prediction.min()), float(prediction.max())
    if target.numel():
        found.target_low, found.target_high = float(target.min()), float(target.max())
    if isinstance(value, Tensor) and value.numel() == 1:
        found.value = float(value.detach())
    if prediction.ndim > 1 and prediction.shape[1] > 1 and prediction.dtype.is_floating_point:
        sums = prediction.double().sum(1)
        found.shares = found.low >= 0 and bool((sums - 1).abs().max() < 1e-4)
        found.log_shares = bool(torch.logsumexp(prediction.double(), 1).abs().max() < 1e-3)
