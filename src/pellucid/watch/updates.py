"""Backward passes and optimisers' steps, and what became of the gradients between them."""

from __future__ import annotations

import gc
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer

from pellucid.watch.graph import learnt
from pellucid.watch.lines import Steady
from pellucid.watch.networks import Networks
from pellucid.watch.trace import Backward, Step, Trace

LOOKED_AT = 5
"""Backward passes and steps that are looked at, from the first on; then each `AGAIN`th."""
AGAIN = 50
SURE = 20
"""Backward passes in a row before which no gradient was left over, from which on it is sure that
gradients are cleared."""
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
        self._used: dict[int, tuple[int, int]] = {}
        """By parameter, its gradient that a step has used, and how often that was written into."""
        self._dirty: set[int] = set()
        """Parameters whose gradient holds one that a step has used."""
        self._kept: frozenset[int] = frozenset()
        """Plain tensors, attributes of modules, that the newest loss depends on."""
        self._clean = 0
        """Backward passes in a row that were looked at, before which no gradient was left over."""
        self._is_asked = True
        """Whether it is asked before the next backward pass which gradients were left over."""
        self._last: Step | None = None
        """The newest step of which all was noted."""
        self._sum: float | None = None
        self._line = Steady()
        self._listed: dict[int, tuple[Steady, list[Tensor]]] = {}
        """By optimiser, whom `optimisers` keeps alive: its line and its parameters."""

    @property
    def are_steady(self) -> bool:
        """Whether one optimiser is at work, and gradients have always been cleared of late."""
        return self._clean > SURE and len(self.optimisers) == 1

    def note_backward(self, loss: Tensor) -> Backward:
        if self._is_asked:
            self._note_reuse()
        if not self._trace.steps and len(self._trace.backwards) < BY_HAND:
            self._note_moves(loss)
        value = float(loss.item() if loss.numel() == 1 else loss.detach().sum())
        found = Backward(len(self._trace.steps), self._line.line(), value)
        if self._held and _is_looked_at(len(self._trace.backwards)):
            leaves = [w for w in learnt(loss, of=Tensor) if id(w) not in self._held]
            outside = {id(w): self._name(w) for w in leaves if isinstance(w, nn.Parameter)}
            if len(outside) < len(leaves):
                outside |= self._plain(leaves)
            found.outside = tuple(outside.values())
            if outside and len(self._trace.backwards) < LOOKED_AT:
                waiting = outside.keys() & _held_by_optimisers()
                self._trace.waiting = {key: outside[key] for key in waiting}
        self._trace.backwards.append(found)
        return found

    def _name(self, weight: Tensor) -> str:
        return self.owners.get(id(weight), f"a parameter {tuple(weight.shape)} of no module")

    def _plain(self, leaves: list[Tensor]) -> dict[int, str]:
        """Those that are plain tensors which a module has kept since the last look."""
        wanted = {id(leaf) for leaf in leaves if not isinstance(leaf, nn.Parameter)}
        now = {
            id(value): f"{name}.{key}".lstrip(".")
            for network in self._networks
            for name, part in network.named_modules()
            for key, value in vars(part).items()
            if isinstance(value, Tensor) and id(value) in wanted
        }
        before, self._kept = self._kept, frozenset(now)
        return {key: name for key, name in now.items() if key in before}

    def note_backward_again(self, loss: Tensor) -> bool:
        """As `note_backward` where all but the loss is known to be as it was; False, and nothing
        is noted, if more is to be looked at."""
        backwards = self._trace.backwards
        if self._is_asked or len(backwards) % AGAIN == 0 or loss.numel() != 1:
            return False
        line = self._line.last
        backwards.append(Backward(len(self._trace.steps), line, float(loss.item())))
        return True

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
                self._used.pop(id(weight), None)
                self._dirty.discard(id(weight))
            elif self._used.get(id(weight)) == _mark(gradient):
                self._dirty.add(id(weight))
            elif id(weight) in self._dirty and not bool(gradient.detach().any()):
                self._dirty.discard(id(weight))
        self._clean = 0 if self._dirty else self._clean + 1

    def note_step(self, optimiser: Optimizer) -> Step:
        line, weights = self._known(optimiser)
        given = [weight for weight in weights if weight.grad is not None]
        self._used |= {id(weight): _mark(weight.grad) for weight in given}
        self._is_asked = True
        look = _is_looked_at(len(self._trace.steps))
        found = Step(
            number=len(self._trace.steps),
            optimiser=type(optimiser).__name__,
            line=line.line(),
            rates=_rates(optimiser),
            parameters=len(weights),
            with_gradient=_count_moved(given) if look else len(given),
            without=self._without_gradient(weights) if look else (),
            reused=sum(id(weight) in self._dirty for weight in given) if self._dirty else 0,
        )
        self._trace.steps.append(found)
        self.took_part.clear()
        self._last = found
        return found

    def note_step_again(self, optimiser: Optimizer) -> int:
        """As `note_step` where all is known to be as it was, and the count of steps; 0 if it is
        not. Which gradients are left over is not asked then: their versions are not noted."""
        last, steps = self._last, self._trace.steps
        if last is None or self._dirty or self.optimisers[-1] is not optimiser:
            return 0
        self._is_asked = False
        found = Step(
            len(steps), last.optimiser, last.line, _rates(optimiser), last.parameters,
            last.with_gradient,
        )  # fmt: skip
        steps.append(found)
        self.took_part.clear()
        return len(steps)

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
            for weight in weights:
                self._trace.waiting.pop(id(weight), None)
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


def _held_by_optimisers() -> set[int]:
    """By identity, what any optimiser holds that exists, whether it makes steps or not."""
    every = (found for found in gc.get_objects() if issubclass(type(found), Optimizer))
    groups = (group for found in every for group in found.param_groups)
    return {id(weight) for group in groups for weight in group["params"]}


def _rates(optimiser: Optimizer) -> tuple[float, ...]:
    return tuple([float(group["lr"]) for group in optimiser.param_groups if "lr" in group])


def _mark(gradient: Tensor | None) -> tuple[int, int]:
    """Changes whenever the gradient is another tensor, or was written into."""
    return (0, 0) if gradient is None else (id(gradient), gradient._version)


def _is_looked_at(count: int) -> bool:
    return count < LOOKED_AT or count % AGAIN == 0


def _count_moved(weights: list[Any]) -> int:
    return sum(bool(weight.grad.detach().any()) for weight in weights if weight.grad is not None)
