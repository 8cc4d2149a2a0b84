"""What was captured, as one network that the bench can ask: also several, or several passes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer

from pellucid.watch.captured import Batch, Captured
from pellucid.watch.program import (
    Caller,
    Constant,
    Part,
    Program,
    Slot,
    program_from,
)  # fmt: skip


@dataclass(frozen=True)
class Body:
    """The passes of a loss, as what the networks together are given beside the data."""

    program: Program
    caller: Caller | None = None
    """Does something else in place of a call."""


class Together(nn.Module):
    """Several networks, and parameters that belong to none of them.

    It is given a body and its data, and answers what the rest of the program needs, what the last
    pass has answered first.
    """

    def __init__(self, networks: Mapping[str, nn.Module], loose: Mapping[str, Tensor]) -> None:
        super().__init__()
        for name, network in networks.items():
            self.add_module(name, network)
        self.loose = dict(loose)
        self.training = all(network.training for network in networks.values())

    def weights(self) -> dict[str, Tensor]:
        return dict(self.named_parameters()) | self.loose

    def forward(self, body: Body, *data: Tensor) -> list[Tensor]:
        parts = dict(self.named_children())
        return body.program.again(data, self.weights(), networks=parts, caller=body.caller)


@dataclass
class Subject:
    """What is put on the bench."""

    first: nn.Module
    """From before its first step."""
    optimisers: list[Optimizer]
    """Of `first`."""
    final: nn.Module
    """The script's own: it must be copied before anything is done with it."""
    beginning: list[Batch]
    later: list[Batch]
    names: Mapping[int, str]
    """By identity, the names of the script's own parameters."""

    @property
    def is_together(self) -> bool:
        return isinstance(self.final, Together)


def weights_of(network: nn.Module) -> dict[str, Tensor]:
    return network.weights() if isinstance(network, Together) else dict(network.named_parameters())


def subject_of(captured: Captured) -> Subject:
    """The network itself, where there is one and each loss needs one pass of it."""
    networks, copies = captured.networks, captured.copies
    if captured.is_plain:
        names = {id(weight): name for name, weight in networks[0].named_parameters()}
        return Subject(
            copies[id(networks[0])], captured.optimisers, networks[0],
            captured.beginning, list(captured.later), names,
        )  # fmt: skip
    titles = _titles(networks)
    by_name = {titles[id(network)]: network for network in networks}
    loose = {f"parameter{k}": weight for k, weight in enumerate(captured.loose())}
    final = Together(by_name, loose)
    first = Together(
        {name: copies[id(network)] for name, network in by_name.items()},
        {name: copies[id(weight)] for name, weight in loose.items()},
    )
    names = {id(weight): name for name, weight in final.weights().items()}

    def joined(batches: Iterable[Batch]) -> list[Batch]:
        return [_joined(batch, names, titles) for batch in batches]

    return Subject(
        first, captured.optimisers, final, joined(captured.beginning), joined(captured.later), names
    )


def _titles(networks: Iterable[nn.Module]) -> dict[int, str]:
    """By identity, a name for each network: its class's, with a number if several have it."""
    found: dict[int, str] = {}
    for network in networks:
        kind = type(network).__name__
        same = sum(name.rstrip("0123456789") == kind for name in found.values())
        found[id(network)] = f"{kind}{same + 1}" if same else kind
    return found


def _joined(batch: Batch, weights: Mapping[int, str], networks: Mapping[int, str]) -> Batch:
    """The same loss, as a pass of all networks together and what comes after it."""
    assert batch.program is not None
    program = batch.program.on(weights, networks)
    calls = program.calls
    passes = [k for k, call in enumerate(calls) if isinstance(call.function, Part)]
    last = max(passes, default=-1)
    body, rest = calls[: last + 1], calls[last + 1 :]
    wanted = {k for call in rest for k in call.slots()} | set(program.outputs)
    made = [k for call in reversed(body) for k in call.results if k in wanted]
    tail = program_from(rest, made, program.outputs, (), program.precision)
    data, entered = _with_data_given(replace(program, calls=body, outputs=tuple(made)))
    return replace(
        batch, given=(Body(entered), *(entry.tensor for entry in data)), named={}, tail=tail,
        versions=tuple(entry.version for entry in data), program=program, chance=None,
    )  # fmt: skip


def _with_data_given(program: Program) -> tuple[list[Constant], Program]:
    """The constants of a program that nothing writes into, and the same given them."""
    data = {id(c.tensor): c for c in program.constants() if not c.written}
    free = 1 + max((k for call in program.calls for k in call.results), default=-1)
    places = {key: free + place for place, key in enumerate(data)}

    def entry(leaf: Any) -> Any:
        given = isinstance(leaf, Constant) and not leaf.written
        return Slot(places[id(leaf.tensor)]) if given else leaf

    calls = [call.mapped(entry) for call in program.calls]
    moved = program_from(calls, list(places.values()), program.outputs, (), program.precision)
    return list(data.values()), moved


def drawn_anew(batch: Batch) -> Batch:
    """The same without the random numbers of then."""
    assert batch.tail is not None
    given = tuple(
        replace(entry, program=entry.program.drawn_anew()) if isinstance(entry, Body) else entry
        for entry in batch.given
    )
    return replace(batch, given=given, tail=batch.tail.drawn_anew(), chance=None)


def heard_by(batch: Batch, caller: Caller) -> Batch:
    """The same with something done in place of the calls of its passes."""
    given = tuple(
        replace(entry, caller=caller) if isinstance(entry, Body) else entry for entry in batch.given
    )
    return replace(batch, given=given)
