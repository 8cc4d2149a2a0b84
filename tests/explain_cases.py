"""Small functions of PyTorch that between them make every call that `explain` has a rule for.

Each entry: what is computed, and the shapes that it is given (drawn at random). The inputs want
gradients, so that the way back is recorded too.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as f

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Case:
    """One function, to be recorded with its way back."""

    function: Callable[..., Any]
    shapes: tuple[Shape, ...] = ((2, 3, 4),)
    positive: bool = False
    """Whether its inputs must lie above 0."""
    modules: Callable[[], Any] | None = None
    """Layers with weights that the function gets first."""
    meets: tuple[str, ...] = field(default=())
    """Rules that it is here for, besides those in its name."""


class Network(nn.Module):
    """A case as a module."""

    def __init__(self, case: Case, dtype: torch.dtype) -> None:
        super().__init__()
        torch.manual_seed(1)
        made = case.modules() if case.modules else None
        self.part = made.to(dtype) if isinstance(made, nn.Module) else made
        self.function = case.function

    def forward(self, *inputs: Tensor) -> Any:
        return self.function(*([self.part] if self.part is not None else []), *inputs)


def inputs_of(case: Case, dtype: torch.dtype) -> list[Tensor]:
    """Random numbers in the wanted shapes, that want gradients."""
    generator = torch.Generator().manual_seed(0)
    found = []
    for shape in case.shapes:
        numbers = torch.randn(shape, generator=generator, dtype=torch.float64)
        numbers = numbers.abs() + 0.1 if case.positive else numbers
        found.append(numbers.to(dtype).requires_grad_())
    return found


def squares(answer: Any) -> Tensor:
    """A loss of any answer: the squares of everything in it that has a gradient."""
    if isinstance(answer, Tensor):
        return answer.square().sum()
    parts = [entry for entry in answer if isinstance(entry, Tensor) and entry.requires_grad]
    return torch.stack([part.square().sum() for part in parts]).sum()


VECTOR: tuple[Shape, ...] = ((6,),)
ROWS: tuple[Shape, ...] = ((3, 4),)
LINES: tuple[Shape, ...] = ((2, 3, 6),)
PICTURE: tuple[Shape, ...] = ((2, 4, 5, 6),)
BLOCK: tuple[Shape, ...] = ((1, 2, 4, 5, 4),)
SEQUENCE: tuple[Shape, ...] = ((2, 5, 8),)
TARGETS = torch.tensor([1, 3, 0])
SYMBOLS = torch.tensor([[1, 2, 2], [0, 4, 1]])


def curves() -> dict[str, Case]:
    """Functions of one number."""
    plain = {
        "relu": f.relu, "sigmoid": torch.sigmoid, "tanh": torch.tanh, "gelu": f.gelu,
        "silu": f.silu, "mish": f.mish, "elu": f.elu, "selu": f.selu, "celu": f.celu,
        "softplus": f.softplus, "leaky_relu": f.leaky_relu, "hardtanh": f.hardtanh,
        "relu6": f.relu6, "hardswish": f.hardswish, "hardsigmoid": f.hardsigmoid,
        "log_sigmoid_forward": f.logsigmoid, "softsign": f.softsign, "tanhshrink": f.tanhshrink,
        "hardshrink": f.hardshrink, "softshrink": f.softshrink,
        "exp": torch.exp, "expm1": torch.expm1, "exp2": torch.exp2, "erf": torch.erf,
        "sin": torch.sin, "cos": torch.cos, "atan": torch.atan, "neg": torch.neg,
        "tan": torch.tan, "sinh": torch.sinh, "cosh": torch.cosh, "asinh": torch.asinh,
        "erfc": torch.erfc, "sinc": torch.sinc,
        "abs": torch.abs, "sign": torch.sign, "sgn": torch.sgn, "floor": torch.floor,
        "ceil": torch.ceil, "round": torch.round, "trunc": torch.trunc, "frac": torch.frac,
        "reciprocal": torch.reciprocal, "square": torch.square, "nan_to_num": torch.nan_to_num,
        "clamp": lambda x: torch.clamp(x, -0.5, 0.5), "clamp_min": lambda x: x.clamp_min(0.1),
        "clamp_max": lambda x: x.clamp_max(0.1),
        "threshold": lambda x: f.threshold(x, 0.1, 0.5),
        "gelu of tanh": lambda x: f.gelu(x, approximate="tanh"),
        "relu in place": lambda x: f.relu_(x * 1), "glu": lambda x: f.glu(x, -1),
        "elu in place": lambda x: f.elu_(x * 1),
        "softplus with beta": lambda x: f.softplus(x, beta=3, threshold=2),
        "remainder": lambda x: x % 0.7, "fmod": lambda x: torch.fmod(x, 0.7),
        "floor division": lambda x: x * (x.detach() // 0.3),
        "div by trunc": lambda x: torch.div(x, 0.3, rounding_mode="trunc"),
        "pow": lambda x: x**3, "rsub": lambda x: torch.rsub(x, 2.5),
        "not finite": lambda x: x * torch.tensor([math.inf, 1.0, -math.inf, 1.0], dtype=x.dtype),
    }  # fmt: skip
    above = {
        "log": torch.log, "log1p": torch.log1p, "log2": torch.log2, "log10": torch.log10,
        "sqrt": torch.sqrt, "rsqrt": torch.rsqrt, "pow of a share": lambda x: x**0.7,
        "lgamma": torch.lgamma, "xlogy": lambda x: torch.xlogy(x, x),
        "pow of a number": lambda x: 2.0**x,
    }  # fmt: skip
    return {
        **{name: Case(function) for name, function in plain.items()},
        **{name: Case(function, positive=True) for name, function in above.items()},
        "acosh": Case(lambda x: torch.acosh(x + 1), positive=True),
        "acos": Case(lambda x: torch.acos(torch.tanh(x))),
        "asin": Case(lambda x: torch.asin(torch.tanh(x))),
        "atanh": Case(lambda x: torch.atanh(torch.tanh(x) / 2)),
        "logit": Case(lambda x: torch.logit(torch.sigmoid(x))),
        "prelu": Case(f.prelu, ((2, 3, 4), (3,))),
        "prelu of one": Case(f.prelu, ((2, 3, 4), (1,)), meets=("_prelu_kernel",)),
        "rrelu": Case(lambda x: f.rrelu(x, training=True)),
    }


PAIRS: dict[str, Case] = {
    "add": Case(lambda a, b: torch.add(a, b, alpha=2), ((2, 3, 4), (3, 1))),
    "sub": Case(lambda a, b: torch.sub(a, b, alpha=2), ((3, 4), (4,))),
    "mul": Case(torch.mul, ((3, 4), (3, 1))),
    "div": Case(torch.div, ((3, 4), (4,))),
    "pow of two": Case(torch.pow, ((3, 4), (4,)), positive=True),
    "maximum": Case(torch.maximum, ((3, 4), (4,))),
    "minimum": Case(torch.minimum, ((3, 4), (4,))),
    "fmax": Case(torch.fmax, ((3, 4), (4,))),
    "atan2": Case(torch.atan2, ((3, 4), (4,))),
    "fmin": Case(torch.fmin, ((3, 4), (4,))),
    "logical": Case(
        lambda a, b: (
            a
            * torch.logical_xor(
                a > 0, ~torch.logical_and(a > 0, torch.logical_or(b < 0, torch.logical_not(b > 1)))
            )
        ),
        ((3, 4), (3, 4)),
    ),
    "bits": Case(lambda a: a * (((a > 0) | (a < -1)) ^ ((a < 1) & ~(a != 0))), ROWS),
    "questions": Case(
        lambda a: (
            a
            * (
                a.isinf()
                | a.isnan()
                | a.isposinf()
                | a.isneginf()
                | a.signbit()
                | (a <= 0)
                | (a >= 1)
                | (a == 0)
            )
        ),
        ROWS,
    ),
    "any and all": Case(lambda a: a * (a > 0).any(1, keepdim=True) * (a < 9).all(), ROWS),
    "whole numbers": Case(lambda a: a * (torch.arange(4) // 2 % 3 & 1), ROWS),
    "hypot": Case(torch.hypot, ((3, 4), (4,))),
    "logaddexp": Case(torch.logaddexp, ((3, 4), (4,))),
    "addcmul": Case(lambda x, a, b: torch.addcmul(x, a, b, value=0.5), ((3, 4), (3, 4), (4,))),
    "addcdiv": Case(lambda x, a, b: torch.addcdiv(x, a, b, value=0.5), ((3, 4), (3, 4), (4,))),
    "lerp": Case(lambda a, b: torch.lerp(a, b, 0.3), ((3, 4), (3, 4))),
    "lerp by tensor": Case(torch.lerp, ((3, 4), (3, 4), (3, 4))),
    "where": Case(lambda a, b: torch.where(a > b, a, b), ((3, 4), (4,))),
    "masked_fill": Case(lambda x: x.masked_fill(x > 0, -1.5)),
    "clamp by tensors": Case(lambda x, a: torch.clamp(x, min=a), ((3, 4), (4,))),
    "cosine similarity": Case(f.cosine_similarity, ((3, 4), (3, 4))),
    "pairwise distance": Case(f.pairwise_distance, ((3, 4), (3, 4))),
    "cdist": Case(torch.cdist, ((3, 4), (2, 4))),
    "cross": Case(torch.linalg.cross, ((4, 3), (4, 3))),
    "outer": Case(torch.outer, ((3,), (4,))),
}


PRODUCTS: dict[str, Case] = {
    "mm": Case(torch.mm, ((3, 4), (4, 2))),
    "bmm": Case(torch.bmm, ((2, 3, 4), (2, 4, 2))),
    "mv": Case(torch.mv, ((3, 4), (4,))),
    "dot": Case(torch.dot, ((5,), (5,))),
    "vdot": Case(torch.vdot, ((5,), (5,))),
    "addmm": Case(lambda x, a, b: torch.addmm(x, a, b, alpha=0.5, beta=2),
                  ((2,), (3, 4), (4, 2))),
    "baddbmm": Case(lambda x, a, b: torch.baddbmm(x, a, b, alpha=0.5),
                    ((3, 2), (2, 3, 4), (2, 4, 2))),
    "addmv": Case(torch.addmv, ((3,), (3, 4), (4,))),
    "addbmm": Case(torch.addbmm, ((3, 2), (2, 3, 4), (2, 4, 2))),
    "addr": Case(torch.addr, ((3, 2), (3,), (2,))),
    "matmul of stacks": Case(torch.matmul, ((2, 2, 3, 4), (4, 2)), meets=("expand",)),
    "einsum": Case(lambda a, b: torch.einsum("bij,bkj->bik", a, b), ((2, 3, 4), (2, 5, 4))),
    "einsum of three": Case(lambda a, b, c: torch.einsum("ij,jk,k->i", a, b, c),
                            ((3, 4), (4, 2), (2,))),
    "linear": Case(lambda m, x: m(x), ((2, 3, 4),), modules=lambda: nn.Linear(4, 5)),
    "linear without bias": Case(lambda m, x: m(x), ((2, 3, 4),),
                                modules=lambda: nn.Linear(4, 5, bias=False)),
    "bilinear": Case(lambda m, a, b: m(a, b), ((3, 4), (3, 2)),
                     modules=lambda: nn.Bilinear(4, 2, 3)),
    "tensordot": Case(lambda a, b: torch.tensordot(a, b, dims=2), ((2, 3, 4), (3, 4, 2))),
    "kron": Case(torch.kron, ((2, 3), (2, 2))),
}  # fmt: skip


REDUCTIONS: dict[str, Case] = {
    "sum": Case(lambda x: x.sum((0, 2))), "mean": Case(lambda x: x.mean(1, keepdim=True)),
    "sum of all": Case(torch.sum), "mean of all": Case(torch.mean),
    "amax": Case(lambda x: x.amax(1)), "amin": Case(lambda x: x.amin((0, 1))),
    "max": Case(lambda x: x.max()), "min": Case(lambda x: x.min()),
    "max of an axis": Case(lambda x: x.max(1)), "min of an axis": Case(lambda x: x.min(1)),
    "argmax": Case(lambda x: (x, x.argmax(1))),
    "var": Case(lambda x: x.var(1)), "std": Case(lambda x: x.std((0, 1), keepdim=True)),
    "std without correction": Case(lambda x: x.std(unbiased=False)),
    "var_mean": Case(lambda x: torch.var_mean(x, 1, correction=0)),
    "norm of an axis": Case(lambda x: torch.norm(x, dim=1)),
    "norm of order 1": Case(lambda x: x.norm(1)),
    "linalg_vector_norm": Case(lambda x: torch.linalg.vector_norm(x, 3, 1)),
    "norm of order ∞": Case(lambda x: torch.linalg.vector_norm(x, math.inf)),
    "normalize": Case(lambda x: f.normalize(x, dim=1)),
    "cumsum": Case(lambda x: x.cumsum(1)), "cumprod": Case(lambda x: x.cumprod(1)),
    "cummax": Case(lambda x: x.cummax(1)), "logcumsumexp": Case(lambda x: x.logcumsumexp(1)),
    "prod": Case(lambda x: x.prod(1)), "prod of all": Case(torch.prod, ((3,),)),
    "logsumexp": Case(lambda x: x.logsumexp(1)), "median": Case(lambda x: x.median()),
    "median of an axis": Case(lambda x: x.median(1)),
    "sort": Case(lambda x: x.sort(1)), "topk": Case(lambda x: x.topk(2, 1)),
    "kthvalue": Case(lambda x: x.kthvalue(2, 1)), "argsort": Case(lambda x: (x, x.argsort(1))),
    "diff": Case(lambda x: x.diff(dim=1)), "count": Case(lambda x: (x, (x > 0).sum())),
    "trace": Case(torch.trace, ROWS), "nansum": Case(torch.nansum),
}  # fmt: skip


MOVES: dict[str, Case] = {
    "reshape that copies": Case(lambda x: x.transpose(1, 2).reshape(2, 12), meets=("clone",)),
    "view": Case(lambda x: x.view(6, 4) * 2,),
    "t": Case(lambda x: x.t() * 2, ROWS), "permute": Case(lambda x: x.permute(2, 0, 1) * 2),
    "select": Case(lambda x: x[1] * 2, meets=("select_backward",)),
    "slice": Case(lambda x: x[:, 0:3:2] * 2, meets=("slice_backward",)),
    "squeeze": Case(lambda x: x.squeeze(1) * 2, ((3, 1, 4),)),
    "unsqueeze": Case(lambda x: x.unsqueeze(1) * 2), "expand": Case(
        lambda x: x.expand(2, 3, 4) * 2, ((3, 1),)),
    "diagonal": Case(lambda x: x.diagonal(1, 1, 2) * 2, ((2, 3, 3),)),
    "unfold": Case(lambda x: x.unfold(2, 2, 1) * 2),
    "as_strided": Case(lambda x: x.as_strided((2, 3), (1, 2)) * 2, ROWS),
    "split": Case(lambda x: x.split(2, 2)), "split_with_sizes": Case(lambda x: x.split([1, 3], 2)),
    "unbind": Case(lambda x: x.unbind(1)), "chunk": Case(lambda x: x.chunk(2, 2)),
    "cat": Case(lambda a, b: torch.cat([a, b], 1), ((2, 3), (2, 2))),
    "stack": Case(lambda a, b: torch.stack([a, b], 1), ((2, 3), (2, 3))),
    "flip": Case(lambda x: x.flip(1, 2)), "roll": Case(lambda x: x.roll((1, 2), (0, 2))),
    "repeat": Case(lambda x: x.repeat(2, 1, 2)), "tile": Case(lambda x: x.tile((2, 1, 1))),
    "repeat_interleave": Case(lambda x: x.repeat_interleave(2, 1)),
    "index": Case(lambda x: x[torch.tensor([1, 0, 1]), :, torch.tensor([0, 2, 2])],
                  meets=("index_put",)),
    "index by mask": Case(lambda x: x[x.detach() > 0]),
    "index_select": Case(lambda x: x.index_select(1, torch.tensor([2, 2, 0])),
                         meets=("index_add",)),
    "index_put": Case(lambda x, v: x.index_put((torch.tensor([0, 1]),), v), ((3, 4), (2, 4))),
    "index_put that adds": Case(
        lambda x, v: x.index_put((torch.tensor([1, 1]),), v, accumulate=True), ((3, 4), (2, 4))),
    "gather": Case(lambda x: x.gather(1, torch.tensor([[0, 2], [1, 1], [3, 0]])), ROWS,
                   meets=("scatter_add",)),
    "scatter": Case(lambda x, v: x.scatter(1, torch.tensor([[0, 2], [1, 3], [3, 0]]), v),
                    ((3, 4), (3, 2))),
    "scatter of a number": Case(
        lambda x: x.scatter(1, torch.tensor([[0, 2], [1, 3], [3, 0]]), 1.5), ROWS),
    "scatter_add": Case(
        lambda x, v: x.scatter_add(1, torch.tensor([[0, 0], [1, 3], [3, 3]]), v),
        ((3, 4), (3, 2))),
    "scatter_reduce": Case(
        lambda x, v: x.scatter_reduce(1, torch.tensor([[0, 0], [1, 3], [3, 3]]), v, "sum"),
        ((3, 4), (3, 2))),
    "take": Case(lambda x: x.take(torch.tensor([0, 5, 5])), ROWS),
    "take_along_dim": Case(lambda x: x.take_along_dim(torch.tensor([[0], [2], [1]]), 1), ROWS),
    "masked_select": Case(lambda x: x.masked_select(x.detach() > 0)),
    "masked_scatter": Case(lambda x, v: x.masked_scatter(torch.eye(3, 4).bool(), v),
                           ((3, 4), (6,))),
    "tril": Case(lambda x: x.tril(-1), ROWS), "triu": Case(lambda x: x.triu(1), ROWS),
    "diag": Case(torch.diag, VECTOR), "diag_embed": Case(torch.diag_embed, ROWS),
    "constant_pad_nd": Case(lambda x: f.pad(x, (1, 2, 0, 1), value=0.5)),
    "constant_pad_nd that cuts": Case(lambda x: f.pad(x, (-1, 2))),
    "reflection_pad1d": Case(lambda x: f.pad(x, (2, 1), mode="reflect"), LINES),
    "reflection_pad2d": Case(lambda x: f.pad(x, (2, 1, 1, 0), mode="reflect"), PICTURE),
    "reflection_pad3d": Case(lambda x: f.pad(x, (1, 1, 1, 0, 1, 1), mode="reflect"), BLOCK),
    "replication_pad1d": Case(lambda x: f.pad(x, (2, 1), mode="replicate"), LINES),
    "replication_pad2d": Case(lambda x: f.pad(x, (2, 1, 1, 0), mode="replicate"), PICTURE),
    "replication_pad3d": Case(lambda x: f.pad(x, (1, 1, 1, 0, 1, 1), mode="replicate"), BLOCK),
    "circular pad": Case(lambda x: f.pad(x, (2, 1, 1, 0), mode="circular"), PICTURE),
    "pixel_shuffle": Case(lambda x: f.pixel_shuffle(x, 2), PICTURE, meets=("pixel_unshuffle",)),
    "pixel_unshuffle": Case(lambda x: f.pixel_unshuffle(x, 2), ((1, 2, 4, 6),)),
    "channel_shuffle": Case(lambda x: f.channel_shuffle(x, 2), PICTURE),
    "im2col": Case(lambda x: f.unfold(x, 3, padding=1, stride=2), PICTURE),
    "col2im": Case(lambda x: f.fold(x, (4, 5), 2), ((2, 8, 12),)),
    "embedding": Case(lambda m: m(SYMBOLS), (), modules=lambda: nn.Embedding(5, 3),
                      meets=("embedding_dense_backward",)),
    "embedding with padding": Case(lambda m: m(SYMBOLS), (),
                                   modules=lambda: nn.Embedding(5, 3, padding_idx=2)),
    "embedding by frequency": Case(lambda m: m(SYMBOLS), (),
                                   modules=lambda: nn.Embedding(5, 3, scale_grad_by_freq=True)),
    "embedding of unit length": Case(lambda m: m(SYMBOLS), (),
                                     modules=lambda: nn.Embedding(5, 3, max_norm=1.0)),
    "embedding bag of means": Case(lambda m: m(SYMBOLS), (),
                                   modules=lambda: nn.EmbeddingBag(5, 3)),
    "embedding bag of sums": Case(lambda m: m(SYMBOLS), (),
                                  modules=lambda: nn.EmbeddingBag(5, 3, mode="sum")),
    "_embedding_bag_forward_only": Case(
        lambda m, x: x * f.embedding_bag(SYMBOLS, m.weight.detach()), ((2, 3),),
        modules=lambda: nn.EmbeddingBag(5, 3)),
    "embedding bag of maxima": Case(lambda m: m(SYMBOLS), (),
                                    modules=lambda: nn.EmbeddingBag(5, 3, mode="max")),
    "one hot": Case(lambda x: x * f.one_hot(torch.tensor([0, 2, 1]), 4), ROWS),
    "copy": Case(lambda x: torch.zeros(3, 4, dtype=x.dtype).copy_(x), ROWS),
    "_to_copy": Case(lambda x: x.double() * 2, meets=("_to_copy",)),
    "complex": Case(lambda x: torch.view_as_real(torch.view_as_complex(x)), ((3, 2),)),
    "fourier": Case(lambda x: torch.fft.rfft(x).abs(), ROWS),
    "meshgrid": Case(lambda a, b: torch.meshgrid(a, b, indexing="ij"), ((3,), (2,))),
    "_index_put_impl": Case(lambda x, v: x + torch.ops.aten._index_put_impl_(
        x.detach().clone(), [torch.tensor([0, 2])], v.detach(), False), ((3, 4), (2, 4))),
    "_reshape_alias": Case(lambda x: torch.ops.aten._reshape_alias(x, [4, 3], [3, 1]) * 2, ROWS),
    "unsafe_split": Case(lambda x: torch.unsafe_split(x, 2, 1)),
    "unsafe_split_with_sizes": Case(lambda x: torch.unsafe_split_with_sizes(x, [1, 2], 1)),
    "native_channel_shuffle": Case(
        lambda x: x * torch.ops.aten.native_channel_shuffle.default(x.detach(), 2), PICTURE),
    "put": Case(lambda x, v: x.put(torch.tensor([1, 7]), v), ((3, 4), (2,))),
    "index_fill": Case(lambda x: x.index_fill(1, torch.tensor([0, 2]), 1.5), ROWS),
    "index_copy": Case(lambda x, v: x.index_copy(1, torch.tensor([0, 2]), v), ((3, 4), (3, 2))),
    "rot90": Case(lambda x: torch.rot90(x, 1, (1, 2))),
    "in place": Case(lambda x: (x * 1).add_(1).mul_(2).clamp_(-1, 1).div_(3)),
    "writing into a piece": Case(lambda x, v: _written_into(x, v), ((3, 4), (4,))),
}  # fmt: skip


def _written_into(x: Tensor, row: Tensor) -> Tensor:
    copy = x * 1
    copy[1] = row
    copy[:, 2] += 1
    return copy * copy


def convolutions() -> dict[str, Case]:
    """Sliding filters."""

    def layer(make: Callable[[], nn.Module], shapes: tuple[Shape, ...] = PICTURE) -> Case:
        return Case(lambda m, x: m(x), shapes, modules=make)

    return {
        "convolution": layer(lambda: nn.Conv2d(4, 3, 3, padding=1)),
        "convolution with strides": layer(lambda: nn.Conv2d(4, 2, (3, 2), stride=(2, 1))),
        "convolution, dilated": layer(lambda: nn.Conv2d(4, 2, 2, dilation=2, bias=False)),
        "convolution in groups": layer(lambda: nn.Conv2d(4, 6, 3, padding=1, groups=2)),
        "convolution by depth": layer(lambda: nn.Conv2d(4, 4, 3, padding=1, groups=4)),
        "convolution, circular": layer(
            lambda: nn.Conv2d(4, 2, 3, padding=1, padding_mode="circular")),
        "convolution, reflected": layer(
            lambda: nn.Conv2d(4, 2, 3, padding=1, padding_mode="reflect")),
        "convolution, same": layer(lambda: nn.Conv2d(4, 2, 2, padding="same")),
        "convolution of lines": layer(lambda: nn.Conv1d(3, 2, 3, padding=1), LINES),
        "convolution of blocks": layer(lambda: nn.Conv3d(2, 3, 2), BLOCK),
        "convolution of one picture": layer(lambda: nn.Conv2d(4, 3, 3), ((4, 5, 6),)),
        "transposed convolution": layer(
            lambda: nn.ConvTranspose2d(4, 3, 3, stride=2, padding=1, output_padding=1)),
        "transposed convolution in groups": layer(
            lambda: nn.ConvTranspose2d(4, 4, 2, stride=2, groups=2)),
        "transposed convolution of lines": layer(
            lambda: nn.ConvTranspose1d(3, 2, 3, dilation=2), LINES),
        "convolution, channels last": Case(
            lambda m, x: m.to(memory_format=torch.channels_last)(
                x.contiguous(memory_format=torch.channels_last)),
            PICTURE, modules=lambda: nn.Conv2d(4, 3, 3, padding=1)),
        "weight norm": layer(
            lambda: nn.utils.parametrizations.weight_norm(nn.Linear(4, 3)), ((2, 4),)),
        "spectral norm": layer(
            lambda: nn.utils.parametrizations.spectral_norm(nn.Linear(4, 3)), ((2, 4),)),
        "old weight norm": layer(lambda: nn.utils.weight_norm(nn.Linear(4, 3)), ((2, 4),)),
    }  # fmt: skip


def windows() -> dict[str, Case]:
    """Pooling and enlarging."""
    pooled: dict[str, tuple[Callable[..., Any], tuple[Shape, ...]]] = {
        "max_pool2d_with_indices": (lambda x: f.max_pool2d(x, 2), PICTURE),
        "max_pool2d, wide": (lambda x: f.max_pool2d(x, 3, 2, 1, ceil_mode=True), PICTURE),
        "max_pool2d, dilated": (lambda x: f.max_pool2d(x, 2, 1, dilation=2), PICTURE),
        "max_pool1d": (lambda x: f.max_pool1d(x, 2), LINES),
        "max_pool3d_with_indices": (lambda x: f.max_pool3d(x, 2, 1), BLOCK),
        "avg_pool1d": (lambda x: f.avg_pool1d(x, 3, 2, 1), LINES),
        "avg_pool2d": (lambda x: f.avg_pool2d(x, 2), PICTURE),
        "avg_pool2d, wide": (
            lambda x: f.avg_pool2d(x, 3, 2, 1, ceil_mode=True, count_include_pad=False), PICTURE),
        "avg_pool2d, own divisor": (
            lambda x: f.avg_pool2d(x, 3, 2, 1, divisor_override=5), PICTURE),
        "avg_pool3d": (lambda x: f.avg_pool3d(x, 2, 1), BLOCK),
        "lp_pool2d": (lambda x: f.lp_pool2d(x.abs(), 2, 2), PICTURE),
        "_adaptive_avg_pool2d": (lambda x: f.adaptive_avg_pool2d(x, (2, 4)), PICTURE),
        "adaptive_avg_pool2d to 1": (lambda x: f.adaptive_avg_pool2d(x, 1), PICTURE),
        "_adaptive_avg_pool1d": (lambda x: f.adaptive_avg_pool1d(x, 4), LINES),
        "_adaptive_avg_pool3d": (lambda x: f.adaptive_avg_pool3d(x, (2, 3, 3)), BLOCK),
        "adaptive_max_pool2d": (lambda x: f.adaptive_max_pool2d(x, (2, 4)), PICTURE),
        "adaptive_max_pool1d": (lambda x: f.adaptive_max_pool1d(x, 4), LINES),
        "adaptive_max_pool3d": (lambda x: f.adaptive_max_pool3d(x, 2), BLOCK),
        "max_unpool2d": (
            lambda x: f.max_unpool2d(*f.max_pool2d(x, 2, return_indices=True), 2),
            ((1, 2, 4, 6),)),
        "max_unpool3d": (
            lambda x: f.max_unpool3d(*f.max_pool3d(x, 2, return_indices=True), 2),
            ((1, 1, 4, 4, 2),)),
        "_upsample_nearest_exact1d": (
            lambda x: f.interpolate(x, 9, mode="nearest-exact"), LINES),
        "_upsample_nearest_exact3d": (
            lambda x: f.interpolate(x, scale_factor=1.5, mode="nearest-exact"), BLOCK),
        "local response norm": (lambda x: f.local_response_norm(x, 3), PICTURE),
        "upsample_nearest1d": (lambda x: f.interpolate(x, scale_factor=2), LINES),
        "upsample_nearest2d": (lambda x: f.interpolate(x, (7, 4)), PICTURE),
        "upsample_nearest2d by scale": (lambda x: f.interpolate(x, scale_factor=1.7), PICTURE),
        "upsample_nearest3d": (lambda x: f.interpolate(x, scale_factor=2), BLOCK),
        "_upsample_nearest_exact2d": (
            lambda x: f.interpolate(x, (7, 4), mode="nearest-exact"), PICTURE),
        "upsample_linear1d": (lambda x: f.interpolate(x, 9, mode="linear"), LINES),
        "upsample_bilinear2d": (
            lambda x: f.interpolate(x, scale_factor=2, mode="bilinear"), PICTURE),
        "upsample_bilinear2d by scale": (
            lambda x: f.interpolate(x, scale_factor=1.3, mode="bilinear"), PICTURE),
        "upsample_bilinear2d, corners": (
            lambda x: f.interpolate(x, (7, 9), mode="bilinear", align_corners=True), PICTURE),
        "upsample_trilinear3d": (
            lambda x: f.interpolate(x, scale_factor=2, mode="trilinear"), BLOCK),
        "upsample_bicubic2d": (
            lambda x: f.interpolate(x, scale_factor=2, mode="bicubic"), PICTURE),
        "_upsample_bilinear2d_aa": (
            lambda x: f.interpolate(x, (3, 3), mode="bilinear", antialias=True), PICTURE),
        "shrunk by area": (lambda x: f.interpolate(x, (3, 3), mode="area"), PICTURE),
        "grid_sampler_2d": (
            lambda x: f.grid_sample(x, f.affine_grid(
                torch.eye(2, 3, dtype=x.dtype)[None] * 0.7, [1, 2, 4, 4], align_corners=False),
                align_corners=False), ((1, 2, 4, 4),)),
    }  # fmt: skip
    return {name: Case(function, shapes) for name, (function, shapes) in pooled.items()}


def norms() -> dict[str, Case]:
    """Norms while they learn and while they judge."""

    def layer(make: Callable[[], nn.Module], shapes: tuple[Shape, ...] = PICTURE) -> Case:
        return Case(lambda m, x: m(x), shapes, modules=make)

    return {
        "native_batch_norm": layer(lambda: nn.BatchNorm2d(4)),
        "batch norm of rows": layer(lambda: nn.BatchNorm1d(4), ((5, 4),)),
        "batch norm that judges": layer(lambda: nn.BatchNorm2d(4).eval()),
        "batch norm without weights": layer(lambda: nn.BatchNorm2d(4, affine=False)),
        "batch norm without memory": layer(
            lambda: nn.BatchNorm2d(4, track_running_stats=False)),
        "batch norm with cumulative mean": layer(lambda: nn.BatchNorm2d(4, momentum=None)),
        "batch norm, channels last": Case(
            lambda m, x: m(x.contiguous(memory_format=torch.channels_last)), PICTURE,
            modules=lambda: nn.BatchNorm2d(4)),
        "batch norm of blocks": layer(lambda: nn.BatchNorm3d(2), BLOCK),
        "_native_batch_norm_legit": Case(
            lambda x: torch.ops.aten._native_batch_norm_legit(
                x, None, None, torch.zeros(4, dtype=x.dtype), torch.ones(4, dtype=x.dtype),
                True, 0.1, 1e-5)[0], PICTURE),
        "_batch_norm_with_update": Case(
            lambda x: x * torch.ops.aten._batch_norm_with_update(
                x.detach(), torch.ones(4, dtype=x.dtype), None, torch.zeros(4, dtype=x.dtype),
                torch.ones(4, dtype=x.dtype), 0.1, 1e-5)[0], PICTURE),
        "_native_batch_norm_legit_no_training": Case(
            lambda x: torch.ops.aten._native_batch_norm_legit_no_training(
                x.detach(), None, None, torch.zeros(4, dtype=x.dtype),
                torch.ones(4, dtype=x.dtype), 0.1, 1e-5)[0] * x, PICTURE),
        "instance norm": layer(lambda: nn.InstanceNorm2d(4, affine=True)),
        "instance norm with memory": layer(
            lambda: nn.InstanceNorm2d(4, track_running_stats=True)),
        "native_group_norm": layer(lambda: nn.GroupNorm(2, 4)),
        "group norm without weights": layer(lambda: nn.GroupNorm(2, 4, affine=False)),
        "native_layer_norm": layer(lambda: nn.LayerNorm(8), SEQUENCE),
        "layer norm of planes": layer(lambda: nn.LayerNorm((5, 6))),
        "layer norm without weights": layer(
            lambda: nn.LayerNorm(8, elementwise_affine=False), SEQUENCE),
        "layer norm of rows": layer(lambda: nn.LayerNorm(8, bias=False), ((8,),)),
        "_fused_rms_norm": layer(lambda: nn.RMSNorm(8), SEQUENCE),
    }  # fmt: skip


def losses() -> dict[str, Case]:
    """What a network learns from. The inputs are predictions; the targets stand here."""
    rows, pair = ((3, 4),), ((3, 4), (3, 4))
    classes = torch.tensor([[0, 2, 1], [3, -100, 1]])
    weight = torch.tensor([1.0, 2.0, 0.5, 3.0])
    side = torch.tensor([1.0, -1.0, 1.0])

    def of(function: Callable[..., Any], shapes: tuple[Shape, ...] = pair, **named: Any) -> Case:
        return Case(function, shapes, **named)

    return {
        "nll_loss_forward": of(lambda x: f.cross_entropy(x, TARGETS), rows),
        "cross entropy, summed": of(lambda x: f.cross_entropy(x, TARGETS, reduction="sum"), rows),
        "cross entropy, each": of(lambda x: f.cross_entropy(x, TARGETS, reduction="none"), rows),
        "cross entropy, weighed": of(
            lambda x: f.cross_entropy(x, TARGETS, weight=weight.to(x.dtype)), rows),
        "cross entropy, smoothed": of(
            lambda x: f.cross_entropy(x, TARGETS, label_smoothing=0.1), rows),
        "cross entropy, of shares": of(lambda x, y: f.cross_entropy(x, y.softmax(1))),
        "nll_loss2d_forward": of(
            lambda x: f.cross_entropy(x[..., None], classes[..., None]), ((2, 4, 3),)),
        "cross entropy of one": of(lambda x: f.cross_entropy(x, TARGETS[0]), ((4,),)),
        "cross entropy of lines": of(lambda x: f.cross_entropy(x, classes), ((2, 4, 3),)),
        "mse_loss": of(f.mse_loss), "squared, each": of(
            lambda x, y: f.mse_loss(x, y, reduction="none")),
        "squared, summed": of(lambda x, y: f.mse_loss(x, y, reduction="sum")),
        "l1_loss": of(f.l1_loss), "smooth_l1_loss": of(f.smooth_l1_loss),
        "smooth, with beta": of(lambda x, y: f.smooth_l1_loss(x, y, beta=0.3)),
        "huber_loss": of(lambda x, y: f.huber_loss(x, y, delta=0.7)),
        "huber, each": of(lambda x, y: f.huber_loss(x, y, reduction="none")),
        "binary_cross_entropy": of(
            lambda x, y: f.binary_cross_entropy(torch.sigmoid(x), torch.sigmoid(y.detach()))),
        "binary cross entropy, weighed": of(
            lambda x, y: f.binary_cross_entropy(
                torch.sigmoid(x), torch.sigmoid(y.detach()), y.detach().abs(), reduction="sum")),
        "binary_cross_entropy_with_logits": of(
            lambda x, y: f.binary_cross_entropy_with_logits(x, torch.sigmoid(y.detach()))),
        "binary logits, weighed": of(
            lambda x, y: f.binary_cross_entropy_with_logits(
                x, torch.sigmoid(y.detach()), y.detach().abs(),
                pos_weight=weight.to(x.dtype))),
        "kl_div": of(lambda x, y: f.kl_div(x.log_softmax(1), y.softmax(1),
                                           reduction="batchmean")),
        "kl_div of logarithms": of(lambda x, y: f.kl_div(
            x.log_softmax(1), y.log_softmax(1), log_target=True, reduction="sum")),
        "soft_margin_loss": of(lambda x, y: f.soft_margin_loss(x, y.detach().sign())),
        "hinge embedding": of(lambda x, y: f.hinge_embedding_loss(x, y.detach().sign())),
        "margin ranking": of(lambda x, y: f.margin_ranking_loss(
            x[:, 0], y[:, 0], side.to(x.dtype), margin=0.3)),
        "cosine embedding": of(lambda x, y: f.cosine_embedding_loss(x, y, side.to(x.dtype))),
        "multi_margin_loss": of(lambda x: f.multi_margin_loss(x, TARGETS), rows),
        "multilabel_margin_loss": of(lambda x: f.multilabel_margin_loss(
            x, torch.tensor([[1, 2, -1, 0], [0, -1, 1, 1], [3, 2, 1, -1]])), rows),
        "multilabel soft margin": of(lambda x, y: f.multilabel_soft_margin_loss(
            x, (y.detach() > 0).to(x.dtype))),
        "triplet": of(f.triplet_margin_loss, ((3, 4), (3, 4), (3, 4))),
        "poisson": of(lambda x, y: f.poisson_nll_loss(x, y.detach().abs())),
        "gaussian": of(lambda x, y: f.gaussian_nll_loss(x, y.detach(), x.square() + 1)),
        "_ctc_loss": of(lambda x: f.ctc_loss(
            x.log_softmax(2), torch.tensor([[1, 2], [3, 1]]), (5, 5), (2, 2)), ((5, 2, 4),)),
        "_softmax": of(lambda x: x.softmax(1), LINES),
        "_log_softmax": of(lambda x: x.log_softmax(-1), LINES),
        "softmin": of(lambda x: f.softmin(x, 0), LINES),
        "gumbel": of(lambda x: f.gumbel_softmax(x, hard=True), rows),
        "_safe_softmax": of(lambda x: torch.ops.aten._safe_softmax(
            x.detach().masked_fill(torch.eye(3, 4) > 0, -math.inf), 1) * x, rows),
    }  # fmt: skip


def _without_gradients(part: Callable[..., Any], *inputs: Tensor) -> Tensor:
    with torch.no_grad():
        answer = part(*inputs)
    return answer if isinstance(answer, Tensor) else answer[0]


def sequences() -> dict[str, Case]:
    """Attention and recurrent layers."""
    ahead = nn.Transformer.generate_square_subsequent_mask(5)
    padded = torch.tensor([[False] * 5, [False] * 3 + [True] * 2])
    heads: tuple[Shape, ...] = ((2, 2, 5, 4),) * 3

    def attend(**named: Any) -> Case:
        return Case(lambda q, k, v: f.scaled_dot_product_attention(q, k, v, **named), heads)

    def layer(make: Callable[[], nn.Module], *more: Any, **named: Any) -> Case:
        return Case(lambda m, x: m(x, *more, **named), SEQUENCE, modules=make)

    def multihead(**named: Any) -> Case:
        return Case(lambda m, x: m(x, x, x, **named), SEQUENCE,
                    modules=lambda: nn.MultiheadAttention(8, 2, batch_first=True))  # fmt: skip

    encoder: dict[str, Any] = {"d_model": 8, "nhead": 2, "dim_feedforward": 6, "batch_first": True}
    return {
        "_scaled_dot_product_flash_attention_for_cpu": attend(),
        "attention, causal": attend(is_causal=True),
        "attention with a mask": attend(attn_mask=torch.ones(5, 5).tril().bool()),
        "attention with added scores": Case(
            lambda q, k, v: f.scaled_dot_product_attention(
                q, k, v, attn_mask=torch.arange(25, dtype=q.dtype).reshape(5, 5) / 9), heads),
        "attention, scaled": attend(scale=0.3),
        "attention with dropout": attend(dropout_p=0.3),
        "attention in groups": Case(
            lambda q, k: f.scaled_dot_product_attention(q, k, k, enable_gqa=True),
            ((2, 4, 5, 4), (2, 2, 5, 4))),
        "multihead": multihead(need_weights=False), "multihead with shares": multihead(),
        "multihead, causal": multihead(attn_mask=ahead, is_causal=True, need_weights=False),
        "multihead, padded": multihead(key_padding_mask=padded),
        "multihead, each head": multihead(average_attn_weights=False),
        "encoder layer": layer(lambda: nn.TransformerEncoderLayer(**encoder, dropout=0.2)),
        "encoder layer that judges": layer(
            lambda: nn.TransformerEncoderLayer(**encoder).eval()),
        "encoder, padded": layer(lambda: nn.TransformerEncoder(
            nn.TransformerEncoderLayer(**encoder, dropout=0.0), 2), src_key_padding_mask=padded),
        "decoder layer": Case(lambda m, x, y: m(x, y, tgt_mask=ahead.to(x.dtype)),
                              SEQUENCE * 2, modules=lambda: nn.TransformerDecoderLayer(**encoder)),
        "_transformer_encoder_layer_fwd": Case(
            lambda m, x: x * _without_gradients(m, x), SEQUENCE,
            modules=lambda: nn.TransformerEncoderLayer(**encoder).eval()),
        "_native_multi_head_attention": Case(
            lambda m, x: x * _without_gradients(lambda y: m(y, y, y), x), SEQUENCE,
            modules=lambda: nn.MultiheadAttention(8, 2, batch_first=True).eval()),
        "mkldnn_rnn_layer": layer(lambda: nn.LSTM(8, 3, batch_first=True)),
        "lstm, deep and both ways": layer(
            lambda: nn.LSTM(8, 3, 2, bidirectional=True, dropout=0.3)),
        "lstm without biases": layer(lambda: nn.LSTM(8, 3, bias=False)),
        "lstm with projection": layer(lambda: nn.LSTM(8, 4, proj_size=3)),
        "lstm of a packed sequence": Case(
            lambda m, x: m(nn.utils.rnn.pack_padded_sequence(x, [5, 3], batch_first=True))[1],
            SEQUENCE, modules=lambda: nn.LSTM(8, 3, batch_first=True)),
        "gru": layer(lambda: nn.GRU(8, 3, 2, batch_first=True, dropout=0.3)),
        "gru of a packed sequence": Case(
            lambda m, x: m(nn.utils.rnn.pack_padded_sequence(x, [5, 3], batch_first=True))[1],
            SEQUENCE, modules=lambda: nn.GRU(8, 3, batch_first=True)),
        "rnn": layer(lambda: nn.RNN(8, 3, nonlinearity="relu", bidirectional=True)),
        "lstm cell": Case(lambda m, x: m(x), ((3, 8),), modules=lambda: nn.LSTMCell(8, 3)),
        "gru cell": Case(lambda m, x: m(x), ((3, 8),), modules=lambda: nn.GRUCell(8, 3)),
    }  # fmt: skip


CHANCE: dict[str, Case] = {
    "dropout": Case(lambda x: f.dropout(x, 0.3), meets=("bernoulli",)),
    "native_dropout": Case(lambda x: torch.native_dropout(x, 0.3, True)[0],
                           meets=("native_dropout_backward",)),
    "dropout of channels": Case(lambda x: f.dropout2d(x, 0.5), PICTURE),
    "alpha dropout": Case(lambda x: f.alpha_dropout(x, 0.3, training=True)),
    "rand": Case(lambda x: x * torch.rand(4)), "randn": Case(lambda x: x * torch.randn(4)),
    "rand_like": Case(lambda x: x * torch.rand_like(x)),
    "randn_like": Case(lambda x: x + torch.randn_like(x)),
    "randint": Case(lambda x: x + torch.randint(5, (4,))),
    "randperm": Case(lambda x: x[..., torch.randperm(4)]),
    "multinomial": Case(lambda x: x[..., torch.multinomial(torch.ones(4), 2)]),
    "normal": Case(lambda x: x + torch.empty(4).normal_(1, 2)),
    "normal of a mean": Case(lambda x: x + torch.normal(torch.zeros(4), torch.ones(4))),
    "cauchy": Case(lambda x: x + torch.empty(4).cauchy_()),
    "geometric": Case(lambda x: x + torch.empty(4).geometric_(0.5)),
    "random": Case(lambda x: x + torch.empty(4).random_(5)),
    "randint_like": Case(lambda x: x + torch.randint_like(x, 5)),
    "uniform": Case(lambda x: x + torch.empty(4).uniform_(1, 2)),
    "exponential": Case(lambda x: x + torch.empty(4).exponential_()),
    "log_normal": Case(lambda x: x + torch.empty(4).log_normal_()),
    "bernoulli of shares": Case(lambda x: x + torch.bernoulli(torch.full((4,), 0.5))),
    "own generator": Case(lambda x: x + torch.rand(4, generator=torch.Generator().manual_seed(3))),
    "zeros": Case(lambda x: x + torch.zeros(4)), "ones": Case(lambda x: x * torch.ones(4)),
    "zeros_like": Case(lambda x: x + torch.zeros_like(x)),
    "ones_like": Case(lambda x: x + torch.ones_like(x), meets=("ones_like",)),
    "new_zeros": Case(lambda x: x + x.new_zeros(4)), "new_ones": Case(
        lambda x: x + x.new_ones(4)),
    "new_full": Case(lambda x: x + x.new_full((4,), 2.5)),
    "full": Case(lambda x: x + torch.full((4,), 2.5)),
    "full_like": Case(lambda x: x + torch.full_like(x, 2.5)),
    "fill": Case(lambda x: x + torch.empty(4).fill_(2.5)),
    "zero": Case(lambda x: x + torch.empty(4).zero_()),
    "scalar_tensor": Case(lambda x: x * torch.scalar_tensor(2.5)),
    "arange": Case(lambda x: x * torch.arange(1.0, 3.0, 0.5)),
    "linspace": Case(lambda x: x * torch.linspace(0, 1, 4)),
    "eye": Case(lambda x: x * torch.eye(3, 4), ROWS),
    "lift_fresh": Case(lambda x: x * torch.tensor([1.0, 2.0, 3.0, 4.0])),
}  # fmt: skip


def every_case() -> dict[str, Case]:
    """All of them by name."""
    return {
        **curves(), **PAIRS, **PRODUCTS, **REDUCTIONS, **MOVES, **convolutions(), **windows(),
        **norms(), **losses(), **sequences(), **CHANCE,
    }  # fmt: skip
