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
CURVES: dict[str, Case] = {
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
"""Functions of one number."""


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
    "argmax": Case(lambda x: (x, x.argmax(1))), "argmin": Case(lambda x: (x, x.argmin(1))),
    "var": Case(lambda x: x.var(1)), "std": Case(lambda x: x.std((0, 1), keepdim=True)),
    "std without correction": Case(lambda x: x.std(unbiased=False)),
    "var_mean": Case(lambda x: torch.var_mean(x, 1, correction=0)),
    "norm of an axis": Case(lambda x: torch.norm(x, dim=1)),
    "norm of order 1": Case(lambda x: x.norm(1)),
    "linalg_vector_norm": Case(lambda x: torch.linalg.vector_norm(x, 3, 1)),
    "norm of order ∞": Case(lambda x: torch.linalg.vector_norm(x, math.inf)),
    "normalize": Case(lambda x: f.normalize(x, dim=1)),
    "cumsum": Case(lambda x: x.cumsum(1)), "cumprod": Case(lambda x: x.cumprod(1)),
    "cummax": Case(lambda x: x.cummax(1)), "cummin": Case(lambda x: x.cummin(1)),
    "logcumsumexp": Case(lambda x: x.logcumsumexp(1)),
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
    import explain_cases_layers as layers

    return {
        **CURVES, **PAIRS, **PRODUCTS, **REDUCTIONS, **MOVES, **layers.CONVOLUTIONS,
        **layers.WINDOWS, **layers.NORMS, **layers.LOSSES, **layers.SEQUENCES, **CHANCE,
    }  # fmt: skip
