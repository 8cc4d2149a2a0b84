"""The walk of shapes, up to the first misfit; batches of other sizes; the batch axis kept."""

from __future__ import annotations

from torch import nn

from pellucid.base.errors import WrongUse
from pellucid.doctor.check.asked import Asked
from pellucid.doctor.check.made import needs_cuda, no_cuda
from pellucid.doctor.check.told import Told, first_line, users_line_of
from pellucid.doctor.misfit import hard_coded_batch, mend
from pellucid.nets._walk import Call, Walk, walk_until
from pellucid.watch.lines import Line

SIZES = (2, 3, 1)
"""Batches that are tried; a batch of 1 is what `squeeze()` trips over."""


def walked(asked: Asked, told: Told) -> tuple[Walk, bool]:
    """The walk with the batch as it is, and whether it came to its end; a misfit is told."""
    found, error = walk_until(asked.network, asked.given, asked.named, asked.examples)
    if error is None:
        return found, True
    if needs_cuda(error):
        raise no_cuda(f"network {asked.title}", first_line(error)) from error
    fixed = hard_coded_batch(str(error), asked.examples)
    if fixed is not None and asked.examples > 1:
        again, refused = _tried(asked, fixed)
        if refused is None:
            _tell_fixed(asked, told, error, fixed)
            return again, True
    tell_misfit(asked, found, error, told)
    return found, False


def _tried(asked: Asked, size: int) -> tuple[Walk, Exception | None]:
    other = asked.with_examples(size)
    return walk_until(other.network, other.given, other.named, size)


def tell_misfit(
    asked: Asked, found: Walk, error: Exception, told: Told, line: Line | None = None
) -> None:
    """The layer that failed, what it got, and the number to change; `line` if it is known better.

    Raises `WrongUse` for what is not about sizes.
    """
    failed, where = found.failed, line or users_line_of(error)
    evidence = [first_line(error)]
    advice = ""
    if failed is not None:
        part = asked.network.get_submodule(failed.name)
        evidence.append(f"In {_said(failed, part)}, which got {_shapes(failed)}.")
        advice = mend(part, failed.given, before(found), str(error), asked.examples)
    if not advice and not _is_about_sizes(error):
        raise WrongUse(
            f"network {asked.title}" + (f", {where}" if where else ""),
            f"a forward pass that raised {first_line(error)}",
            "one that takes the inputs that were made for it",
            _kind_of_input(str(error)) or "call it by itself in Python to see where it fails",
        ) from error
    told.proven(
        "shape-mismatch",
        evidence,
        advice or "print the shapes before this line",
        where,
        layer=failed.name if failed else "",
        given=[list(shape) for shape in failed.given] if failed else [],
    )


def _kind_of_input(said: str) -> str:
    """What to type where numbers of another kind are needed, or other inputs."""
    if "indices" in said and ("Long" in said or "Int" in said):
        return "make the input tokens: --input 16 --tokens 100"
    if "dtype" in said or "scalar type" in said or "data type" in said:
        return "leave --tokens out for numbers, give it for tokens; or x.float() in forward"
    if "positional argument" in said or "unexpected keyword" in said:
        return "one --input for each argument of forward, by name as in --input mask=16:2"
    return ""


def before(found: Walk) -> tuple[int, ...]:
    """The last answer with more than one axis an example."""
    shapes = [call.answer for call in found.calls if call.answer and len(call.answer) > 2]
    return shapes[-1] if shapes else ()


def _is_about_sizes(error: Exception) -> bool:
    words = ("shape", "size", "dimension", "channel", "broadcast", "index out of range")
    return isinstance(error, RuntimeError | ValueError | IndexError) and any(
        word in str(error).lower() for word in words
    )


def _said(call: Call, part: nn.Module) -> str:
    name = type(part).__name__
    size = "" if any(True for _ in part.children()) else part.extra_repr()
    return f"layer {call.name}, {name}({size})" if call.name else f"the forward of {name} itself"


def _shapes(call: Call) -> str:
    return " and ".join(map(str, call.given)) or "no tensor"


def _tell_fixed(asked: Asked, told: Told, error: Exception, fixed: int) -> None:
    told.proven(
        "shape-mismatch",
        [
            f"A batch of {fixed} goes through, one of {asked.examples} does not: "
            f"{first_line(error)}."
        ],
        f"write x.size(0) in the place of {fixed}, or x.flatten(1)",
        users_line_of(error),
        batch_size=fixed,
    )


def try_sizes(asked: Asked, told: Told, is_users_batch: bool) -> None:
    """Batches of 2, 3 and 1 examples go through, and give as many answers.

    Of a script's own batch it is only suspected, as another size may never come.
    """
    tell = told.suspected if is_users_batch else told.proven
    for size in SIZES:
        other = asked.with_examples(size)
        found, error = walk_until(other.network, other.given, other.named, size)
        if error is not None:
            if size == 1:
                told.remarks.append(f"A single example does not go through: {first_line(error)}.")
                continue
            tell(
                "shape-mismatch",
                [
                    f"A batch of {asked.examples} goes through, one of {size} does not: "
                    f"{first_line(error)}."
                ],
                mend(asked.network, (), (), str(error), size)
                or "write x.size(0) where the size of the batch is written out",
                users_line_of(error),
                batch_size=size,
            )
            return
        if not _keeps_examples(other, told, found, size):
            return


def _keeps_examples(asked: Asked, told: Told, found: Walk, size: int) -> bool:
    shape = tuple(asked.answer().shape)
    if len(shape) > asked.axis and shape[asked.axis] == size:
        return True
    if size == 1:
        told.remarks.append(
            f"With a single example the answer is {shape}: a squeeze() takes the batch away too; "
            "name its axis, as in squeeze(1)."
        )
        return True
    lost = [call for call in found.calls if call.given and _lost(call.given[0], asked)]
    first = f"the first layer that no longer gets {size} is {lost[0].name}, with {_shapes(lost[0])}"
    told.suspected(
        "shape-mismatch",
        [f"{size} examples give an answer {shape}" + (f"; {first}." if lost else ".")],
        "keep the examples apart: x.flatten(1) in the place of a reshape that begins with -1",
        answer=list(shape),
    )
    return False


def _lost(shape: tuple[int, ...], asked: Asked) -> bool:
    return len(shape) <= asked.axis or shape[asked.axis] != asked.examples
