"""What a training step computes, written down so that it can be done again.

Networks are called, and between and after them the script's own code calls PyTorch, up to a loss.
Each call is heard as it happens (`Heard`). Those that a loss depends on, in their order, are its
`Program`: played again, each gets what the calls before it make now.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, is_dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from pellucid.watch.lines import Line

SAMPLES = ("multinomial", "normal")
"""What PyTorch's distributions draw with."""
NESTED = (dict, list, tuple)


@dataclass(frozen=True)
class Slot:
    """The tensor that was made k-th; the first ones are what the program is given."""

    k: int


@dataclass(frozen=True)
class Weight:
    """A parameter, by name."""

    name: str


@dataclass(frozen=True)
class Part:
    """In place of a function: a network, by name."""

    name: str


@dataclass(frozen=True)
class Constant:
    """A tensor that comes from elsewhere, for instance the targets."""

    tensor: Tensor
    version: int
    written: bool = False
    """Whether a call writes into it: then it is given a copy."""


@dataclass
class Heard:
    """A call as it happened. Its tensors are kept alive, so that each is known by its identity."""

    function: Callable[..., Any]
    """A function of PyTorch's, or a whole network."""
    args: tuple[Any, ...]
    named: dict[str, Any]
    value: Any
    line: Line | None = None
    versions: Mapping[int, int] = field(default_factory=dict)
    """By tensor that it was given, the version before."""
    before: Tensor | None = None
    """What the first argument held, where the call wrote into it and it was no answer's."""
    chance: Tensor | None = None
    """The state of PyTorch's random numbers before the call, where it may draw."""
    precision: tuple[str, torch.dtype] | None = None
    """Of a network: under autocast, the device and the precision."""

    @property
    def name(self) -> str:
        return name_of(self.function)

    @property
    def is_network(self) -> bool:
        return isinstance(self.function, nn.Module)

    def results(self) -> list[Tensor]:
        """What it made, each tensor once."""
        return _results(self.function, self.args, self.value)


@dataclass(frozen=True)
class Call:
    """One call of a program: what it is given, and which slots its results go to."""

    function: Callable[..., Any] | Part
    args: tuple[Any, ...]
    named: dict[str, Any]
    results: tuple[int, ...]
    chance: Tensor | None = None

    @property
    def name(self) -> str:
        return name_of(self.function)

    def leaves(self) -> list[Any]:
        return flat((self.args, self.named))

    def slots(self) -> list[int]:
        """The slots that it needs."""
        return [leaf.k for leaf in self.leaves() if isinstance(leaf, Slot)]

    def mapped(self, change: Callable[[Any], Any]) -> Call:
        return replace(self, args=mapped(change, self.args), named=mapped(change, self.named))


Caller = Callable[[Call, Callable[..., Any], tuple[Any, ...], dict[str, Any]], Any]


