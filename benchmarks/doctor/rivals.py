"""The published rules of AutoTrainer, DeepLocalize and UMLAUT, on PyTorch, for comparison only.

Thresholds are those of their papers and published sources (AutoTrainer: Zhang et al., ICSE 2021,
`monitor.py`; DeepLocalize: Wardat et al., ICSE 2021, its Keras callback; UMLAUT: Schoop et al., CHI
2021, `heuristics.py`). They were made for Keras. What had to be carried over: an epoch is a tenth
of the run's steps; the accuracy is that of the batches that the loss sees, and 0 where there are no
classes, as Keras counts it; validation is what the loss, or a network, is asked without gradients.
A message is generous with names: it counts as right if any of its names is right.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules import module as global_hooks
from torch.optim import optimizer as optimizer_hooks

EPOCHS = 10
WEIGHTY = (nn.Linear, nn.modules.conv._ConvNd, nn.RNNBase, nn.Embedding)
WITH_CLASSES = ("cross_entropy", "nll_loss")
WITH_TWO = ("binary_cross_entropy", "binary_cross_entropy_with_logits")
LOSSES = (*WITH_CLASSES, *WITH_TWO, "mse_loss", "l1_loss")

NAMES = {
    "vanishing": ["vanishing-gradients"],
    "exploding": ["exploding-gradients", "non-finite-values"],
    "dying relu": ["dead-units"],
    "oscillating": ["learning-rate-too-high", "optimiser-unsuited", "batch-size-unsuited"],
    "slow": ["learning-rate-too-low", "bad-initialisation", "optimiser-unsuited"],
    "not finite": ["non-finite-values", "exploding-gradients", "learning-rate-too-high"],
    "zero": ["dead-units", "weights-never-change"],
    "unchanged": ["weights-never-change", "learning-rate-too-low", "frozen-by-mistake"],
    "input range": ["inputs-not-normalised", "bad-features"],
    "rate high": ["learning-rate-too-high"],
    "rate low": ["learning-rate-too-low", "weights-never-change"],
    "overfitting": ["overfitting"],
    "accuracy too good": ["tested-on-training-data"],
    "linear between": ["no-nonlinearity"],
    "last not linear": ["output-cannot-reach-targets", "softmax-before-cross-entropy",
                        "sigmoid-twice", "softmax-over-one-unit"],
    "dropout": ["regularisation-too-strong"],
}  # fmt: skip
"""Which of our names a message may mean."""


@dataclass
class StepSeen:
    """What a step of training showed."""

    loss: float = math.nan
    accuracy: float = 0.0
    rate: float = 0.0
    gradients: list[float] = field(default_factory=list)
    """Norms, one for each weight matrix, the first layer first."""
    silent: float = 0.0
    """Share of the gradients' entries that are 0."""
    outputs: list[float] = field(default_factory=list)
    """Means of the layers' answers."""
    weights: list[float] = field(default_factory=list)
    """Means of the weight matrices."""


class Collector:
    """Hooks that gather what the three sets of rules ask for."""

    def __init__(self) -> None:
        self.steps: list[StepSeen] = []
        self.asked: list[tuple[int, float, float]] = []
        """Validation: the step, its loss, its accuracy."""
        self.static: set[str] = set()
        self._now = StepSeen()
        self._depth = 0
        self._last_activation = ""

    @contextlib.contextmanager
    def watching(self) -> Iterator[Collector]:
        handles = [
            global_hooks.register_module_forward_pre_hook(self._enter),
            global_hooks.register_module_forward_hook(self._leave),
            optimizer_hooks.register_optimizer_step_pre_hook(self._step),
        ]
        kept = {name: getattr(functional, name) for name in LOSSES}
        whole = torch.autograd.backward
        for name, function in kept.items():
            setattr(functional, name, self._loss(name, function))
        torch.autograd.backward = self._backward(whole)
        try:
            yield self
        finally:
            torch.autograd.backward = whole
            for name, function in kept.items():
                setattr(functional, name, function)
            for handle in handles:
                handle.remove()

    def _enter(self, module: nn.Module, given: Any) -> None:
        self._depth += 1
        tensor = given[0] if given and isinstance(given[0], Tensor) else None
        if self._depth == 1 and tensor is not None and tensor.is_floating_point():
            low, high = float(tensor.detach().min()), float(tensor.detach().max())
            if low < -1 or high > 1:
                self.static.add("input range")
        maker = type(tensor.grad_fn).__name__ if tensor is not None else ""
        if isinstance(module, nn.Linear) and maker == "AddmmBackward0":
            self.static.add("linear between")

    def _leave(self, module: nn.Module, _given: Any, answer: Any) -> None:
        self._depth -= 1
        first = answer[0] if isinstance(answer, tuple) else answer
        if isinstance(module, nn.modules.dropout._DropoutNd) and module.p > 0.5:
            self.static.add("dropout")
        if isinstance(first, Tensor) and first.requires_grad and not any(module.children()):
            self._now.outputs.append(float(first.detach().float().mean()))
        if self._depth == 0 and isinstance(first, Tensor) and first.grad_fn is not None:
            self._last_activation = type(first.grad_fn).__name__

    def _loss(self, name: str, function: Any) -> Any:
        @functools.wraps(function)
        def watched(*args: Any, **named: Any) -> Any:
            value = function(*args, **named)
            given = [*args, *named.values()]
            if len(given) > 1 and isinstance(given[0], Tensor) and isinstance(given[1], Tensor):
                self._note(name, given[0].detach(), given[1].detach(), value)
            return value

        return watched

    def _note(self, name: str, prediction: Tensor, target: Tensor, value: Any) -> None:
        accuracy = 0.0
        if name in WITH_CLASSES and prediction.ndim > 1:
            if target.shape == prediction.shape:
                target = target.argmax(1)
            accuracy = float((prediction.argmax(1) == target).float().mean())
        elif name in WITH_TWO:
            cut = 0.0 if name.endswith("logits") else 0.5
            accuracy = float(((prediction > cut) == (target > 0.5)).float().mean())
        loss = float(value.detach().float().mean()) if isinstance(value, Tensor) else math.nan
        if isinstance(value, Tensor) and value.requires_grad:
            self._now.accuracy = accuracy
            if name in WITH_CLASSES and self._last_activation in (
                "SoftmaxBackward0", "SigmoidBackward0", "ReluBackward0", "TanhBackward0",
            ):  # fmt: skip
                self.static.add("last not linear")
        else:
            self.asked.append((len(self.steps), loss, accuracy))

    def _backward(self, function: Any) -> Any:
        @functools.wraps(function)
        def watched(tensors: Any, *args: Any, **named: Any) -> Any:
            first = tensors if isinstance(tensors, Tensor) else tensors[0]
            self._now.loss = float(first.detach().sum())
            return function(tensors, *args, **named)

        return watched

    def _step(self, optimiser: Any, _args: Any, _named: Any) -> None:
        now, self._now = self._now, StepSeen()
        weights = [w for group in optimiser.param_groups for w in group["params"] if w.ndim > 1]
        given = [w.grad.detach() for w in weights if w.grad is not None]
        given = [g.to_dense() if g.is_sparse else g for g in given]
        now.gradients = [float(g.norm()) for g in given]
        entries = sum(g.numel() for g in given)
        now.silent = sum(int((g == 0).sum()) for g in given) / entries if entries else 0.0
        now.weights = [float(w.detach().mean()) for w in weights]
        now.rate = float(optimiser.param_groups[0].get("lr", 0.0))
        self.steps.append(now)

    def verdicts(self) -> dict[str, list[list[str]]]:
        """For each set of rules the names of its messages."""
        rules = {"AutoTrainer": autotrainer, "DeepLocalize": deeplocalize, "UMLAUT": umlaut}
        return {title: [NAMES[word] for word in rule(self)] for title, rule in rules.items()}


