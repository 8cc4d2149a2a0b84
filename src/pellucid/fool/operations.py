"""Operations of PyTorch as layers that the proof can see through; what is not here is refused."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from pellucid.fool.curves import Largest, Rectifier, Smooth
from pellucid.fool.graph import Call, Graph, Outside, Reader, Tracer, Value
from pellucid.fool.layers import Average, Convolution, Dense, Every, Frame, Scale, Sum

_ONE = torch.ones(1, dtype=torch.float64)


def trace(network: nn.Module, picture: Tensor) -> Graph:
    """The layers that `network` runs on `picture` (1, channel, row, column).

    Raises `Outside` for the first operation that is not among those the proof covers.
    """
    tracer = Tracer(picture, READERS)
    with torch.no_grad(), tracer:
        answer = network(picture)
    found = tracer.value(answer) if isinstance(answer, Tensor) else None
    if found is None:
        raise Outside("an answer that does not come from the picture by covered operations")
    if answer.ndim != 2:
        raise Outside(f"an answer of shape {tuple(answer.shape)}")
    tracer.graph.answer = found.place
    return tracer.graph


def _pair(given: Any) -> tuple[int, int]:
    values = list(given) if isinstance(given, list | tuple) else [given]
    return int(values[0]), int(values[-1])


def _convolution(call: Call) -> Value:
    weight, bias = call.constant(1), call.constant(2)
    stride, padding, dilation = (_pair(call.at(place)) for place in (3, 4, 5))
    if weight is None or call.at(6) or weight.ndim != 4 or dilation[0] != dilation[1]:
        raise Outside("a convolution that is transposed, or not two-dimensional")
    groups = int(call.at(8))
    dense = _ungrouped(weight, groups).permute(2, 3, 1, 0).contiguous()
    shift = weight.new_zeros(weight.shape[0]) if bias is None else bias
    found = call.made(Convolution(dense, shift, padding, dilation[0]))
    return found if stride == (1, 1) else call.then(Every(stride))


def _ungrouped(weight: Tensor, groups: int) -> Tensor:
    """Weights (out, in / groups, …) of a grouped convolution as those of a plain one."""
    outputs, share = weight.shape[:2]
    whole = weight.new_zeros(outputs, share * groups, *weight.shape[2:])
    for group in range(groups):
        rows = slice(group * outputs // groups, (group + 1) * outputs // groups)
        whole[rows, group * share : (group + 1) * share] = weight[rows]
    return whole


def _dense(call: Call, x: Value, weight: Tensor, bias: Tensor | None) -> Value:
    """`weight` (in, out); the features may be a map laid out in a row."""
    channels, height, width = x.shape
    if weight.ndim != 2 or not (x.is_flat or (height, width) == (1, 1)):
        raise Outside(f"{call.name} over something else than all features")
    table = weight.view(channels, height, width, -1).permute(1, 2, 0, 3).contiguous()
    shift = weight.new_zeros(weight.shape[1]) if bias is None else bias.expand(weight.shape[1])
    return call.made(Dense(table, shift), x.place)


def _addmm(call: Call) -> Value:
    x, weight = call.tracer.value(call.at(1)), call.constant(2)
    if x is None or weight is None or call.kwargs:
        raise Outside("addmm of another form than a fully connected layer")
    return _dense(call, x, weight, call.constant(0))


def _mm(call: Call) -> Value:
    weight = call.constant(1)
    assert weight is not None
    return _dense(call, call.x, weight, None)


def _linear(call: Call) -> Value:
    weight = call.constant(1)
    assert weight is not None
    return _dense(call, call.x, weight.t(), call.constant(2))


def _batch_norm(call: Call) -> Value:
    weight, bias, mean, variance = (call.constant(place) for place in (1, 2, 3, 4))
    training, epsilon = (False, call.at(6)) if "no_training" in call.name else (
        call.at(5), call.at(7))  # fmt: skip
    if training or mean is None or variance is None:
        raise Outside("batch norm in training mode")
    factor = (1.0 if weight is None else weight) / torch.sqrt(variance + float(epsilon))
    shift = (0.0 if bias is None else bias) - mean * factor
    if call.x.is_flat and call.x.shape[1:] != (1, 1):
        raise Outside("batch norm over a map laid out in a row")
    return call.alike(Scale(factor, shift.view(1, 1, -1)), call.x)


def _rectifier(slope: float) -> Reader:
    return lambda call: call.alike(Rectifier(slope), call.x, slope == 0)


def _leaky(call: Call) -> Value:
    slope = float(call.at(1, 0.01))
    if not 0 <= slope <= 1:
        raise Outside(f"leaky ReLU with the slope {slope:g}")
    return call.alike(Rectifier(slope), call.x)


def _smooth(name: str) -> Reader:
    def read(call: Call) -> Value:
        if call.kwargs.get("approximate", "none") != "none":
            raise Outside("GELU in its approximate form")
        return call.alike(Smooth(name), call.x, name == "sigmoid")

    return read


def _max_pool(call: Call) -> Value:
    kernel = _pair(call.at(1))
    step = _pair(call.at(2) or kernel)
    padding, dilation = _pair(call.at(3, 0)), _pair(call.at(4, 1))
    if dilation != (1, 1) or call.at(5, False):
        raise Outside("max pooling with dilation or ceil_mode")
    place, is_nonnegative = call.x.place, call.x.is_nonnegative
    if padding != (0, 0):
        if not is_nonnegative:
            raise Outside("max pooling with a border, over numbers that may be negative")
        rows, columns = padding  # nothing is below zero, so a border of zeros wins nowhere
        place = call.tracer.add(Frame(columns, columns, rows, rows), place)
    return call.made(Largest(kernel, step), place, is_nonnegative=is_nonnegative)


def _average_pool(call: Call) -> Value:
    kernel = _pair(call.at(1))
    step = _pair(call.at(2) or kernel)
    rows, columns = _pair(call.at(3, 0))
    if call.at(4, False) or call.at(6) is not None:
        raise Outside("average pooling with ceil_mode or a divisor of its own")
    place = call.x.place
    if (rows, columns) != (0, 0):
        if not call.at(5, True):
            raise Outside("average pooling that does not count its border")
        place = call.tracer.add(Frame(columns, columns, rows, rows), place)
    return _averaged(call, place, kernel, step, call.x.is_nonnegative)


def _averaged(
    call: Call, place: int, kernel: tuple[int, int], step: tuple[int, int], positive: bool
) -> Value:
    found = call.made(Average(kernel), place, is_nonnegative=positive)
    return found if step == (1, 1) else call.then(Every(step), is_nonnegative=positive)


def _adaptive(call: Call) -> Value:
    _, height, width = call.x.shape
    rows, columns = _pair(call.at(1))
    if height % rows or width % columns:
        raise Outside(f"adaptive pooling of {height} × {width} to {rows} × {columns}")
    kernel = height // rows, width // columns
    return _averaged(call, call.x.place, kernel, kernel, call.x.is_nonnegative)


def _over_the_map(call: Call) -> tuple[int, int]:
    """The map's size, where an operation goes over all its rows and columns."""
    _, height, width = call.x.shape
    dims = {int(one) % 4 for one in call.at(1) or []}
    if dims != {2, 3} or call.x.is_flat:
        raise Outside(f"{call.name} over other dimensions than rows and columns")
    return height, width


