"""Walk through a network with one batch: each layer's output, parameters and multiply-adds.

Counted is what PyTorch really computes, operation by operation, and booked on the innermost layer
that is running: a product written out in a `forward` counts like one inside a layer.

Formula:  matrix product (n, k) @ (k, m): n·k·m; convolution: outputs × weights of one output
          (padding counts); transposed: inputs × weights of one input; attention: every query with
          every key, also where a mask hides it. Norms, activations, sums and pooling count 0.
Source:   the same conventions as torch.utils.flop_counter, which counts two for a multiply-add
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


@dataclass(frozen=True)
class Layer:
    """One row: a layer, or what a network computes between its layers."""

    name: str
    """As in `named_modules`; empty for the network itself."""
    kind: str
    output: tuple[int, ...] | None
    """The shape of the answer to one example; None if `forward` never calls the layer."""
    parameters: int
    """Its own; a parameter that several layers share counts once, where it comes first."""
    multiply_adds: int | None
    """For one example; None if an operation is among them that cannot be counted."""
    uncounted: tuple[str, ...]
    """The operations that cannot be counted."""
    activation_bytes: int
    """What its answer to one example takes; 0 where it stands in the memory of another."""


@dataclass
class Call:
    """One call of a module, with whole shapes, the batch included."""

    name: str
    given: tuple[tuple[int, ...], ...]
    """The shape of each tensor it got."""
    answer: tuple[int, ...] | None = None
    """The shape of the first tensor it answered; None if it answered none."""


@dataclass(frozen=True)
class Walk:
    """A network, layer by layer, in the order in which they work."""

    layers: tuple[Layer, ...]
    calls: tuple[Call, ...] = ()
    """Every call in the order in which they began, the network's own first."""
    failed: Call | None = None
    """The innermost call that raised what ended the walk."""

    @property
    def parameters(self) -> int:
        """All parameters, each once."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def multiply_adds(self) -> int:
        """For one example, of the layers that could be counted."""
        return sum(layer.multiply_adds or 0 for layer in self.layers)

    @property
    def activation_bytes(self) -> int:
        """All answers to one example together."""
        return sum(layer.activation_bytes for layer in self.layers)

    @property
    def not_counted(self) -> tuple[str, ...]:
        """The names of the layers whose multiply-adds are not known."""
        return tuple(layer.name for layer in self.layers if layer.multiply_adds is None)


def walk(network: nn.Module, *inputs: Any, **named: Any) -> Walk:
    """Walk through `network` with `inputs` (batch, …), in eval mode and without gradients.

    The network is left as it was; its errors are not caught.
    """
    found, error = walk_until(network, inputs, named)
    if error is not None:
        raise error
    return found


def walk_until(
    network: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any], examples: int | None = None
) -> tuple[Walk, Exception | None]:
    """As `walk`, but with as much as there is where the network raises, and what it raised.

    `examples` says how many there are where they do not stand along the first axis.
    """
    batches = [len(one) for one in _tensors((inputs, named)) if one.ndim]
    walker = _Walker(network, examples or (batches[0] if batches else 1))
    was_training = {module: module.training for module in network.modules()}
    network.eval()
    stopped = None
    try:
        with walker.hooks(), torch.no_grad(), _without_fast_path(), walker:
            network(*inputs, **named)
    except Exception as error:
        stopped = error
    finally:
        for module, mode in was_training.items():
            module.training = mode
    failed = next((call for error, call in walker.raised if error is stopped), None)
    return Walk(tuple(walker.rows()), tuple(walker.calls), failed), stopped


class _Visit:
    """What is known of one layer while the walk goes on."""

    def __init__(self, name: str, module: nn.Module) -> None:
        self.name, self.module = name, module
        self.order: int | None = None
        self.called = False
        self.output: tuple[int, ...] | None = None
        self.multiply_adds = 0
        self.bytes = 0
        self.uncounted: list[str] = []


class _Walker(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's own has no types
    """Sees every operation and knows which layer is running."""

    def __init__(self, network: nn.Module, batch: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch's own has no types
        self.network, self.batch = network, batch
        self.visits = {
            module: _Visit(name, module)
            for name, module in network.named_modules()
            if not _inside_attention(name, network)
        }
        self.running: list[_Visit] = []
        self.calls: list[Call] = []
        self.begun: list[Call] = []
        self.raised: list[tuple[BaseException, Call]] = []
        """Exceptions, each with the call out of which it came first."""
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        visit = self.running[-1] if self.running else self.visits[self.network]
        formula = FORMULAS.get(_name(func))
        if formula is not None:
            visit.multiply_adds += formula(result, *args)
            self._order(visit)
        elif not _is_free(func):
            visit.uncounted.append(_name(func))
            self._order(visit)
        return result

    @contextmanager
    def hooks(self) -> Iterator[None]:
        """Inside the block each layer tells when it begins and ends."""
        handles = []
        for module, visit in self.visits.items():
            enter = self._enter(visit)
            handles.append(module.register_forward_pre_hook(enter, with_kwargs=True))
            handles.append(module.register_forward_hook(self._leave(visit), always_call=True))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _enter(self, visit: _Visit) -> Callable[..., None]:
        def enter(module: nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> None:
            visit.called = True
            self.running.append(visit)
            shapes = (tuple(one.shape) for one in _tensors((given, named)))
            self.begun.append(Call(visit.name, tuple(shapes)))
            self.calls.append(self.begun[-1])
            if _is_leaf(module) or _own_parameters(module):
                self._order(visit)

        return enter

    def _leave(self, visit: _Visit) -> Callable[..., None]:
        def leave(module: nn.Module, given: tuple[Any, ...], answer: Any) -> None:
            self.running.pop()
            call = self.begun.pop()
            error = sys.exception()
            if error is not None and all(error is not known for known, _ in self.raised):
                self.raised.append((error, call))
            tensors = _tensors(answer)
            if not tensors:
                return
            call.answer = tuple(tensors[0].shape)
            visit.output = self._one_example(tensors[0])
            places = {_place(entry) for entry in _tensors(given)}
            if _is_leaf(module) and _place(tensors[0]) not in places:
                visit.bytes += tensors[0].nbytes

        return leave

    def _one_example(self, answer: Tensor) -> tuple[int, ...]:
        shape = tuple(answer.shape)
        return shape[1:] if shape and shape[0] == self.batch else shape

    def _order(self, visit: _Visit) -> None:
        if visit.order is None:
            visit.order = self.count
            self.count += 1

    def rows(self) -> Iterator[Layer]:
        """The layers in the order of their work, then those that were never called."""
        seen: set[int] = set()
        last = self.count
        visits = sorted(
            self.visits.values(), key=lambda visit: last if visit.order is None else visit.order
        )
        for visit in visits:
            own = [one for one in _own_parameters(visit.module) if id(one) not in seen]
            seen.update(map(id, own))
            if visit.order is None and not own:
                continue
            yield Layer(
                name=visit.name,
                kind=type(visit.module).__name__,
                output=visit.output if visit.called else None,
                parameters=sum(one.numel() for one in own if not is_lazy(one)),
                multiply_adds=None if visit.uncounted else self._share(visit.multiply_adds),
                uncounted=tuple(dict.fromkeys(visit.uncounted)),
                activation_bytes=self._share(visit.bytes),
            )

    def _share(self, total: int) -> int:
        """One example's part of a batch's sum."""
        return math.ceil(total / self.batch)


def _tensors(value: Any) -> list[Tensor]:
    return [entry for entry in tree_leaves(value) if isinstance(entry, Tensor)]


def _is_leaf(module: nn.Module) -> bool:
    return isinstance(module, nn.MultiheadAttention) or not any(True for _ in module.children())


def _inside_attention(name: str, network: nn.Module) -> bool:
    """Is it a part of PyTorch's attention, which uses its parts' weights without calling them?"""
    above = name.rpartition(".")[0]
    return bool(name) and isinstance(network.get_submodule(above), nn.MultiheadAttention)


def _own_parameters(module: nn.Module) -> list[nn.Parameter]:
    return list(module.parameters(recurse=isinstance(module, nn.MultiheadAttention)))


def _place(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


@contextmanager
def _without_fast_path() -> Iterator[None]:
    """Attention in its plain operations, not in one that hides them."""
    was = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(was)


# ---------------------------------------------------------------------- what operations cost


def _product(result: Tensor, left: Tensor, right: Tensor, *rest: Any) -> int:
    """(…, n, k) @ (…, k, m), or a vector in place of either."""
    return result.numel() * left.shape[-1]


def _product_added(result: Tensor, added: Tensor, left: Tensor, right: Tensor, *rest: Any) -> int:
    return _product(result, left, right)


def _convolution(
    result: Tensor,
    inputs: Tensor,
    weight: Tensor,
    bias: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    transposed: bool,
    *rest: Any,
) -> int:
    """Weight (outputs, inputs / groups, …); transposed: (inputs, outputs / groups, …)."""
    each = inputs if transposed else result
    return each.numel() * math.prod(weight.shape[1:])


def _attention(result: Any, query: Tensor, key: Tensor, value: Tensor, *rest: Any) -> int:
    """Query (…, places, size), key (…, others, size), value (…, others, width)."""
    return query.shape[:-1].numel() * key.shape[-2] * (query.shape[-1] + value.shape[-1])


def _recurrent_layer(
    result: Any, inputs: Tensor, of_input: Tensor, of_state: Tensor, *rest: Any
) -> int:
    """One direction of an LSTM in one operation: inputs (length, batch, size)."""
    return inputs.shape[:-1].numel() * (of_input.numel() + of_state.numel())


FORMULAS: dict[str, Callable[..., int]] = {
    **dict.fromkeys(("mm", "bmm", "mv", "dot", "vdot"), _product),
    **dict.fromkeys(("addmm", "addmv", "baddbmm", "_addmm_activation"), _product_added),
    "convolution": _convolution,
    "_scaled_dot_product_flash_attention_for_cpu": _attention,
    "_scaled_dot_product_flash_attention": _attention,
    "_scaled_dot_product_efficient_attention": _attention,
    "_scaled_dot_product_cudnn_attention": _attention,
    "_scaled_dot_product_fused_attention_overrideable": _attention,
    "mkldnn_rnn_layer": _recurrent_layer,
}
"""Operation → multiply-adds, from its result and its arguments."""

_FREE = re.compile(
    r"_?(sum|mean|var|std|var_mean|std_mean|amax|amin|max|min|argmax|argmin|aminmax|median|any|all"
    r"|prod|norm|cumsum|cumprod|logcumsumexp|linalg_vector_norm|softmax|log_softmax|safe_softmax"
    r"|logsumexp|native_batch_norm\w*|native_layer_norm|native_group_norm|fused_rms_norm"
    r"|native_dropout|fused_dropout|glu|celu|prelu(_kernel)?|rrelu_with_noise"
    r"|(adaptive_)?(avg|max)_pool[123]d(_with_indices)?|mkldnn_(adaptive_)?(avg|max)_pool[23]d"
    r"|upsample_\w+|constant_pad_nd|(reflection|replication)_pad[123]d|embedding|embedding_renorm"
    r"|index(_select|_put|_put_impl|_fill|_add|_copy)?|unsafe_index|gather|take"
    r"|scatter(_add|_reduce)?"
    r"|masked_(fill|select|scatter)|where|sort|topk|cat|stack|clone|copy|to_copy|to|roll|flip"
    r"|repeat|repeat_interleave|tril|triu|tril_indices|triu_indices|diag_embed|trace"
    r"|nonzero|count_nonzero"
    r"|empty|empty_like|empty_strided|new_(empty|empty_strided|zeros|ones|full)|zeros|zeros_like"
    r"|ones|ones_like|full|full_like|fill|zero|arange|linspace|eye|scalar_tensor|rand|randn|randint"
    r"|randperm|(rand|randn|randint)_like|bernoulli|normal|uniform|random|exponential|multinomial"
    r"|unsafe_view|reshape_alias|(unsafe_)?split(_with_sizes)?|chunk|unfold|im2col|col2im|resize"
    r"|pixel_shuffle|pixel_unshuffle|channel_shuffle|one_hot|local_scalar_dense|item|equal|set"
    r"|lift|lift_fresh|detach|unique2|bincount|bucketize|searchsorted|alias|complex|polar"
    r"|squeeze|unsqueeze|transpose|t|is_(all_true|any_true))_?"
)
"""Operations without products to count, besides those that PyTorch marks as pointwise or view."""


def _name(func: Any) -> str:
    space, _, name = str(func._schema.name).partition("::")
    return name if space in ("aten", "prims") else f"{space}::{name}"


def _is_free(func: Any) -> bool:
    pointwise = torch.Tag.pointwise in func.tags
    own = "::" not in _name(func)
    return bool(pointwise or func.is_view or (own and _FREE.fullmatch(_name(func))))
