"""A transformer's attention with its rows and columns named, and what each head is good for."""

from __future__ import annotations

from torch import Tensor

from pellucid.base.records import Record
from pellucid.inside.heads import listening_to_heads
from pellucid.inside.subject import Reading, Subject

PICTURES = 4
EXAMPLES = 256
PLACES = 64
"""Places of which the weights are kept."""


def measure(subject: Subject) -> Reading:
    """`weights.<attention>` (picture, head, query, key); the effect of each head in the facts."""
    heard = _heard(subject, subject.shown[:PICTURES])
    if not heard:
        reason = "No attention was heard: the network has none, or computes it in a way of its own."
        return Reading({"attentions": [], **_told(0.0, [reason])})
    tensors = {
        f"weights.{number}": weights[:, :, :PLACES, :PLACES].float().contiguous()
        for number, weights in enumerate(heard)
    }
    error = max(float((weights.sum(dim=-1) - 1).abs().max()) for weights in heard)
    before = _judged(subject, frozenset())
    attentions: list[Record] = []
    for number, weights in enumerate(heard):
        heads = []
        for head in range(weights.shape[1]):
            after = _judged(subject, frozenset({(number, head)}))
            heads.append({"head": head, **_change(before, after), **_looks(weights[:, head])})
        queries, keys = weights.shape[2:]
        attentions.append(
            {
                "number": number,
                "heads": heads,
                "queries": _places(subject, queries),
                "keys": _places(subject, keys),
            }
        )
    tensors["stored"] = subject.stored[:PICTURES]
    facts = {"attentions": attentions, "own": before, "pictures": subject.pictures[:PICTURES]}
    return Reading({**facts, **_told(error, [])}, tensors)


def _heard(subject: Subject, inputs: Tensor) -> list[Tensor]:
    """The weights of each attention in turn, (example, head, query, key)."""
    with listening_to_heads() as mode:
        subject.network(inputs)
    return mode.weights


def _judged(subject: Subject, silent: frozenset[tuple[int, int]]) -> Record:
    """The mean loss and the share of right answers on many examples, with some heads silent."""
    many = subject.many
    inputs, targets = many.inputs[:EXAMPLES], many.targets[:EXAMPLES]
    with listening_to_heads(silent):
        output = subject.network(inputs)
    loss = float(subject.loss(output, targets)) if subject.loss is not None else None
    right = None
    if subject.classes and isinstance(output, Tensor) and output.ndim == targets.ndim + 1:
        counted = targets >= 0
        hits = (output.argmax(dim=-1) == targets)[counted]
        right = float(hits.double().mean()) if hits.numel() else None
    return {"loss": loss, "right": right}


def _change(before: Record, after: Record) -> Record:
    """What silencing the head does to the loss and to the share of right answers."""
    return {
        name: None if before[key] is None else after[key] - before[key]
        for name, key in (("loss", "loss"), ("right", "right"))
    }


def _looks(weights: Tensor) -> Record:
    """How wide a head looks: the mean entropy of its rows in bits, (picture, query, key)."""
    rows = weights.double().clamp(min=1e-30)
    return {"bits": float(-(rows * rows.log2()).sum(dim=-1).mean())}


def _places(subject: Subject, count: int) -> list[str]:
    """What each place stands for: symbols, or patches by row and column."""
    first = subject.shown[0]
    if not subject.is_pictures:
        if not first.is_floating_point() and len(first) == count:
            known = subject.classes
            return [known[int(one)] if int(one) < len(known) else str(int(one)) for one in first]
        return [f"place {place}" for place in range(count)]
    for extra, name in ((0, ""), (1, "the whole")):
        across = _columns(count - extra, subject.shape[1] / subject.shape[2])
        if across:
            rows = [f"row {at // across}, column {at % across}" for at in range(count - extra)]
            return ([name] if extra else []) + rows
    return [f"place {place}" for place in range(count)]


def _columns(count: int, ratio: float) -> int:
    """Columns of a grid of `count` patches with rows/columns near `ratio`; 0 if none fits."""
    for columns in range(1, count + 1):
        if count % columns == 0 and abs(count / columns / columns - ratio) < 0.34 * ratio:
            return columns
    return 0


def _told(error: float, skipped: list[str]) -> Record:
    return {
        "error": error,
        "limits": [
            f"The effect of a head is measured on at most {EXAMPLES} examples by setting its "
            "answer to zero; heads that stand in for each other show little effect alone.",
            "Where attention looks is not why the network answers: its effect is the better "
            "measure. The error is by how much a row of weights misses a sum of 1.",
            f"At most {PLACES} places and {PICTURES} examples are kept.",
        ],
        "skipped": skipped,
    }
