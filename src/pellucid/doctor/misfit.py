"""Which number to change, to what, where the shapes of a layer and of its input do not fit."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

from torch import nn

Shape = tuple[int, ...]

RESHAPE = re.compile(r"shape '\[([-\d, ]+)\]' is invalid for input of size (\d+)")
KERNEL = re.compile(r"size per channel: \(([\dx ]+)\)\. Kernel size: \(([\dx ]+)\)")
UNEQUAL = re.compile(
    r"size of tensor a \((\d+)\) must match the size of tensor b \((\d+)\).* (\d+)"
)
JOINED = re.compile(r"except in dimension (\d+)\. Expected size (\d+) but got size (\d+)")


def mend(
    part: nn.Module,
    given: Sequence[Shape],
    before: Shape = (),
    said: str = "",
    batch: int | None = None,
) -> str:
    """The smallest change that would make `part` take `given`; empty if nothing is known.

    `before` is the last shape with more than one axis an example, `said` what PyTorch said, and
    `batch` the number of examples.
    """
    for kind, advice in ADVICE.items():
        if isinstance(part, kind) and given and given[0]:
            found = advice(part, given[0], before)
            if found:
                return found
    return of_words(said, batch)


def of_words(said: str, batch: int | None) -> str:
    """What PyTorch's own words say of sizes that a `forward` chose itself."""
    reshape, kernel = RESHAPE.search(said), KERNEL.search(said)
    unequal, joined = UNEQUAL.search(said), JOINED.search(said)
    if reshape:
        sizes = tuple(int(size) for size in reshape[1].split(","))
        return _reshape(sizes, int(reshape[2]), batch)
    if kernel:
        return (
            f"the picture has shrunk to {kernel[1]}, smaller than the kernel {kernel[2]}: add "
            "padding, or leave out a pooling or a stride before"
        )
    if unequal:
        return (
            f"two tensors meet with {unequal[1]} and {unequal[2]} along axis {unequal[3]}: make "
            "them equal, or keep that axis in the layer before (padding, or a 1 × 1 convolution)"
        )
    if joined:
        return (
            f"tensors that are joined along axis {joined[1]} have {joined[2]} and {joined[3]} "
            "along another axis: crop or pad one of them"
        )
    if "view size is not compatible" in said:
        return "write .reshape(…) in place of .view(…)"
    if "index out of range" in said:
        return "make num_embeddings larger than the largest token, or the tokens smaller"
    if "device" in said and "cuda" in said.lower():
        return "bring network and input to one device: x.to(next(self.parameters()).device)"
    return ""


def hard_coded_batch(said: str, batch: int) -> int | None:
    """The batch size that a reshape has written out, if PyTorch refused it for another one."""
    found = RESHAPE.search(said)
    if found is None:
        return None
    first, *rest = (int(size) for size in found[1].split(","))
    numbers = int(found[2])
    fits = -1 in rest or math.prod(rest) * batch == numbers
    return first if first > 1 and first != batch and numbers % batch == 0 and fits else None


def _reshape(sizes: Shape, numbers: int, batch: int | None) -> str:
    written = ", ".join(map(str, sizes))
    if batch is None or numbers % batch:
        return (
            f"the reshape to [{written}] has {numbers:,} numbers to place: print the shape before"
        )
    if hard_coded_batch(f"shape '[{written}]' is invalid for input of size {numbers}", batch):
        return f"the reshape to [{written}] fixes the batch at {sizes[0]}: write x.size(0) there"
    return (
        f"the reshape to [{written}] does not fit, as each example has {numbers // batch:,} "
        f"numbers here: write x.flatten(1), and make the next layer take {numbers // batch:,}"
    )


def _linear(part: nn.Linear, shape: Shape, before: Shape) -> str:
    if shape[-1] == part.in_features:
        return ""
    if len(shape) > 2 and math.prod(shape[1:]) == part.in_features:
        product = " × ".join(map(str, shape[1:]))
        return (
            f"Linear expects {part.in_features} features = {product}, but they still stand in "
            f"{len(shape) - 1} axes: put nn.Flatten() before it"
        )
    made_of = ""
    if len(before) > 2 and math.prod(before[1:]) == shape[-1]:
        made_of = " = " + " × ".join(map(str, before[1:]))
    return (
        f"Linear expects {part.in_features} features, gets {shape[-1]}{made_of}: make "
        f"in_features {shape[-1]}"
    )


def _convolution(part: nn.modules.conv._ConvNd, shape: Shape, before: Shape) -> str:
    name, axes = type(part).__name__, len(part.kernel_size)
    if len(shape) == axes + 1 and part.in_channels == 1 and shape[0] != 1:
        return f"{name} expects 1 channel, and the input {shape} has no axis for it: x.unsqueeze(1)"
    if len(shape) not in (axes + 1, axes + 2):
        return f"{name} expects (batch, channels, {axes} axes), gets {shape}"
    channels = shape[1] if len(shape) == axes + 2 else shape[0]
    if channels == part.in_channels:
        return ""
    if shape[-1] == part.in_channels:
        order = ", ".join(map(str, (0, axes + 1, *range(1, axes + 1))))
        return (
            f"{name} expects {part.in_channels} channels along axis 1, and they stand last in "
            f"{shape}: x.permute({order})"
        )
    return (
        f"{name} expects {part.in_channels} channels, gets {channels}: make in_channels {channels}"
    )


def _batch_norm(part: nn.modules.batchnorm._BatchNorm, shape: Shape, before: Shape) -> str:
    if len(shape) < 2 or shape[1] == part.num_features:
        return ""
    return (
        f"{type(part).__name__} expects {part.num_features} features, gets {shape[1]}: make "
        f"num_features {shape[1]}"
    )


def _group_norm(part: nn.GroupNorm, shape: Shape, before: Shape) -> str:
    if len(shape) < 2 or shape[1] == part.num_channels:
        return ""
    return (
        f"GroupNorm expects {part.num_channels} channels, gets {shape[1]}: make num_channels "
        + str(shape[1])
    )


def _layer_norm(part: nn.LayerNorm, shape: Shape, before: Shape) -> str:
    wanted = tuple(part.normalized_shape)
    last = shape[-len(wanted) :]
    if last == wanted:
        return ""
    said = [str(one[0]) if len(one) == 1 else str(one) for one in (wanted, last)]
    return f"LayerNorm expects {said[0]} last, gets {said[1]}: make normalized_shape {said[1]}"


def _recurrent(part: nn.RNNBase, shape: Shape, before: Shape) -> str:
    if shape[-1] == part.input_size:
        return ""
    name = type(part).__name__
    return (
        f"{name} expects {part.input_size} features, gets {shape[-1]}: make input_size {shape[-1]}"
    )


def _attention(part: nn.MultiheadAttention, shape: Shape, before: Shape) -> str:
    if shape[-1] == part.embed_dim:
        return ""
    return (
        f"MultiheadAttention expects {part.embed_dim} features, gets {shape[-1]}: make embed_dim "
        + (str(shape[-1]))
    )


ADVICE: dict[type[nn.Module], Callable[..., str]] = {
    nn.Linear: _linear,
    nn.modules.conv._ConvNd: _convolution,
    nn.modules.batchnorm._BatchNorm: _batch_norm,
    nn.GroupNorm: _group_norm,
    nn.LayerNorm: _layer_norm,
    nn.RNNBase: _recurrent,
    nn.MultiheadAttention: _attention,
}
"""By kind of layer, what its own sizes say; each answers nothing where they fit."""
