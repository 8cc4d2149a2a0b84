"""The terms of a loss that a script adds up: what compares with targets, and what only penalises.

Of a variational autoencoder's loss the second is the divergence of its codes; of a sum of squares
of the weights the decay that is written by hand.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pellucid.doctor.judged import answers_of
from pellucid.doctor.together import weights_of
from pellucid.watch.captured import Batch
from pellucid.watch.program import Call, Constant, Program, Slot, needed

SCALED = ("mul", "div", "truediv", "mean", "sum")
"""What may come after the sum of the terms."""


@dataclass(frozen=True)
class Terms:
    """The two terms of a batch's loss."""

    batch: Batch
    data: int
    """The slot of what depends on targets."""
    penalty: int
    """The slot of what does not."""
    added: Call

    @property
    def _tail(self) -> Program:
        assert self.batch.tail is not None
        return self.batch.tail

    def lighter(self, factor: float) -> Batch:
        """The batch with the penalty times a factor."""
        fresh = 1 + max(max(call.results) for call in self._tail.calls)
        weighed = Call(torch.mul, (Slot(self.penalty), factor), {}, (fresh,))
        added = self.added.mapped(lambda leaf: Slot(fresh) if leaf == Slot(self.penalty) else leaf)
        calls: list[Call] = []
        for call in self._tail.calls:
            calls += [weighed, added] if call is self.added else [call]
        return dataclasses.replace(
            self.batch, tail=dataclasses.replace(self._tail, calls=tuple(calls))
        )

    def compared(self, network: nn.Module) -> float:
        """The loss without the penalty, of a network that is calm."""
        with torch.no_grad(), torch.random.fork_rng():
            torch.manual_seed(0)
            return self._compared(answers_of(network, self.batch), weights_of(network))

    def of_mean(self, network: nn.Module) -> float | None:
        """The same if every answer were the mean of the targets; None if it is no such answer."""
        with torch.no_grad(), torch.random.fork_rng():
            answers = answers_of(network, self.batch)
        used = {k for call in self._alone().calls for k in call.slots() if k < len(answers)}
        targets = [c.tensor for c in self._alone().constants()]
        if len(used) != 1 or len(targets) != 1 or targets[0].numel() != answers[min(used)].numel():
            return None
        place, goal = min(used), targets[0].to(answers[min(used)])
        answers[place] = goal.mean(0).expand_as(goal).reshape(answers[place].shape)
        return self._compared(answers, weights_of(network))

    def _alone(self) -> Program:
        calls = needed(self._tail.calls, (self.data,))
        return dataclasses.replace(self._tail, calls=calls, outputs=(self.data,))

    def _compared(self, answers: list[Tensor], weights: dict[str, Tensor]) -> float:
        tail = self.lighter(0.0).tail
        assert tail is not None
        return float(tail.again(answers, weights)[0].detach().sum())


def trivial_of_terms(batches: list[Batch], network: nn.Module) -> float | None:
    """The loss if every answer were the targets' mean, and the penalty 0, its lowest; None where
    losses are no such sums."""
    means = []
    for batch in batches:
        found = terms_of(batch)
        mean = None if found is None else found.of_mean(network)
        if mean is None:
            return None
        means.append(mean)
    return sum(means) / len(means) if means else None


def terms_of(batch: Batch) -> Terms | None:
    """The terms of a batch's loss; None if it is no sum of one that compares and one that does
    not."""
    tail = batch.tail
    makers = {} if tail is None else {slot: call for call in tail.calls for slot in call.results}
    call = makers.get(tail.outputs[0]) if tail is not None else None
    while tail is not None and call is not None and call.name in SCALED:
        call = makers.get(call.slots()[0]) if len(call.slots()) == 1 else None
    if tail is None or call is None or call.name not in ("add", "iadd") or len(call.slots()) != 2:
        return None
    compares = [
        any(isinstance(leaf, Constant) for c in needed(tail.calls, (slot,)) for leaf in c.leaves())
        for slot in call.slots()
    ]
    if sum(compares) != 1:
        return None
    data, penalty = call.slots() if compares[0] else call.slots()[::-1]
    return Terms(batch, data, penalty, call)