@dataclass(frozen=True)
class Program:
    """Calls from what is given to what comes out, in their order."""

    inputs: int
    calls: tuple[Call, ...]
    outputs: tuple[int, ...]
    shape: tuple[int, ...] = ()
    """The first input's, where it is known."""
    precision: tuple[str, torch.dtype] | None = None
    """Under autocast, the device and the precision."""
    sampled: bool = False
    """Whether examples were drawn by what was answered, as an agent draws its actions."""

    def constants(self) -> list[Constant]:
        return [leaf for call in self.calls for leaf in call.leaves() if isinstance(leaf, Constant)]

    def networks(self) -> list[nn.Module]:
        """Those that are called, in their order, each once; none after `on`."""
        found = [c.function for c in self.calls if isinstance(c.function, nn.Module)]
        return list({id(network): network for network in found}.values())

    @property
    def asks_for_slopes(self) -> bool:
        """Whether it is itself made of gradients, as a penalty on them is."""
        return any(call.name == "grad" for call in self.calls)

    def is_fresh(self) -> bool:
        """Whether nothing that the calls are given has been written into since."""
        return all(c.written or version_of(c.tensor) == c.version for c in self.constants())

    def is_closed(self, but: Container[int] = ()) -> bool:
        """Whether nothing that is learnt comes from elsewhere, but some parameters."""
        return all(_is_free(c.tensor) or id(c.tensor) in but for c in self.constants())

    def tail(self, shape: tuple[int, ...]) -> Program | None:
        """From the only pass's answer, whose first tensor is of this shape, to what comes out;
        None if there are several passes, or something is made for them."""
        passes = [call for call in self.calls if isinstance(call.function, nn.Module)]
        if len(passes) != 1 or passes[0].slots():
            return None
        calls = [call for call in self.calls if call is not passes[0]]
        return program_from(calls, passes[0].results, self.outputs, shape, self.precision)

    def on(self, weights: Mapping[int, str], networks: Mapping[int, str]) -> Program:
        """The same with parameters and networks by name instead of by identity."""

        def entry(leaf: Any) -> Any:
            known = isinstance(leaf, Constant) and id(leaf.tensor) in weights
            return Weight(weights[id(leaf.tensor)]) if known else leaf

        calls = (call.mapped(entry) for call in self.calls)
        named = (
            replace(call, function=Part(networks[id(call.function)]))
            if id(call.function) in networks
            else call
            for call in calls
        )
        return replace(self, calls=tuple(named))

    def exchanged(self, change: Callable[[Tensor], Tensor]) -> Program:
        """The same with other constants."""

        def entry(leaf: Any) -> Any:
            if not isinstance(leaf, Constant) or leaf.written:
                return leaf
            tensor = change(leaf.tensor)
            return leaf if tensor is leaf.tensor else Constant(tensor, version_of(tensor))

        return replace(self, calls=tuple(call.mapped(entry) for call in self.calls))

    def rows(self, count: int) -> list[Tensor]:
        """The constants with one entry an example: targets, and weights of examples."""
        found = {
            id(entry.tensor): entry.tensor
            for entry in self.constants()
            if entry.tensor.ndim and len(entry.tensor) == count and entry.tensor.dtype != torch.bool
        }
        return list(found.values())

    def drawn_anew(self) -> Program:
        """The same without the random numbers of then."""
        return replace(self, calls=tuple(replace(call, chance=None) for call in self.calls))

    def again(
        self,
        inputs: Sequence[Tensor],
        weights: Mapping[str, Tensor],
        constant: Callable[[Tensor], Tensor] = lambda tensor: tensor,
        networks: Mapping[str, nn.Module] | None = None,
        caller: Caller | None = None,
    ) -> list[Tensor]:
        """What comes out for other inputs. `constant` may exchange what calls are given besides,
        and `caller` may do something else in place of a call."""
        slots: dict[int, Any] = dict(enumerate(inputs))

        def real(leaf: Any) -> Any:
            if isinstance(leaf, Slot):
                return slots[leaf.k]
            if isinstance(leaf, Weight):
                return weights[leaf.name]
            if isinstance(leaf, Constant):
                tensor = constant(leaf.tensor)
                return tensor.detach().clone() if leaf.written else tensor
            return leaf

        slopes = torch.is_grad_enabled() or self.asks_for_slopes
        with self.in_precision(), torch.set_grad_enabled(slopes):
            for call in self.calls:
                function = call.function
                if isinstance(function, Part):
                    function = (networks or {})[function.name]
                args, named = mapped(real, (call.args, call.named))
                if call.chance is not None:
                    torch.set_rng_state(call.chance)
                if caller is None:
                    value = function(*args, **named)
                else:
                    value = caller(call, function, args, named)
                slots.update(zip(call.results, _results(function, args, value), strict=True))
        return [slots[k] for k in self.outputs]

    def in_precision(self) -> torch.autocast:
        """The precision that the calls were made in."""
        device, dtype = self.precision or ("cpu", None)
        return torch.autocast(device, dtype=dtype, enabled=dtype is not None)


def program_from(
    calls: Sequence[Call], inputs: Sequence[int], outputs: Sequence[int], shape: tuple[int, ...],
    precision: tuple[str, torch.dtype] | None,
) -> Program:  # fmt: skip
    """A program of calls of another; what is in the slots `inputs` there is given to it."""
    places = {k: place for place, k in enumerate(inputs)}

    def place(k: int) -> int:
        return places.get(k, k + len(inputs))

    def entry(leaf: Any) -> Any:
        return Slot(place(leaf.k)) if isinstance(leaf, Slot) else leaf

    moved = (replace(call.mapped(entry), results=tuple(map(place, call.results))) for call in calls)
    outputs = tuple(map(place, outputs))
    return Program(len(inputs), tuple(moved), outputs, shape, precision)