def _mean(call: Call) -> Value:
    size = _over_the_map(call)
    return call.made(Average(size), is_nonnegative=call.x.is_nonnegative)


def _amax(call: Call) -> Value:
    size = _over_the_map(call)
    return call.made(Largest(size, size), is_nonnegative=call.x.is_nonnegative)


def _frame(call: Call) -> Value:
    sides = [int(side) for side in call.at(1)]
    if min(sides) < 0 or float(call.at(2, 0.0)) != 0 or len(sides) > 4:
        raise Outside("a border that is not zero, or that cuts")
    left, right, top, bottom = (*sides, 0, 0)[:4]
    return call.made(Frame(left, right, top, bottom), is_nonnegative=call.x.is_nonnegative)


def _plus(sign: float) -> Reader:
    def read(call: Call) -> Value:
        factor = sign * float(call.kwargs.get("alpha", 1))
        a, b = call.tracer.value(call.at(0)), call.tracer.value(call.at(1))
        if a is not None and b is not None:
            if a.shape != b.shape or abs(factor) != 1:
                raise Outside(f"{call.name} of two maps of different shapes, or with a factor")
            place = call.tracer.add(Sum(factor), a.place, b.place)
            return Value(place, a.shape, a.is_flat)
        if a is not None:
            shift = call.constant(1)
            assert shift is not None
            return call.alike(Scale(_ONE, factor * _as_map(shift, a)), a)
        assert b is not None
        shift = call.constant(0)
        assert shift is not None
        return call.alike(Scale(factor * _ONE, _as_map(shift, b)), b)

    return read


