"""What the user's functions take and give, as NumPy arrays; lists and PyTorch tensors too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.base.errors import BadData, WrongUse
from pellucid.scratch.arrays import Array
from pellucid.scratch.tensor import Tensor


@dataclass(frozen=True)
class Input:
    """One argument of `forward`."""

    name: str
    given: Any
    """As the user gave it."""
    numbers: Array | None
    """In float64, to be nudged; `None` for what has no numbers, e.g. a text or a setting."""
    is_real: bool
    """Real numbers, not whole ones: labels and places cannot change a little."""

    @property
    def shape(self) -> tuple[int, ...]:
        return () if self.numbers is None else self.numbers.shape

    def like_given(self, numbers: Array | None) -> Any:
        """`numbers` in the kind that the user gave: a list, a float, a tensor or an array.

        Always a copy, so that what the user's functions write into it is lost.
        """
        if numbers is None or not np.issubdtype(numbers.dtype, np.floating):
            return self.given.copy() if isinstance(self.given, np.ndarray) else self.given
        if isinstance(self.given, Tensor):
            return Tensor(numbers.copy(), self.given.requires_grad)
        if hasattr(self.given, "new_tensor"):  # PyTorch's, in double precision
            return self.given.detach().double().new_tensor(numbers)
        if isinstance(self.given, list | tuple):
            return numbers.tolist()
        is_plain = isinstance(self.given, float) and not isinstance(self.given, np.generic)
        return float(numbers) if is_plain else numbers.copy()


def read_input(name: str, given: Any) -> Input:
    """Raises `BadData` for what can be no input: rows of different lengths, complex numbers, …"""
    array = _array(given, f"input {name}")
    if array is None or array.dtype.kind not in "biufc":
        return Input(name, given, None, False)
    if array.dtype.kind == "c":
        raise BadData(f"input {name}", "complex numbers", "real ones", "split real and imaginary")
    if not array.size:
        raise BadData(
            f"input {name}", f"shape {array.shape}", "at least one number", "give it some rows"
        )
    if not np.isfinite(array).all():
        raise BadData(
            f"input {name}",
            f"{np.count_nonzero(~np.isfinite(array))} numbers that are infinite or not a number",
            "finite numbers",
            "choose other inputs to compare at",
        )
    if array.dtype.kind == "f":
        return Input(name, given, array.astype(np.float64), True)
    return Input(name, given, array, False)


def read_result(value: Any, where: str, must_be_finite: bool = True) -> Array:
    """A result of `forward` as an array in its own precision."""
    array = None if value is None else _array(value, where)
    if array is None or array.dtype.kind not in "biuf":
        kind = "None" if value is None else f"a {type(value).__name__}"
        fix = f"end {where} with: return result" if value is None else "return numbers alone"
        raise WrongUse(where, f"{kind} as the result", "a number or an array of numbers", fix)
    if array.dtype == np.float16:
        raise WrongUse(
            where,
            "a result in float16, so with 3 digits",
            "float32 or float64, as a small nudge must show",
            "compute in float64 while you compare",
        )
    if must_be_finite and not np.isfinite(array).all():
        raise BadData(
            where,
            f"{np.count_nonzero(~np.isfinite(array))} of {array.size} numbers of the result "
            "infinite or not a number",
            "finite numbers",
            "choose inputs to compare at where the result is finite",
        )
    return array


def read_gradient(value: Any, name: str) -> Array | None:
    """A gradient as an array, or `None` where the user gave none."""
    if value is None:
        return None
    array = _array(value, "backward")
    if array is None or array.dtype.kind not in "biuf":
        raise WrongUse(
            "backward",
            f"a {type(value).__name__} as the gradient of {name}",
            f"an array of the shape of {name}, or None",
            "return one array of numbers for each input",
        )
    return array


def by_input(returned: Any, inputs: Sequence[Input], of: Sequence[str]) -> dict[str, Any]:
    """What `backward` returned, by the name of the input that it is the gradient of.

    One entry for each input, or for each that holds real numbers, or for each of `of` if given.
    """
    every = [entry.name for entry in inputs]
    choices = [list(of)] if of else [every, [entry.name for entry in inputs if entry.is_real]]
    if isinstance(returned, Mapping):
        return dict(zip(choices[0], _by_name(returned, choices[0]), strict=True))
    entries = _entries(returned, is_one=len(choices[-1]) == 1)
    for names in choices:
        if len(names) == len(entries):
            return dict(zip(names, entries, strict=True))
    count = "1 gradient" if len(entries) == 1 else f"{len(entries)} gradients"
    blanks = ", ".join(["gradient", *["None"] * (len(choices[0]) - 1)])
    one = every[min(1, len(every) - 1)]
    raise WrongUse(
        "backward",
        count,
        f"{len(choices[0])}, for {', '.join(choices[0])}",
        f"return None for an input without one (as in: return {blanks}), or say which inputs "
        f"they belong to: --of {one}, in Python of=[{one!r}]",
    )


def _entries(returned: Any, is_one: bool) -> list[Any]:
    """The gradients one by one; a list can be several of them, or the only one."""
    if isinstance(returned, tuple):
        return list(returned)
    if isinstance(returned, list):
        holds_arrays = len(returned) == 1 and np.ndim(returned[0]) > 0
        return [returned] if is_one and not holds_arrays else returned
    return [returned]


def _by_name(returned: Mapping[Any, Any], names: Sequence[str]) -> list[Any]:
    """A dictionary of gradients: the input's name, or `d` and the name."""
    owner = {key: name for name in names for key in (name, f"d{name}", f"d_{name}")}
    unknown = [key for key in returned if key not in owner]
    if unknown:
        raise WrongUse(
            "backward",
            f"a gradient of {unknown[0]!r}",
            f"gradients of {', '.join(names)}",
            "use the names of forward's inputs as keys",
        )
    found = {owner[key]: value for key, value in returned.items()}
    return [found.get(name) for name in names]


def _array(value: Any, where: str) -> Array | None:
    """`value` as an array; `None` for what holds no numbers."""
    if isinstance(value, Tensor):
        return value.data
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    if isinstance(value, list | tuple):
        try:
            return np.asarray(value)
        except ValueError as error:
            raise BadData(
                where, "rows of different lengths", "rows of one length", "fill the rows up"
            ) from error
    is_number = isinstance(value, np.ndarray | np.generic | bool | int | float | complex)
    return np.asarray(value) if is_number else None
