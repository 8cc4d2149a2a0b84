"""Sees every call that PyTorch makes below autograd, and writes it down."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.nn.modules import module as global_hooks
from torch.utils._python_dispatch import TorchDispatchMode

from pellucid.watch.calls import Call, draws, written
from pellucid.watch.kept import Kept, Memories
from pellucid.watch.lines import Line, users_line


class Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """While it is entered, each call is made as ever and recorded with what it was given.

    Nothing is changed: the call runs with the very same tensors. What a call is about to write
    over is copied first.
    """

    def __init__(self, names: dict[nn.Module, str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls: list[Call] = []
        self.memories = Memories()
        self.phase = "forward"
        self.module = ""
        self.attempt: tuple[OpOverload, tuple[Any, ...], str, Line | None] | None = None
        """The call under way: what it got, in which module, at which line."""
        self.answers: dict[str, list[list[Kept]]] = {}
        """By module path: the tensors it answered, call by call."""
        self.gradients: dict[tuple[str, int, int], Kept] = {}
        """By module path, number of its call and of its output: the gradient that arrived."""
        self._names = names
        self.stack: list[tuple[nn.Module, str, Any]] = []
        """The modules at work, outermost first: module, who was at work before, what it got."""
        self._nodes: dict[Any, int] = {}
        """Autograd's nodes, each with the forward call that it is for."""
        self._unlinked: Call | None = None
        self._counter = itertools.count()

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        named = kwargs or {}
        if torch.is_inference_mode_enabled() and _is_composite(func):
            with self:  # elsewhere autograd takes such a call apart before it arrives here
                return func.decompose(*args, **named)
        forward, module, line = self._asked_by()
        self.attempt = (func, args, module, line)
        given = tuple(self._keep(value) for value in args)
        given_named = {name: self._keep(value) for name, value in named.items()}
        chance = _chance(named) if draws(func) else None
        for place, name in written(func):
            self._before_writing(args[place] if place < len(args) else named.get(name))
        result = func(*args, **named)
        outputs = self._outputs(result, func, args, named)
        if any(outputs):
            number = next(self._counter)
            call = Call(
                number, func, given, given_named, outputs, self.phase, module, line, forward, chance
            )
            self.calls.append(call)
            self._unlinked = call
            for _, kept in call.results():
                if call.viewed(kept) is None:
                    kept.memory.made.append(kept)
        self.attempt = None
        return result

    def _asked_by(self) -> tuple[int | None, str, Line | None]:
        """The forward call that this is the way back of, the module at work, and the line."""
        self._link()
        if self.phase == "backward":
            forward = self._nodes.get(torch._C._current_autograd_node())
            if forward is not None:
                call = self.calls[forward]
                return forward, call.module, call.line
            return None, "", None
        return None, self.module, users_line(3)

    def _keep(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            return self.memories.keep(value)
        if isinstance(value, list | tuple):
            return tuple(self._keep(entry) for entry in value)
        return value

    def _before_writing(self, value: Any) -> None:
        if isinstance(value, Tensor):
            self.memories.before_writing(value)
        elif isinstance(value, list | tuple):
            for entry in value:
                self._before_writing(entry)

    def _outputs(
        self, result: Any, func: OpOverload, args: tuple[Any, ...], named: dict[str, Any]
    ) -> tuple[Kept | None, ...]:
        """What came out, then what the call left in the arguments that it wrote into."""
        left = tuple(result) if isinstance(result, list | tuple) else (result,)
        written_to = (
            args[place] if place < len(args) else named.get(name) for place, name in written(func)
        )
        tensors = (
            entry
            for value in written_to
            for entry in (value if isinstance(value, list | tuple) else [value])
        )
        if result is None:
            left = tuple(tensors)
        else:
            left += tuple(entry for entry in tensors if not any(entry is one for one in left))
        return tuple(
            self.memories.keep_anew(entry) if isinstance(entry, Tensor) else None for entry in left
        )

    def _link(self) -> None:
        """Note the node that autograd gave to the call before, and its counts of changes.

        Not later: a change in place, such as a ReLU's, gives the tensor another node.
        """
        call, self._unlinked = self._unlinked, None
        for _, kept in call.results() if call else ():
            kept.settle()
            node = kept.raw().grad_fn if self.phase == "forward" else None
            if call and node is not None:
                self._nodes.setdefault(node, call.number)

    def begin_backward(self) -> None:
        """From here on calls belong to the backward pass."""
        self._link()
        self.phase = "backward"
        self.module = ""

    def begin_step(self) -> None:
        """From here on calls belong to the optimiser."""
        self._nodes.clear()
        self.phase = "step"
        self.module = "optimiser"

    @contextmanager
    def hearing(self) -> Iterator[None]:
        """Note which module is at work and what it answers, for the length of one block."""
        handles = [
            global_hooks.register_module_forward_pre_hook(self._enter_module),
            global_hooks.register_module_forward_hook(self._leave_module),
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _enter_module(self, module: nn.Module, given: Any) -> None:
        self.stack.append((module, self.module, given))
        self.module = self._names.get(module, self.module)

    def _leave_module(self, module: nn.Module, _given: Any, answer: Any) -> None:
        while self.stack:  # a module that raised was never left
            entered, outer, _ = self.stack.pop()
            if entered is module:
                self.module = outer
                break
        name = self._names.get(module)
        if name is None:
            return
        tensors = [
            tensor
            for tensor in tensors_in(answer)
            # inside vmap and its like an answer has no numbers of its own; its calls are recorded
            if not torch._C._functorch.is_functorch_wrapped_tensor(tensor)
        ]
        calls = self.answers.setdefault(name, [])
        for place, tensor in enumerate(tensors):
            if tensor.requires_grad:
                tensor.register_hook(  # type: ignore[no-untyped-call]
                    self._hear_gradient(name, len(calls), place)
                )
        calls.append([self.memories.keep(tensor) for tensor in tensors])

    def _hear_gradient(self, name: str, call: int, place: int) -> Callable[[Tensor], None]:
        def hear(gradient: Tensor) -> None:
            self.gradients[name, call, place] = self.memories.keep(gradient)

        return hear

    def end(self, changing: list[Kept]) -> None:
        """Copy what outlives the recording, and let go of the graph.

        `changing` is what the next step writes into: gradients, weights, the optimiser's memory.
        """
        self._link()
        for kept in changing:
            kept.copy()
        made = {kept.number for call in self.calls for _, kept in call.results()}
        for kept in self.memories.all_kept():
            if kept.number in made:
                kept.forget_graph()
            else:
                kept.copy()
        self._nodes.clear()
        self.stack.clear()


@lru_cache(maxsize=4096)
def _is_composite(function: OpOverload) -> bool:
    """Whether a call is made of others, which are the ones to record."""
    key = torch._C.DispatchKey.CompositeImplicitAutograd
    return bool(function.has_kernel_for_dispatch_key(key))


def _chance(named: dict[str, Any]) -> Tensor:
    """The state of the generator that a call is about to draw from."""
    generator = named.get("generator")
    state: Tensor = torch.get_rng_state() if generator is None else generator.get_state()
    return state


def tensors_in(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        for entry in value.values():
            yield from tensors_in(entry)
    elif isinstance(value, list | tuple):
        for entry in value:
            yield from tensors_in(entry)
