"""One network on several processes (`torchrun -m pellucid train …`), with one process's result.

Each process takes its share of every batch; gradients and the statistics of batch norm are
averaged over all, so that the numbers are those of one process with the same total batch, but for
the order of additions. Dropout draws other masks in each process, from the same distribution.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn

from pellucid.train.task import Task

Value = TypeVar("Value")


@dataclass(frozen=True)
class Ranks:
    """This process's place among all."""

    rank: int = 0
    world: int = 1
    local: int = 0

    @classmethod
    def join(cls) -> Ranks:
        """Meet the other processes that `torchrun` started; alone without it."""
        world = int(os.environ.get("WORLD_SIZE", "1"))
        if world == 1:
            return cls()
        local = int(os.environ.get("LOCAL_RANK", "0"))
        if not dist.is_initialized():
            has_device = local < torch.cuda.device_count()
            if has_device:
                torch.cuda.set_device(local)
            dist.init_process_group("cpu:gloo,cuda:nccl" if has_device else "gloo")
        return cls(dist.get_rank(), world, local)

    @property
    def first(self) -> bool:
        """Is this the process that writes and speaks?"""
        return self.rank == 0

    def same(self, make: Callable[[], Value]) -> Value:
        """The first process's value of `make`, in every process; the others do not call it."""
        if self.world == 1:
            return make()
        holder = [make() if self.first else None]
        dist.broadcast_object_list(holder, src=0)
        return cast(Value, holder[0])

    def total(self, *numbers: float) -> list[float]:
        """The sums over all processes."""
        if self.world == 1:
            return list(numbers)
        sums = torch.tensor(numbers, dtype=torch.float64)
        dist.all_reduce(sums)
        return cast(list[float], sums.tolist())

    def share_loss(self, task: Task, batch_size: int) -> None:
        """Weigh each process's loss by its answers, so that the mean over processes is that over
        the whole batch, also where the shares are not equal (padded texts, odd batches)."""
        one_each = type(task).answers is Task.answers
        if self.world == 1 or (one_each and batch_size % self.world == 0):
            return
        alone = task.loss

        def loss(output: Tensor, target: Tensor) -> Tensor:
            count = task.answers(target).to(torch.float64).reshape(1)
            whole = count.clone()
            dist.all_reduce(whole)
            share = (count * self.world / whole.clamp(min=1)).float()
            return alone(output, target) * share[0] if count else 0 * output.sum()

        task.loss = loss  # type: ignore[method-assign]

    def wrap(self, network: nn.Module) -> nn.Module:
        """The network as it is called in training."""
        if self.world == 1:
            return network
        share_norms(network)
        with warnings.catch_warnings():
            # newer PyTorch has another word for it, which PyTorch 2.5 does not know
            warnings.simplefilter("ignore", FutureWarning)
            return nn.parallel.DistributedDataParallel(network, broadcast_buffers=False)

    def leave(self) -> None:
        """Part from the other processes."""
        if self.world > 1 and dist.is_initialized():
            dist.barrier()
            dist.destroy_process_group()


class _Sum(torch.autograd.Function):
    """The sum over all processes. Each one's loss depends on it, so gradients are summed, too."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        total = x.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].clone()
        dist.all_reduce(total)
        return total


def _sum_over_processes(x: Tensor) -> Tensor:
    return cast(Tensor, _Sum.apply(x))  # type: ignore[no-untyped-call]


def share_norms(network: nn.Module) -> None:
    """Let every batch norm of the network see the whole batch, not this process's share alone.

    PyTorch's own SyncBatchNorm needs CUDA; this one works on any device.
    """
    for module in network.modules():
        if type(module) in (nn.BatchNorm1d, nn.BatchNorm2d):
            module.forward = _shared_norm(module)


def _shared_norm(norm: nn.Module) -> Callable[[Tensor], Tensor]:
    """Batch norm's forward with mean and variance over all processes' examples."""
    assert isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d)
    alone = norm.forward

    def forward(x: Tensor) -> Tensor:
        if not norm.training:
            return alone(x)
        axes = [axis for axis in range(x.ndim) if axis != 1]
        count = x.new_tensor([x.numel() / x.shape[1]])
        sums = torch.cat([x.sum(axes), (x * x).sum(axes), count])
        parts = _sum_over_processes(sums)
        channels = x.shape[1]
        total, squares, number = parts[:channels], parts[channels:-1], parts[-1]
        mean = total / number
        variance = squares / number - mean * mean
        _update_statistics(norm, mean.detach(), variance.detach(), float(number.detach()))
        shape = [1, -1] + [1] * (x.ndim - 2)
        centred: Tensor = (x - mean.view(shape)) * torch.rsqrt(variance + norm.eps).view(shape)
        if norm.weight is None:
            return centred
        return centred * norm.weight.view(shape) + norm.bias.view(shape)

    return forward


@torch.no_grad()
def _update_statistics(
    norm: nn.BatchNorm1d | nn.BatchNorm2d, mean: Tensor, variance: Tensor, number: float
) -> None:
    """The running statistics, with PyTorch's own convention: unbiased variance."""
    if norm.running_mean is None or norm.running_var is None:
        return
    assert norm.num_batches_tracked is not None
    norm.num_batches_tracked += 1
    share = norm.momentum if norm.momentum is not None else 1 / float(norm.num_batches_tracked)
    norm.running_mean.lerp_(mean, share)
    norm.running_var.lerp_(variance * number / max(1.0, number - 1), share)
