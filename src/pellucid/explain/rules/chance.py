"""Numbers that are written or drawn, not computed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from pellucid.explain.operand import as_array
from pellucid.explain.reading import Reading, single
from pellucid.explain.rules.moves import given
from pellucid.scratch.arrays import Array
from pellucid.scratch.explanation import Explanation

Rule = Callable[[Reading], Explanation]


def written(value: float) -> Rule:
    def rule(r: Reading) -> Explanation:
        return r.sum("Constant", single(f"{value:g}, as written", value))

    return rule


def filled(*names: str) -> Rule:
    """The number that the call was told to write."""

    def rule(r: Reading) -> Explanation:
        name = next(name for name in names if name in r.arguments)
        said = r.scalar(name, ())
        return r.sum("Constant", single(f"{said.text}, as written", said.value, said))

    return rule


def counted(r: Reading) -> Explanation:
    start, step = r.setting("start", 0) or 0, r.setting("step", 1) or 1
    value = start + r.index[0] * step
    return r.sum("Constant", single(f"{start:g} + {r.index[0]} · {step:g}", float(value)), 3)


def spaced(r: Reading) -> Explanation:
    start, end = r.scalar("start", ()), r.scalar("end", ())
    steps = max(r.setting("steps") - 1, 1)
    share = r.index[0] / steps
    value = start.value * (1 - share) + end.value * share
    text = f"{r.index[0]} of {steps} steps from {start.text} to {end.text}"
    size = abs(start.value) + abs(end.value)
    return r.sum("Constant", single(text, value, start, end, size=size), 4)


def one_on_the_diagonal(r: Reading) -> Explanation:
    row, column = r.index
    return r.sum("Constant", single("1 where row = column, else 0", float(row == column)))


def drawn(r: Reading) -> Explanation:
    """Drawn from a generator whose state was kept: the draw is repeated from there."""

    def again() -> Array:
        assert r.call.chance is not None
        arguments: dict[str, Any] = {name: given(value) for name, value in r.arguments.items()}
        if isinstance(arguments.get("self"), torch.Tensor):
            arguments["self"] = arguments["self"].clone()
        generator = torch.Generator()
        generator.set_state(r.call.chance)
        if "generator" in arguments:
            arguments["generator"] = generator
            found = r.call.function(**arguments)
        else:
            with torch.random.fork_rng(devices=[]):
                torch.set_rng_state(r.call.chance)
                found = r.call.function(**arguments)
        return as_array(found[r.output] if isinstance(found, list | tuple) else found)

    value = float(r.once("drawn", again)[r.index])
    said = f"{value:.6g}, drawn again from the generator's state before the call"
    return r.sum("Draw", single(said, value))


RULES: dict[str, Rule] = {
    **dict.fromkeys(("zeros", "zeros_like", "new_zeros", "zero"), written(0.0)),
    **dict.fromkeys(("ones", "ones_like", "new_ones"), written(1.0)),
    "full": filled("fill_value"),
    "full_like": filled("fill_value"),
    "new_full": filled("fill_value"),
    "fill": filled("value"),
    "scalar_tensor": filled("s"),
    "arange": counted,
    "linspace": spaced,
    "eye": one_on_the_diagonal,
    "_efficientzerotensor": written(0.0),
    **dict.fromkeys(
        ("bernoulli", "rand", "randn", "rand_like", "randn_like", "normal", "uniform", "randperm",
         "exponential", "log_normal", "randint", "randint_like", "multinomial", "random",
         "geometric", "cauchy"),
        drawn,
    ),
}  # fmt: skip
