"""Backward passes and optimisers' steps, and what became of the gradients between them."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.optim import Optimizer

from pellucid.watch.graph import learnt
from pellucid.watch.lines import Steady
from pellucid.watch.networks import Networks
from pellucid.watch.trace import Backward, Step, Trace

LOOKED_AT = 5
"""Backward passes and steps that are looked at, from the first on; then each `AGAIN`th."""
AGAIN = 50
BY_HAND = 20
"""Backward passes between which weights are compared, while no optimiser has made a step."""


class Updates:
    """Notes each backward pass and each step, by the identity of parameters and gradients."""

    def __init__(self, trace: Trace, networks: Networks, owners: dict[int, str]) -> None:
        self._trace = trace
        self._networks = networks
        self.owners = owners
        """By parameter, its name in its network."""
        self.optimisers: list[Optimizer] = []
        self.took_part: set[int] = set()
        """Modules that took part in a pass since the last step."""
        self._held: set[int] = set()
        """Parameters that some optimiser holds."""
        self._used: dict[int, int] = {}
        """By parameter, the version of its gradient that a step has used."""
        self._dirty: set[int] = set()
        """Parameters whose gradient holds one that a step has used."""
        self._sum: float | None = None
        self._line = Steady()
        self._listed: dict[int, tuple[Steady, list[Tensor]]] = {}
        """By optimiser, whom `optimisers` keeps alive: its line and its parameters."""

    def note_backward(self, loss: Tensor) -> Backward:
        self._note_reuse()
        if not self._trace.steps and len(self._trace.backwards) < BY_HAND:
            self._note_moves(loss)
        value = loss.item() if loss.numel() == 1 else float(loss.detach().sum())
        found = Backward(len(self._trace.steps), self._line.line(), float(value))
        if self._held and _is_looked_at(len(self._trace.backwards)):
            outside = (weight for weight in learnt(loss) if id(weight) not in self._held)
            found.outside = tuple(
                self.owners.get(id(weight), f"a parameter {tuple(weight.shape)} of no module")
                for weight in outside
            )
        self._trace.backwards.append(found)
        return found

    def _note_moves(self, loss: Tensor) -> None:
        """Whether weights change without an optimiser, in a loop that is written by hand."""
        total = sum(
            (float(leaf.detach().double().sum()) for leaf in learnt(loss, of=Tensor)), start=0.0
        )
        if self._sum is not None and total != self._sum:
            self._trace.moved_by_hand = True
        self._sum = total

    def _note_reuse(self) -> None:
        """Which parameters' gradients, used by a step, are about to be added to.

        Whether that is a fault shows at their next step: in adversarial training the other
        network's gradients pile up too, and are cleared before they are used.
        """
        for weight in self._networks.weights():
            gradient = weight.grad
            if gradient is None:
                self._dirty.discard(id(weight))
            elif self._used.get(id(weight)) == _mark(gradient):
                self._dirty.add(id(weight))
            elif id(weight) in self._dirty and not bool(gradient.detach().any()):
                self._dirty.discard(id(weight))

    def note_step(self, optimiser: Optimizer) -> Step:
        line, weights = self._known(optimiser)
        given = [weight for weight in weights if weight.grad is not None]
        for weight in given:
            self._used[id(weight)] = _mark(weight.grad)
        look = _is_looked_at(len(self._trace.steps))
        found = Step(
            number=len(self._trace.steps),
            optimiser=type(optimiser).__name__,
            line=line.line(),
            rates=tuple(float(group["lr"]) for group in optimiser.param_groups if "lr" in group),
            parameters=len(weights),
            with_gradient=_count_moved(given) if look else len(given),
            without=self._without_gradient(weights) if look else (),
            reused=sum(id(weight) in self._dirty for weight in given) if self._dirty else 0,
        )
        self._trace.steps.append(found)
        self.took_part.clear()
        return found

    def _known(self, optimiser: Optimizer) -> tuple[Steady, list[Tensor]]:
        """Its line and its parameters, which are listed anew when a group was added."""
        count = sum(len(group["params"]) for group in optimiser.param_groups)
        known = self._listed.get(id(optimiser))
        if known is None:
            self._trace.optimisers.append(type(optimiser).__name__)
            self.optimisers.append(optimiser)
        if known is None or len(known[1]) != count:
            weights = [weight for group in optimiser.param_groups for weight in group["params"]]
            self._held.update(map(id, weights))
            known = self._listed[id(optimiser)] = (known[0] if known else Steady(), weights)
        return known

    def _without_gradient(self, weights: list[Tensor]) -> tuple[str, ...]:
        """Parameters of modules that took part in the pass, and yet have no gradient."""
        owners = {
            id(weight): part
            for network in self._networks
            for part in network.modules()
            for weight in part.parameters(recurse=False)
        }
        return tuple(
            self.owners.get(id(weight), str(tuple(weight.shape)))
            for weight in weights
            if weight.requires_grad
            and weight.grad is None
            and id(owners.get(id(weight))) in self.took_part
        )


def _is_looked_at(count: int) -> bool:
    return count < LOOKED_AT or count % AGAIN == 0


def _mark(gradient: Tensor | None) -> int:
    """Changes whenever the gradient is another tensor, or was written into."""
    return 0 if gradient is None else hash((id(gradient), gradient._version))


def _count_moved(weights: list[Any]) -> int:
    return sum(bool(weight.grad.detach().any()) for weight in weights if weight.grad is not None)