def _as_map(values: Tensor, x: Value) -> Tensor:
    """A constant that broadcasts over the layout of `x`, as one over (row, column, channel)."""
    if values.numel() == 1:
        return values.view(1, 1, 1)
    if x.is_flat:
        return _unflattened(values, x)
    if values.ndim == 4 and values.shape[0] == 1:
        values = values[0]
    if values.ndim == 3:
        return values.permute(1, 2, 0)
    raise Outside(f"arithmetic with a constant of shape {tuple(values.shape)}")


def _unflattened(values: Tensor, x: Value) -> Tensor:
    if values.numel() != x.shape[0] * x.shape[1] * x.shape[2]:
        raise Outside(f"arithmetic with a constant of shape {tuple(values.shape)}")
    return values.view(x.shape).permute(1, 2, 0)


def _times(call: Call) -> Value:
    place = 0 if call.tracer.value(call.at(0)) is not None else 1
    found = call.tracer.value(call.at(place))
    factor = call.constant(1 - place)
    assert found is not None
    assert factor is not None
    if call.name.startswith("div"):
        if place or call.kwargs:
            raise Outside("a division by what depends on the picture, or one that rounds")
        factor = 1 / factor
    factor = _as_map(factor, found)
    if factor.shape[:2] != (1, 1):
        raise Outside(f"{call.name} by a factor that differs from cell to cell")
    return call.alike(Scale(factor, 0 * _ONE.view(1, 1, 1)), found)


def _view(call: Call) -> Value:
    x, shape = call.x, tuple(call.result.shape)
    channels, height, width = x.shape
    if shape == (1, channels, height, width):
        return Value(x.place, x.shape, False, x.is_nonnegative)
    if shape == (1, channels * height * width):
        return Value(x.place, x.shape, True, x.is_nonnegative)
    if (height, width) == (1, 1) and shape == (1, channels, 1, 1):
        return Value(x.place, x.shape, False, x.is_nonnegative)
    raise Outside(f"{call.name} to the shape {shape}")


READERS: dict[str, Reader] = {
    "convolution": _convolution,
    "addmm": _addmm,
    "mm": _mm,
    "linear": _linear,
    "native_batch_norm": _batch_norm,
    "_native_batch_norm_legit_no_training": _batch_norm,
    "relu": _rectifier(0.0),
    "leaky_relu": _leaky,
    "tanh": _smooth("tanh"),
    "sigmoid": _smooth("sigmoid"),
    "gelu": _smooth("gelu"),
    "silu": _smooth("silu"),
    "max_pool2d_with_indices": _max_pool,
    "avg_pool2d": _average_pool,
    "_adaptive_avg_pool2d": _adaptive,
    "mean": _mean,
    "amax": _amax,
    "constant_pad_nd": _frame,
    "add": _plus(1.0),
    "sub": _plus(-1.0),
    "mul": _times,
    "div": _times,
    "view": _view,
    "_unsafe_view": _view,
    "reshape": _view,
    "clone": _view,
    "alias": _view,
    "detach": _view,
    "contiguous": _view,
    "squeeze": _view,
    "flatten": _view,
}
"""PyTorch's operations by name; one whose name ends with `_` works in place and is the same."""