def program_of(
    heard: Iterable[Heard], loss: Tensor, answers: Sequence[Tensor] = (), whole: bool = False
) -> Program | None:
    """The calls that a loss depends on; None if it comes from elsewhere.

    `answers` are what the program is to be given. What does not come from them, from a network or
    from what is learnt is a constant, as it came out, unless the `whole` is wanted.
    """
    slots = {id(tensor): k for k, tensor in enumerate(answers)}
    made = itertools.count(len(answers))
    calls = []
    precision, sampled = None, False
    for one in heard:
        if not (whole or one.is_network or _lives(one, slots)):
            continue
        args, named = mapped(_entry_of(one, slots), (one.args, one.named))
        results = {id(tensor): next(made) for tensor in one.results()}
        slots |= results
        calls.append(Call(one.function, args, named, tuple(results.values()), one.chance))
        precision = precision or one.precision
        sampled = sampled or getattr(one.function, "__name__", "") in SAMPLES
    if id(loss) not in slots:
        return None
    outputs = (slots[id(loss)],)
    shape = tuple(answers[0].shape) if answers else ()
    return Program(len(answers), needed(calls, outputs), outputs, shape, precision, sampled)


def behind(loss: Tensor, heard: Sequence[Heard]) -> list[Heard]:
    """The calls that a loss depends on."""
    wanted, kept = {id(loss)}, []
    for one in reversed(heard):
        if not wanted.isdisjoint(map(id, one.results())):
            kept.append(one)
            wanted.update(map(id, tensors_of((one.args, one.named))))
    return kept[::-1]


def needed(calls: Sequence[Call], outputs: Iterable[int]) -> tuple[Call, ...]:
    """The calls that some slots depend on."""
    wanted, kept = set(outputs), []
    for call in reversed(calls):
        if not wanted.isdisjoint(call.results):
            kept.append(call)
            wanted.update(call.slots())
    return tuple(kept[::-1])


def name_of(function: Any) -> str:
    """A function's name without underscores around it; of a network its own, or its class's."""
    own = function.name if isinstance(function, Part) else type(function).__name__
    return str(getattr(function, "__name__", own)).strip("_")


def _lives(one: Heard, slots: Mapping[int, int]) -> bool:
    given = tensors_of((one.args, one.named))
    return any(id(tensor) in slots or tensor.requires_grad for tensor in given)


def _entry_of(one: Heard, slots: Mapping[int, int]) -> Callable[[Any], Any]:
    def entry(leaf: Any) -> Any:
        if not isinstance(leaf, Tensor):
            return leaf
        if id(leaf) in slots:
            return Slot(slots[id(leaf)])
        if one.before is not None and leaf is one.args[0]:
            return Constant(one.before, 0, written=True)
        return Constant(leaf, one.versions.get(id(leaf), version_of(leaf)))

    return entry


def _results(function: Any, args: tuple[Any, ...], value: Any) -> list[Tensor]:
    if value is None and args and getattr(function, "__name__", "") == "__setitem__":
        value = args[0]
    if is_dataclass(value) and not isinstance(value, dict):
        value = vars(value)
    return list({id(tensor): tensor for tensor in tensors_of(value)}.values())


def writes(name: str) -> bool:
    """Whether a function of this name writes into its first argument."""
    in_place = name.endswith("_") and not name.endswith("__")
    return in_place or name == "__setitem__" or (name.startswith("__i") and name != "__invert__")


def draws(name: str) -> bool:
    """Whether a function of this name draws random numbers."""
    return name.startswith(
        ("rand", "normal", "bernoulli", "multinomial", "uniform", "exponential")
    ) or ("dropout" in name)


def autocast_of(device: str) -> tuple[str, torch.dtype] | None:
    """Under autocast, the device and the precision."""
    enabled = torch.is_autocast_enabled(device)
    return (device, torch.get_autocast_dtype(device)) if enabled else None


def version_of(tensor: Tensor) -> int:
    """A number that grows whenever the tensor is written into; 0 for one of inference mode, which
    has none."""
    return 0 if tensor.is_inference() else tensor._version


def _is_free(tensor: Tensor) -> bool:
    return tensor.grad_fn is None and not isinstance(tensor, nn.Parameter)


def mapped(change: Callable[[Any], Any], value: Any) -> Any:
    """`value` with `change` of everything in its lists, tuples and dicts."""
    if not isinstance(value, NESTED) or isinstance(value, torch.Size):
        return change(value)
    if isinstance(value, dict):
        return {name: mapped(change, entry) for name, entry in value.items()}
    entries = [
        mapped(change, entry) if isinstance(entry, NESTED) else change(entry) for entry in value
    ]
    return type(value)(*entries) if hasattr(value, "_fields") else type(value)(entries)


def flat(value: Any) -> list[Any]:
    """Everything in nested lists, tuples and dicts that holds nothing else."""
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, NESTED):
        return [value]
    found: list[Any] = []
    for entry in value:
        if isinstance(entry, NESTED):
            found += flat(entry)
        else:
            found.append(entry)
    return found


def tensors_of(value: Any) -> list[Tensor]:
    return [entry for entry in flat(value) if isinstance(entry, Tensor)]
