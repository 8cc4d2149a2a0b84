"""By what repetitions of a training are judged: the script's own loss on batches of its own."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from pellucid.doctor.effect import NOTHING, Change
from pellucid.doctor.together import weights_of
from pellucid.watch.captured import Batch
from pellucid.watch.program import Constant, Program
from pellucid.watch.recorder import tensors_in

CLASSES = ("cross_entropy", "nll_loss")
"""Loss functions that take the numbers of classes."""
WIDE = 1_000
"""Numbers of an answer up to which the best constant is searched for."""
JUDGED = 16
"""Batches that are judged, spread over those that were kept."""


class Exchange(TorchFunctionMode):
    """Calls other functions in place of some, after the first `spared` and for `most` of them."""

    def __init__(
        self,
        functions: Mapping[Callable[..., Any], Callable[..., Any]],
        spared: int,
        most: float,
    ) -> None:
        super().__init__()
        self._functions = functions
        self._spared, self._until = spared, spared + most
        self._count = 0

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        other = self._functions.get(function)
        if other is None:
            return function(*args, **(kwargs or {}))
        self._count += 1
        is_meant = self._spared < self._count <= self._until
        return other(args[0]) if is_meant else function(*args, **(kwargs or {}))


def answers_of(network: nn.Module, batch: Batch, change: Change = NOTHING) -> list[Tensor]:
    """What a network answers to a batch, with a change of what it is given or what it calls."""
    given = (batch.given, batch.named)
    args, named = change.given(given) if change.given else given
    assert batch.tail is not None
    with batch.tail.in_precision():
        if not change.calls:
            return list(tensors_in(network(*args, **named)))
        with Exchange(change.calls, change.calls_spared, change.calls_most):
            return list(tensors_in(network(*args, **named)))


class Judge:
    """The mean loss of a network on kept batches, and the share that it answers rightly."""

    MEASURE = "loss"
    """What it measures, in words."""

    def __init__(self, batches: list[Batch]) -> None:
        self.every = batches
        self.batches = self.every[:: max(1, math.ceil(len(self.every) / JUDGED))]

    def __call__(
        self, network: nn.Module, change: Change = NOTHING, norms: bool | None = None
    ) -> tuple[float, float | None]:
        """`norms` says whether batch norms use the batch's own statistics; as in training."""
        calm(network, self.batches[0].training if norms is None else norms)
        losses, right, count = [], 0, 0
        for batch in self._mixed() if change.dealt_anew else self.batches:
            slopes = batch.program is not None and batch.program.asks_for_slopes
            with torch.set_grad_enabled(slopes):
                loss, marks = self.graded(network, batch, change)
            losses.append(float(loss.detach().sum()))
            right, count = right + sum(map(int, marks)), count + len(marks)
        mean = sum(losses) / len(losses)
        return mean if math.isfinite(mean) else math.inf, right / count if count else None

    def graded(self, network: nn.Module, batch: Batch, change: Change) -> tuple[Tensor, list[bool]]:
        """The loss, and by example whether it is right, where classes are answered; of sequences
        by moment."""
        answers = answers_of(network, batch, change)
        compared, answer = self._compared_with(batch), answers[0]
        if compared is not self.find_target(batch) and answer.ndim == 3:
            answer = answer.flatten(0, 1)
        return self.loss_of(network, batch, answers), right_ones(answer, compared)

    @staticmethod
    def loss_of(network: nn.Module, batch: Batch, answers: list[Tensor]) -> Tensor:
        assert batch.tail is not None
        return batch.tail.again(answers, weights_of(network))[0]

    @staticmethod
    def find_target(batch: Batch) -> Tensor | None:
        """What the answer is compared with, if the loss has such a thing for each example."""
        if batch.tail is None:
            return None
        found = (t for t in batch.tail.rows(batch.size) if not _is_numbering(t))
        return next(found, None)

    @staticmethod
    def symbols_of(batch: Batch) -> Tensor | None:
        """The symbols that sequences are to be continued with: examples × moments."""
        found = None if batch.tail is None else _symbols(batch.tail)
        return None if found is None else found.reshape(batch.size, -1)

    def target_of(self, batch: Batch) -> Tensor:
        found = self.find_target(batch)
        assert found is not None
        return found

    def trivial(self) -> float | None:
        """The script's loss, if every answer is the best one that looks at no input."""
        targets = [self._compared_with(batch) for batch in self.batches]
        if any(target is None for target in targets):
            return None
        every = torch.cat([target.detach() for target in targets if target is not None])
        losses = []
        for batch in self.batches:
            assert batch.tail is not None
            answer = _constant(batch.tail, every)
            if answer is None:
                return self._searched(every)
            try:
                losses.append(float(batch.tail.again([answer], {})[0].sum()))
            except Exception:
                return None
        mean = sum(losses) / len(losses)
        return mean if math.isfinite(mean) else None

    def _compared_with(self, batch: Batch) -> Tensor | None:
        """The target; of sequences of symbols all of them, one after the other."""
        symbols = self.symbols_of(batch)
        return self.find_target(batch) if symbols is None else symbols.flatten()

    def _searched(self, targets: Tensor) -> float | None:
        """The same for a loss of the script's own: the best constant is searched for."""
        from scipy.optimize import minimize  # type: ignore[import-untyped]

        tails = [batch.tail for batch in self.batches if batch.tail is not None]
        shape = tails[0].shape[1:]
        if any(t.inputs != 1 or t.shape[1:] != shape for t in tails) or math.prod(shape) > WIDE:
            return None
        fits = targets.shape[1:] == shape and targets.dtype.is_floating_point
        start = targets.detach().mean(0) if fits else torch.zeros(shape)

        def slope_at(numbers: Any) -> tuple[float, Any]:
            best = torch.from_numpy(numbers).to(start).requires_grad_()
            with torch.enable_grad():
                every = [t.again([best.expand(t.shape)], {})[0].sum() for t in tails]
                loss = torch.stack(every).mean()
                slope = torch.autograd.grad(loss, best)[0]
            return float(loss.detach()), slope.double().cpu().numpy().ravel()

        try:
            begin = start.reshape(-1).double().cpu().numpy()
            found = minimize(slope_at, begin, jac=True, method="L-BFGS-B", options={"maxiter": 30})
        except Exception:
            return None  # the loss needs more than the answer, or has no slope
        return float(found.fun) if math.isfinite(found.fun) else None

    def majority(self) -> float | None:
        """The share of the judged examples in the most frequent class, if targets are classes."""
        targets = [self.find_target(batch) for batch in self.batches]
        if any(target is None or not are_classes(target) for target in targets):
            return None
        counts = torch.bincount(torch.cat([t for t in targets if t is not None]).clamp_min(0))
        return float(counts.max() / counts.sum())

    def _mixed(self) -> list[Batch]:
        """The judged batches with examples of all: in batches of one class a batch norm takes away
        what tells the classes apart."""
        return [batch for (batch,) in self.dealt_anew([[b] for b in self.batches], seed=1)]

    def dealt_anew(self, steps: list[list[Batch]], seed: int) -> list[list[Batch]]:
        """Examples of all batches, dealt by chance into batches of the same sizes."""
        columns = [torch.cat(parts) for parts in zip(*map(_aligned, self.every), strict=True)]
        chance = torch.Generator().manual_seed(seed)
        order = torch.randperm(sum(batch.size for batch in self.every), generator=chance)
        dealt: list[list[Batch]] = []
        start = 0
        for batches in steps:
            dealt.append([])
            for batch in batches:
                dealt[-1].append(_redealt(batch, columns, order[start : start + batch.size]))
                start += batch.size
        return dealt


