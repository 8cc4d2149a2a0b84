"""The examples that a training has met, as tables: different rows, and their targets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pellucid.doctor.judged import Judge
from pellucid.watch.captured import Batch, Captured, Held
from pellucid.watch.lines import Line
from pellucid.watch.recorder import tensors_in
from pellucid.watch.rows import marks

MOST = 4_000
"""Examples of a table."""
SYMBOLS, COLUMNS = 100, 2_000
"""Different symbols of sequences that become a table, and columns of it."""


@dataclass(frozen=True)
class Table:
    """Examples that differ from each other."""

    inputs: Tensor
    """Examples × anything, floating."""
    targets: Tensor | None
    """One entry an example, where all are known."""

    @property
    def flat(self) -> Tensor:
        """Examples × numbers, in double precision."""
        return self.inputs.flatten(1).double()

    def labels(self) -> Tensor | None:
        """The targets, if they are classes: integers, or 0 and 1 of a yes or no; one an example."""
        return None if self.targets is None else labels_of(self.targets)


@dataclass(frozen=True)
class Sides:
    """What a network learnt from and what it was evaluated on, both without the other's rows."""

    training: Table
    evaluation: Table
    line: Line | None


def labels_of(targets: Tensor) -> Tensor | None:
    """Targets as numbers of classes, if they are such, or 0 and 1 of a yes or no."""
    if targets.numel() != len(targets) or targets.dtype == torch.bool:
        return None
    if targets.dtype.is_floating_point:
        is_yes_or_no = bool(((targets == 0) | (targets == 1)).all())
        return targets.flatten().long() if is_yes_or_no else None
    return targets if targets.ndim == 1 and int(targets.min()) >= 0 else None


def input_of(batch: Batch | Held) -> Tensor | None:
    """What the network was given first: examples × anything."""
    first = next(iter(tensors_in((batch.given, batch.named))), None)
    return first if first is not None and first.ndim > 1 and len(first) else None


def symbols_in(batches: Iterable[Batch | Held]) -> list[Tensor]:
    """The sequences of symbols that some batches gave, a tensor each; none if some gave others."""
    given = [input_of(batch) for batch in batches]
    kept = [x.detach().cpu() for x in given if x is not None and _are_symbols(x)]
    return kept if len(kept) == len(given) else []


def learnt(captured: Captured) -> Table | None:
    """The different examples of the kept training batches."""
    fresh = [batch for batch in captured.batches() if batch.is_fresh()]
    return table(fresh, [Judge.find_target(batch) for batch in fresh])


def symbols(captured: Captured) -> Table | None:
    """The different sequences of symbols of the kept training batches, one-hot, and theirs to
    foretell; None if they are others, of several lengths, or of many symbols."""
    fresh = [batch for batch in captured.batches() if batch.is_fresh()]
    rows = [input_of(batch) for batch in fresh]
    goals = [Judge.symbols_of(batch) for batch in fresh]
    known = [
        (x.cpu(), y.cpu())
        for x, y in zip(rows, goals, strict=True)
        if x is not None and y is not None and _are_symbols(x)
    ]
    if not known or len(known) < len(fresh):
        return None
    if any(len({pair[k].shape[1] for pair in known}) > 1 for k in (0, 1)):
        return None
    inputs, targets = (torch.cat([pair[k] for pair in known]) for k in (0, 1))
    most = max(int(inputs.max()), int(targets.max())) + 1
    if int(targets.min()) < 0:  # some are left out of the loss
        return None
    if most > SYMBOLS or most * max(inputs.shape[1], targets.shape[1]) > COLUMNS:
        return None
    kept = _different(inputs)
    return Table(*(nn.functional.one_hot(x[kept].long()).flatten(1).double()
                   for x in (inputs, targets)))  # fmt: skip


def _are_symbols(x: Tensor) -> bool:
    return x.ndim == 2 and not x.dtype.is_floating_point and bool((x >= 0).all())


def held(batches: Iterable[Held]) -> Table | None:
    """The different examples of some kept evaluation batches."""
    kept = list(batches)
    return table(kept, [batch.target for batch in kept])


def own(captured: Captured) -> Iterator[Held]:
    """The kept evaluation batches of the network that is examined."""
    return (e for e in captured.held if e.facts and e.facts.model == captured.model)


def newest(batches: Iterable[Held]) -> list[Held]:
    """Those of the last evaluation after the first step."""
    kept = [entry for entry in batches if entry.step]
    return [entry for entry in kept if entry.step == kept[-1].step]


def sides_of(captured: Captured, rows: int) -> Sides | None:
    """Kept training rows, and the newest evaluation's that were not trained on; None if there are
    fewer than so many of either."""
    training = learnt(captured)
    last = newest(
        entry
        for entry in own(captured)
        if entry.facts and 2 * entry.facts.known <= entry.facts.examples
    )
    if training is None or not last:
        return None
    evaluation = held(last)
    if evaluation is None or evaluation.inputs.shape[1:] != training.inputs.shape[1:]:
        return None
    if min(len(training.inputs), len(evaluation.inputs)) < rows:
        return None
    finite = all(bool(torch.isfinite(t.inputs).all()) for t in (training, evaluation))
    assert last[-1].facts is not None
    return Sides(training, evaluation, last[-1].facts.line) if finite else None


def table(batches: Sequence[Batch | Held], targets: Sequence[Tensor | None]) -> Table | None:
    """The different floating examples of some batches; None if their shapes differ."""
    inputs = [input_of(batch) for batch in batches]
    kept = [(x.detach(), y) for x, y in zip(inputs, targets, strict=True) if x is not None]
    if not kept or len(kept) < len(batches) or len({x.shape[1:] for x, _ in kept}) != 1:
        return None
    whole = torch.cat([x for x, _ in kept]).cpu()
    if not whole.dtype.is_floating_point:
        return None
    rows = _different(whole)
    known = [y.detach().cpu() for x, y in kept if y is not None and len(y) == len(x)]
    alike = len(known) == len(kept) and len({(y.shape[1:], y.dtype) for y in known}) == 1
    return Table(whole[rows], torch.cat(known)[rows] if alike else None)


def _different(inputs: Tensor) -> Tensor:
    """The first place of each different row, at most `MOST`, in their order."""
    places: dict[float, int] = {}
    for place, mark in enumerate(marks(inputs)):
        places.setdefault(mark, place)
        if len(places) == MOST:
            break
    return torch.tensor(list(places.values()))
