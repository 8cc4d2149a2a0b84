"""From a number along its largest terms down to where its arithmetic began."""

from __future__ import annotations

import numpy as np

from pellucid.explain.explained import Explained, NotCovered
from pellucid.explain.recorded import MOVE, Number
from pellucid.scratch.explanation import Explanation, Place, Terms

LONGEST = 400
"""Steps after which the way is cut off: a deep network has some hundred layers."""


def way_down(number: Number) -> list[Explained | NotCovered]:
    """The number written out, then what its largest term is made of, and so on.

    Each time the way goes on with the source that was computed itself, not with a weight. It ends
    at an input, which is the last entry, or where a call is not covered. Numbers that were only
    moved are passed over.
    """
    steps: list[Explained | NotCovered] = []
    seen: set[str] = set()
    while number.name not in seen and len(steps) < LONGEST:
        seen.add(number.name)
        found = number.explain()
        if isinstance(found, NotCovered):
            steps.append(found)
            break
        if found.op != MOVE:
            steps.append(found)
        following = next_source(number, found)
        if following is None:
            break
        number = following
    return steps


def next_source(number: Number, found: Explanation) -> Number | None:
    """Where the largest term that has a source came from; a computed number before a weight."""
    sizes = found.terms.values if isinstance(found.terms, Terms) else [t.value for t in found.terms]
    for place in np.argsort(-np.abs(np.asarray(sizes)), kind="stable")[:20]:
        sources = found.terms[int(place)].source
        if sources:
            return number.recorded.ask(str(_computed(number, sources)))
    return None


def _computed(number: Number, sources: tuple[Place, ...]) -> Place:
    weights = number.recorded.recording.weights
    return next((source for source in sources if source.input not in weights), sources[0])
