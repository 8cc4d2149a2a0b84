"""Made-up batches, and networks out of `module:factory`."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from pellucid.base.errors import PellucidError, WrongUse, near_misses
from pellucid.train.build import find_factory
from pellucid.train.recipe import Setting
from pellucid.train.settings import parameters, typed

WRITTEN = re.compile(
    r"(?:(?P<name>[A-Za-z_]\w*)=)?(?P<sizes>(?:\d+(?:[x×]\d+)*)?)(?::(?P<most>\d+))?"
)


@dataclass(frozen=True)
class Input:
    """The shape of one example of one input, and what its numbers are."""

    shape: tuple[int, ...]
    tokens: int | None = None
    """Whole numbers from 0 up to below this one; None for random numbers."""
    name: str | None = None
    """The argument of `forward` that it is given as; None by place."""

    def make(self, examples: int, axis: int, chance: torch.Generator) -> Tensor:
        """A batch with the examples along `axis`: normal numbers, or tokens."""
        shape = (*self.shape[:axis], examples, *self.shape[axis:])
        if self.tokens is None:
            return torch.randn(shape, generator=chance)
        return torch.randint(self.tokens, shape, generator=chance)


def read_inputs(written: Sequence[str], tokens: int | None) -> list[Input]:
    """`3x32x32`, `16:100` (tokens below 100), `mask=16:2` (by name), `:1000` (one token)."""
    if not written:
        raise WrongUse(
            "check",
            "a network without an input",
            "the shape of one example, without the batch",
            "--input 3x32x32 (for tokens --input 16 --tokens 100)",
        )
    if tokens is not None and tokens < 1:
        raise WrongUse("--tokens", str(tokens), "1 or more", "--tokens 100")
    return [_read(text, tokens) for text in written]


def _read(text: str, tokens: int | None) -> Input:
    found = WRITTEN.fullmatch(text.strip())
    sizes = [int(size) for size in re.findall(r"\d+", found["sizes"])] if found else []
    if found is None or text.strip() == "" or 0 in sizes or found["most"] == "0":
        raise WrongUse(
            "--input",
            repr(text),
            "sizes with an x between them, the batch left out; for tokens a colon and how many "
            "there are; a name in front for an argument by name",
            "--input 3x32x32, --input 16:100 or --input mask=16:2",
        )
    most = int(found["most"]) if found["most"] else tokens
    return Input(tuple(sizes), most, found["name"])


def make_batch(
    inputs: Sequence[Input], examples: int, axis: int, device: torch.device, seed: int
) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
    """A batch of every input, by place and by name; the same seed gives the same numbers."""
    chance = torch.Generator().manual_seed(seed)
    made = [(entry.name, entry.make(examples, axis, chance).to(device)) for entry in inputs]
    given = tuple(batch for name, batch in made if name is None)
    return given, {name: batch for name, batch in made if name is not None}


def build_seeded(
    target: str,
    inputs: Sequence[Input],
    classes: int | None,
    settings: Mapping[str, Setting],
    seed: int,
) -> tuple[nn.Module, torch.device]:
    """What the factory makes, its weights drawn from a seed; and where they lie."""
    torch.manual_seed(seed)
    network = build(target, inputs, classes, settings)
    weight = next(network.parameters(), None)
    return network, weight.device if weight is not None else torch.device("cpu")


def build(
    target: str, inputs: Sequence[Input], classes: int | None, settings: Mapping[str, Setting]
) -> nn.Module:
    """What the factory makes; it is given `settings` and, where it asks for them, the sizes.

    Raises `WrongUse` for a factory that needs more, that fails, or that returns no module.
    """
    factory = find_factory(target)
    known = parameters(factory)
    where = f"network {target}"
    _check_settings(where, known, settings)
    sizes: dict[str, Any] = {"inputs": inputs[0].shape, "outputs": classes}
    sizes["symbols"] = inputs[0].tokens
    offered = {name: size for name, size in sizes.items() if name in known and size is not None}
    offered |= typed(factory, {name: settings[name] for name in settings if name in known})
    _check_complete(where, known, offered)
    try:
        network = factory(**offered)
    except PellucidError:
        raise
    except Exception as error:
        raise _failed(where, error, "a factory that returns a torch.nn.Module") from error
    if not isinstance(network, nn.Module):
        raise WrongUse(
            where,
            f"a factory that returned {type(network).__name__}",
            "a torch.nn.Module",
            "return the network itself",
        )
    return network


def _check_settings(
    where: str, known: Mapping[str, inspect.Parameter], settings: Mapping[str, Setting]
) -> None:
    takes_any = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in known.values())
    for name in settings:
        if name not in known and not takes_any:
            close = near_misses(name, known)
            raise WrongUse(
                where,
                f"--set {name}",
                f"an argument of the factory: {', '.join(known) or 'it takes none'}",
                f"did you mean {close[0]}?" if close else "leave it out",
            )


def _check_complete(
    where: str, known: Mapping[str, inspect.Parameter], offered: Mapping[str, Any]
) -> None:
    missing = [
        name
        for name, one in known.items()
        if name not in offered
        and one.default is inspect.Parameter.empty
        and one.kind not in (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    ]
    if missing:
        is_size = missing == ["outputs"]
        raise WrongUse(
            where,
            f"a factory that needs {' and '.join(missing)}",
            "a value for each of its arguments",
            "--classes 10" if is_size else " ".join(f"--set {name}=…" for name in missing)
            + ", or a function without arguments that makes the network as you want it",
        )  # fmt: skip


def prepared(network: nn.Module, given: Any, named: Any, where: str) -> list[str]:
    """Let lazy layers take their sizes from one batch; the names of those that did."""
    lazy = [
        name
        for name, part in network.named_modules()
        if any(is_lazy(one) for one in [*part.parameters(False), *part.buffers(False)])
    ]
    if lazy:
        modes = [(part, part.training) for part in network.modules()]
        try:
            with torch.no_grad():
                network.eval()(*given, **named)
        except Exception as error:
            raise _failed(
                where, error, "a first pass that gives lazy layers their sizes"
            ) from error
        finally:
            for part, mode in modes:
                part.training = mode
    return lazy


def _failed(where: str, error: Exception, expected: str) -> WrongUse:
    said = f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error) else ''}"
    if needs_cuda(error):
        return no_cuda(where, said)
    return WrongUse(
        where, f"code that raised {said}", expected, "call it by itself in Python to see where"
    )


def needs_cuda(error: BaseException) -> bool:
    """Whether code asked for a CUDA device that this machine does not have."""
    words = ("not compiled with CUDA", "Found no NVIDIA driver", "No CUDA GPUs are available")
    return not torch.cuda.is_available() and any(word in str(error) for word in words)


def no_cuda(where: str, said: str) -> WrongUse:
    """The error for code that insists on CUDA."""
    return WrongUse(
        where,
        f"code that asks for CUDA, which this machine does not have ({said})",
        "a network that runs on the device of its input",
        "write .to(x.device) in the place of .cuda(), or run it on a machine that has it",
    )
