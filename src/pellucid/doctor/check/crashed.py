"""A script that raised before its first step: the walk of shapes up to where it did."""

from __future__ import annotations

from pellucid.base.errors import WrongUse
from pellucid.doctor.check.asked import Asked, tensors
from pellucid.doctor.check.checking import Network
from pellucid.doctor.check.made import needs_cuda, no_cuda
from pellucid.doctor.check.script import Seen
from pellucid.doctor.check.shapes import tell_misfit
from pellucid.doctor.check.told import Told, first_line, users_line_of
from pellucid.doctor.misfit import of_words
from pellucid.nets._walk import walk_until

WORDS = ("shape", "size", "dimension", "channel", "broadcast")


def ask_crash(seen: Seen, told: Told) -> list[Network]:
    """Walk again through the network that failed; the finding goes to `told`.

    Raises `WrongUse` where the script failed for another reason than sizes.
    """
    error = seen.error
    if error is None:
        return []
    if needs_cuda(error):
        raise no_cuda("check", first_line(error)) from error
    if seen.failed is not None:
        module, given, named = seen.failed
        first = next((one for one in tensors((given, named)) if one.ndim), None)
        examples = 1 if first is None else len(first)
        asked = Asked(type(module).__name__, module, given, named, examples)
        walk, again = walk_until(module, given, named)
        if again is not None:
            tell_misfit(asked, walk, again, told, users_line_of(error))
            return [Network(asked, walk, False)]
    if seen.attempt is not None and any(word in str(error) for word in WORDS):
        name, shapes = seen.attempt
        told.proven(
            "shape-mismatch",
            [first_line(error), f"In {name}, which got {' and '.join(map(str, shapes))}."],
            of_words(str(error), None) or "print the shapes of both before this line",
            users_line_of(error),
            given=[list(shape) for shape in shapes],
        )
        return []
    raise WrongUse(
        "check",
        f"a script that raised {first_line(error)} before its first step",
        "one that comes to a step of an optimiser",
        "run it with python first; its traceback stands above",
    ) from error