def _is_numbering(tensor: Tensor) -> bool:
    """Whether it is 0, 1, 2 …, by which scores of labels are picked by hand."""
    if tensor.ndim != 1 or tensor.dtype.is_floating_point:
        return False
    return torch.equal(tensor, torch.arange(len(tensor)).to(tensor))


def cut(batch: Batch, parts: int) -> list[Batch]:
    """A batch in so many parts, as far as it has examples."""
    rows = torch.arange(batch.size)
    found = (_redealt(batch, _aligned(batch), part) for part in rows.chunk(parts))
    return [dataclasses.replace(part, gathered=frozenset()) for part in found]


def without(batch: Batch, rows: Tensor) -> Batch:
    """A batch without the rows of a mask, as long as two are left."""
    kept = (~rows).nonzero().flatten()
    return _redealt(batch, _aligned(batch), kept) if len(kept) > 1 and rows.any() else batch


def _redealt(batch: Batch, columns: list[Tensor], rows: Tensor) -> Batch:
    """A batch whose tensors of one entry an example hold these examples of all batches."""
    exchanged = {
        id(tensor): column[rows.to(column.device)]
        for tensor, column in zip(_aligned(batch), columns, strict=True)
    }

    def change(tensor: Any) -> Any:
        return exchanged.get(id(tensor), tensor)

    assert batch.tail is not None
    return dataclasses.replace(
        batch,
        given=tuple(map(change, batch.given)),
        named={name: change(value) for name, value in batch.named.items()},
        tail=batch.tail.exchanged(change),
    )


