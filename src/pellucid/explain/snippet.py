"""Copy as Python: a few lines that reproduce a number with torch alone."""

from __future__ import annotations

import torch

from pellucid.explain.book import short_name
from pellucid.explain.explained import Explained
from pellucid.explain.recorded import Number, Recorded
from pellucid.explain.rules import elementwise
from pellucid.scratch.explanation import Term
from pellucid.watch.calls import Call
from pellucid.watch.kept import Kept

MOST = 2000
"""Numbers up to which operands are written out."""
LINE = 4
"""Numbers on one line."""


def as_python(number: Number, found: Explained) -> str:
    """Lines of Python that print the number again, and what PyTorch had."""
    body = _call(number, found) or _products(number.recorded, found) or _terms(found)
    asked = f"# {found.name}" + (f", {found.where}" if found.where else "")
    return "\n".join(
        ["import torch", "", asked, *body, f"print(float(value), {found.value!r})", ""]
    )


def _call(number: Number, found: Explained) -> list[str]:
    """A call that works number by number: the call itself, on the numbers that met."""
    where = found.where
    call = number.recorded.calls[where.number] if where else None
    if call is None or short_name(call.name) not in elementwise.RULES:
        return []
    made = number.recorded.recording.made(number.kept, number.index)
    if made is None or made.call is not call:
        return []
    words = []
    for name, value in call.arguments().items():
        if isinstance(value, Kept):
            at = made.index[len(made.index) - len(value.shape) :]
            own = tuple(0 if size == 1 else k for k, size in zip(at, value.shape, strict=True))
            one = float(value.tensor()[own])
            words.append(f"{name}=torch.tensor({one!r}, dtype={value.dtype})")
        elif value is not None and not isinstance(value, torch.dtype | torch.device):
            words.append(f"{name}={value!r}")
    return [f"value = {_function(call)}({', '.join(words)})"]


def _function(call: Call) -> str:
    _, name, overload = call.name.split(".")
    return f"torch.ops.aten.{name.rstrip('_')}.{overload}"


def _products(recorded: Recorded, found: Explained) -> list[str]:
    """A sum of products: both operands, and what is added."""
    if len(found.terms) > MOST:
        return []
    pairs = [_pair(recorded, term) for term in found.terms]
    both = [pair for pair in pairs if pair is not None]
    if len(both) < 2 or len(both) < len(pairs) - 1:
        return []
    rest = [term for term, pair in zip(found.terms, pairs, strict=True) if pair is None]
    added = "".join(f" + {term.value!r}" for term in rest)
    note = f"  # + {rest[0].label}" if rest else ""
    return [
        *_list("a", [a for a, _ in both]),
        *_list("b", [b for _, b in both]),
        f"value = (a * b).sum(){added}{note}",
    ]


def _pair(recorded: Recorded, term: Term) -> tuple[float, float] | None:
    """The two numbers whose product a term is, if it is one."""
    if len(term.source) != 2:
        return None
    a, b = (recorded.ask(str(place)).value for place in term.source)
    return (a, b) if abs(a * b - term.value) <= 1e-12 * abs(term.value) else None


def _terms(found: Explained) -> list[str]:
    """Any other number: its terms, each with what it means."""
    if len(found.terms) > MOST:
        values = [term.value for term in found.terms]
        return [*_list("terms", values), "value = terms.sum()"]
    lines = [f"    {term.value!r},  # {term.label}" for term in found.terms]
    return ["terms = torch.tensor([", *lines, "], dtype=torch.float64)", "value = terms.sum()"]


def _list(name: str, values: list[float]) -> list[str]:
    rows = [values[k : k + LINE] for k in range(0, len(values), LINE)]
    inner = [f"    {', '.join(repr(value) for value in row)}," for row in rows]
    return [f"{name} = torch.tensor([", *inner, "], dtype=torch.float64)"]