def epochs(steps: list[StepSeen]) -> list[list[StepSeen]]:
    """The steps in ten pieces."""
    size = max(1, math.ceil(len(steps) / EPOCHS))
    return [steps[start : start + size] for start in range(0, len(steps), size)]


def mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else math.nan


def autotrainer(seen: Collector) -> list[str]:
    """Looked at after each epoch, while the accuracy is below 0.6; ends at the first problem."""
    accuracies: list[float] = []
    for number, piece in enumerate(epochs(seen.steps), start=1):
        accuracies.append(mean([step.accuracy for step in piece]))
        if any(not math.isfinite(step.loss) or step.loss >= 1e3 for step in piece):
            return ["exploding"]
        if accuracies[-1] >= 0.6:
            continue
        first = mean([step.gradients[0] for step in piece if step.gradients])
        last = mean([step.gradients[-1] for step in piece if step.gradients])
        if last > 0 and first / last < 1e-3 and first < 1e-4:
            return ["vanishing"]
        if last > 0 and first / last > 70:
            return ["exploding"]
        if mean([step.silent for step in piece]) >= 0.7:
            return ["dying relu"]
        falls = sum(before - after >= 0.03 for before, after in itertools.pairwise(accuracies))
        if number >= 4 and falls / number >= 0.2:
            return ["oscillating"]
        gains = [after - before for before, after in itertools.pairwise(accuracies)]
        if number >= 4 and max(gains) < 0.01 and max(accuracies) < 0.6:
            return ["slow"]
    return []


def deeplocalize(seen: Collector) -> list[str]:
    """Looked at each batch; every fifth, whether a mean is as it was; ends at the first hit."""
    before: StepSeen | None = None
    zero = 0
    for number, step in enumerate(seen.steps, start=1):
        values = [step.loss, *step.outputs, *step.weights, *step.gradients]
        if not all(map(math.isfinite, values)):
            return ["not finite"]
        zero += any(value == 0 for value in [*step.outputs, *step.weights, *step.gradients])
        if number >= 10 and zero >= number / 2:
            return ["zero"]
        if number % 5 == 0:
            if before is not None and (
                _some_equal(before.outputs, step.outputs)
                or _some_equal(before.weights, step.weights)
                or (before.loss, before.accuracy) == (step.loss, step.accuracy)
            ):
                return ["unchanged"]
            before = step
    return []


def _some_equal(before: list[float], after: list[float]) -> bool:
    return any(old == new for old, new in zip(before, after, strict=False))


def umlaut(seen: Collector) -> list[str]:
    """Its static rules, and those that it asks after each epoch; all messages."""
    found = set(seen.static)
    if any(not math.isfinite(step.loss) for step in seen.steps):
        found.add("not finite")
    if any(step.rate > 0.01 for step in seen.steps):
        found.add("rate high")
    if any(step.rate < 1e-7 for step in seen.steps):
        found.add("rate low")
    before: tuple[float, float] | None = None
    start = 0
    for number, piece in enumerate(epochs(seen.steps), start=1):
        start, begun = start + len(piece), start
        asked = [entry for entry in seen.asked if begun < entry[0] <= start]
        train = mean([step.loss for step in piece])
        val, accuracy = mean([loss for _, loss, _ in asked]), mean([acc for *_, acc in asked])
        if before is not None and val > before[1] and train < before[0]:
            found.add("overfitting")
        if number > 3 and accuracy > 0.95:
            found.add("accuracy too good")
        if accuracy - mean([step.accuracy for step in piece]) > 0.05:
            found.add("accuracy too good")
        before = (train, val)
    return sorted(found)
