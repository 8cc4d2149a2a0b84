"""Hear what the modules of a network answer, for the length of one block."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

Listener = Callable[[str, nn.Module, Tensor], None]


@contextmanager
def listening(network: nn.Module, names: list[str], listener: Listener) -> Iterator[None]:
    """Call `listener(name, module, answer)` at the first answer of each named module.

    The listener must not keep the answer without a copy: a later module may write into it.
    """
    modules = dict(network.named_modules())
    hooks = [modules[name].register_forward_hook(_first_call(name, listener)) for name in names]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _first_call(name: str, listener: Listener) -> Callable[[nn.Module, Any, Any], None]:
    heard = False

    def hear(module: nn.Module, _inputs: Any, answer: Any) -> None:
        nonlocal heard
        main = answer[0] if isinstance(answer, tuple) and answer else answer
        if not heard and isinstance(main, Tensor):
            heard = True
            listener(name, module, main.detach())

    return hear


@contextmanager
def tapping(network: nn.Module, names: list[str]) -> Iterator[dict[str, Tensor]]:
    """The first answer of each named module, with its way back, for taking gradients.

    What follows is given a copy: a layer that writes over its input does not change what is kept.
    """
    kept: dict[str, Tensor] = {}
    modules = dict(network.named_modules())

    def tap(name: str) -> Callable[[nn.Module, Any, Any], Any]:
        def hear(_module: nn.Module, _inputs: Any, answer: Any) -> Any:
            several = isinstance(answer, tuple) and bool(answer)
            main = answer[0] if several else answer
            if name in kept or not isinstance(main, Tensor):
                return None
            kept[name] = main
            return (main.clone(), *answer[1:]) if several else main.clone()

        return hear

    hooks = [modules[name].register_forward_hook(tap(name)) for name in dict.fromkeys(names)]
    try:
        yield kept
    finally:
        for hook in hooks:
            hook.remove()


def as_maps(answer: Tensor) -> Tensor:
    """Any layer's answer as (example, unit, row, column).

    (example, unit) has one cell; (example, place, unit), as of sequences, a row a place.
    """
    if answer.ndim == 4:
        return answer
    if answer.ndim == 3:
        return answer.transpose(1, 2)[..., None]
    return answer.reshape(len(answer), -1, 1, 1)


def leaves(network: nn.Module) -> dict[str, nn.Module]:
    """The modules without modules inside, by name; a network that is one layer is called `network`.

    `names_of` turns the names back.
    """
    return {
        name: module
        for name, module in network.named_modules()
        if not any(True for _ in module.children())
    }


def title(name: str) -> str:
    """How a module's name is shown: the outermost one has none."""
    return name or "network"


def describe(module: nn.Module) -> str:
    """The module's kind, e.g. `Conv2d`."""
    return type(module).__name__


@contextmanager
def replacing(network: nn.Module, name: str, change: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """Let the network go on with `change(answer)` instead of the answer of the named module."""

    def put(_module: nn.Module, _inputs: Any, answer: Any) -> Any:
        if isinstance(answer, tuple):
            return (change(answer[0]), *answer[1:])
        return change(answer)

    hook = dict(network.named_modules())[name].register_forward_hook(put)
    try:
        yield
    finally:
        hook.remove()