def _aligned(batch: Batch) -> list[Tensor]:
    """The tensors of a batch that have one entry an example, in their order."""
    assert batch.tail is not None
    given = [t for t in tensors_in((batch.given, batch.named)) if t.ndim and len(t) == batch.size]
    return given + [t for t in batch.tail.rows(batch.size) if not any(t is g for g in given)]


def calm(network: nn.Module, training: bool) -> None:
    """Dropout off; norms as in training, so that their kept statistics do not matter."""
    network.eval()
    for part in network.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            part.train(training)


def is_mixed(network: nn.Module) -> bool:
    """Whether some modules are in another mode than the network itself: someone put them there."""
    return any(part.training != network.training for part in network.modules())


def right_ones(answer: Tensor, target: Tensor | None) -> list[bool]:
    """Which examples get their class, where answers are scores of classes."""
    if target is None or answer.ndim < 2 or answer.shape[1] < 2:
        return []
    if not target.dtype.is_floating_point and target.shape == answer.shape[:1] + answer.shape[2:]:
        known = target >= 0  # others are ignored
        return list((answer.argmax(1) == target)[known].tolist())
    is_one_hot = target.shape == answer.shape and bool(((target == 0) | (target == 1)).all())
    if is_one_hot and bool((target.sum(1) == 1).all()):
        return list((answer.argmax(1) == target.argmax(1)).tolist())
    return []


def _constant(tail: Program, targets: Tensor) -> Tensor | None:
    """The best answer that looks at no input, for the loss functions of PyTorch's."""
    losses = [call for call in tail.calls if call.name in BEST]
    if len(losses) != 1 or tail.inputs != 1:
        return None
    rows, shape = tail.shape[0], tail.shape
    if _symbols(tail) is not None:
        rows, shape = math.prod(shape[:-1]), (math.prod(shape[:-1]), shape[-1])
    if are_classes(targets):
        targets = targets[targets != losses[0].named.get("ignore_index", -100)]
    best = BEST[losses[0].name](targets, shape)
    if best is None or best.numel() * rows != math.prod(tail.shape):
        return None
    return best.expand(rows, *best.shape).reshape(tail.shape)


def _symbols(tail: Program) -> Tensor | None:
    """The classes of sequences, laid flat: examples × moments of them."""
    losses = [call for call in tail.calls if call.name in CLASSES]
    if len(losses) != 1 or len(tail.shape) != 3 or len(losses[0].args) < 2:
        return None
    target = losses[0].args[1]
    if not isinstance(target, Constant) or not are_classes(target.tensor):
        return None
    alike = target.tensor.shape == (math.prod(tail.shape[:-1]),)
    return target.tensor if alike else None


def _scores(targets: Tensor, shape: tuple[int, ...]) -> Tensor | None:
    if not are_classes(targets) or not len(targets) or int(targets.min()) < 0:
        return None
    counts = torch.bincount(targets, minlength=shape[1]).double()
    return counts.div(len(targets)).clamp_min(1e-12).log().float()


def are_classes(targets: Tensor) -> bool:
    return targets.dtype in (torch.int64, torch.int32, torch.uint8) and targets.ndim == 1


def _mean(targets: Tensor, shape: tuple[int, ...]) -> Tensor:
    return targets.float().mean(0)


def _median(targets: Tensor, shape: tuple[int, ...]) -> Tensor:
    return targets.float().median(0).values


def _shares(targets: Tensor, shape: tuple[int, ...]) -> Tensor:
    return targets.float().mean(0).clamp(1e-6, 1 - 1e-6)


BEST: dict[str, Callable[[Tensor, tuple[int, ...]], Tensor | None]] = {
    "cross_entropy": _scores,
    "nll_loss": _scores,
    "mse_loss": _mean,
    "l1_loss": _median,
    "smooth_l1_loss": _mean,
    "huber_loss": _mean,
    "binary_cross_entropy": _shares,
    "binary_cross_entropy_with_logits": lambda targets, shape: _shares(targets, shape).logit(),
}
