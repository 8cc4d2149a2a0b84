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
