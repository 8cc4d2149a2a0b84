"""What happened in a training, as plain facts: no tensor is kept here."""

from __future__ import annotations

from dataclasses import dataclass, field

from pellucid.watch.lines import Line


@dataclass
class Model:
    """A network that was called as a whole."""

    name: str
    dropouts: int
    """Dropout layers with a share above 0."""
    share: float
    """The largest share that they drop."""
    norms: int
    """Batch norms that keep running statistics."""
    parameters: int
    trainable: int = 0
    """Parameters that asked for gradients when it was first called."""
    ends_in: tuple[str, ...] = ()
    """The autograd nodes behind its first answer that was learnt from, the last first."""
    answers: tuple[int, ...] = ()
    """That answer's shape."""
    answers_alike: bool = False
    """Whether all its numbers are the same."""
    learnt_from: int = 0
    """Different examples that it has learnt from."""


@dataclass(slots=True)
class Pass:
    """One call of a whole network."""

    model: int
    step: int
    """Optimiser steps before it."""
    training: bool
    """The network's own mode."""
    dropping: int
    """Dropout layers that were dropping."""
    norming: int
    """Batch norms that used the batch's own statistics, and changed the kept ones."""
    with_graph: bool
    """Whether gradients were being recorded."""
    examples: int
    line: Line | None
    known: int = 0
    """Examples that this network had learnt from before."""
    repeated: int = 0
    """Examples that stood in this batch more than once."""
    loader: int | None = None
    """The loader that the batch came from, if it came from one."""
    as_loaded: bool = False
    """Whether the network got the very tensor that the loader gave."""

    @property
    def seen_in_training(self) -> bool:
        """Whether all its examples were in earlier passes that were learnt from."""
        return 0 < self.examples <= self.known


@dataclass
class Loader:
    """A `DataLoader` that was gone through."""

    base: int
    """Loaders with the same number read the same data set."""
    indices: frozenset[int]
    """The examples of it that they may read."""
    batch: int
    in_order: bool
    """Whether the examples come in the order of the data set."""
    workers: int
    line: Line | None
    same_chance: tuple[str, ...] = ()
    """Generators that all workers begin with in the same state, and draw from."""


@dataclass
class Meeting:
    """A call in which an answer, or what was made of it, met a tensor of another origin."""

    call: str
    step: int
    shape: tuple[int, ...]
    other: tuple[int, ...]
    result: tuple[int, ...]
    in_training: bool
    line: Line | None


@dataclass
class Score:
    """Answers of one evaluation that were compared with `==`: how many were equal."""

    model: int
    step: int
    line: Line | None
    batches: list[tuple[int, int, int]] = field(default_factory=list)
    """Of each comparison: the number of its pass, how many were equal, of how many."""

    @property
    def right(self) -> int:
        return sum(right for _, right, _ in self.batches)

    @property
    def count(self) -> int:
        return sum(count for _, _, count in self.batches)


@dataclass
class Printed:
    """A text with figures that the script printed or logged."""

    text: str
    step: int
    passes: int
    """Passes before it."""
    line: Line | None


@dataclass
class Choice:
    """A call that picks the largest along an axis of an answer."""

    axis: int
    shape: tuple[int, ...]
    step: int
    line: Line | None


@dataclass(slots=True)
class LossCall:
    """One call of a loss function of PyTorch's."""

    name: str
    step: int
    shape: tuple[int, ...]
    target_shape: tuple[int, ...]
    made_by: tuple[str, ...]
    """The autograd nodes behind the prediction, the last first, reshapes left out."""
    line: Line | None
    model: int | None
    """The network whose answer the prediction is, if it is one's."""
    with_graph: bool
    low: float | None = None
    """The smallest prediction; values are looked at in the first calls, then now and then."""
    high: float | None = None
    target_low: float | None = None
    target_high: float | None = None
    shares: bool = False
    """Whether every row of the prediction is at least 0 and adds up to 1."""
    most_at_once: float = 0.0
    """The largest sum of the targets of one example, where they have the answer's shape."""
    log_shares: bool = False
    """Whether the exponentials of every row add up to 1."""
    value: float | None = None


@dataclass(slots=True)
class Backward:
    """One backward pass."""

    step: int
    line: Line | None
    loss: float
    outside: tuple[str, ...] = ()
    """Parameters that this loss depends on and no optimiser holds; looked at now and then."""


@dataclass(slots=True)
class Step:
    """One step of an optimiser."""

    number: int
    optimiser: str
    line: Line | None
    rates: tuple[float, ...]
    parameters: int
    with_gradient: int
    """Parameters that had a gradient other than 0."""
    without: tuple[str, ...] = ()
    """Parameters without any gradient whose module took part in the pass before."""
    reused: int = 0
    """Parameters whose gradient still held one that an earlier step had used."""


@dataclass
class Repeated:
    """The same batch put to a copy of the network again."""

    model: int
    examples: int
    differed: int
    """Answers that differed between two passes in the mode that was found."""
    against_eval: int
    """Answers that differed between that mode and eval mode."""
    training: bool = True
    """The mode that was found."""
    dropped_by_default: Line | None = None
    """Where in eval mode a dropout function dropped, because nobody had told it the mode."""


@dataclass
class NotFinite:
    """Where the first number that is no number, or infinite, was seen."""

    step: int
    where: str
    what: str
    line: Line | None


@dataclass
class Crash:
    """An exception that ended the script."""

    kind: str
    text: str
    line: Line | None
    walk: list[tuple[str, str, str]] = field(default_factory=list)
    """Modules of the pass that failed, in their order: path, kind and size, what it got."""
    mend: str = ""
    networks: list[tuple[str, int, int]] = field(default_factory=list)
    """Networks that the script held then: kind, parameters, and how many ask for gradients."""


@dataclass
class Trace:
    """A whole training."""

    models: list[Model] = field(default_factory=list)
    passes: list[Pass] = field(default_factory=list)
    losses: list[LossCall] = field(default_factory=list)
    loaders: list[Loader] = field(default_factory=list)
    meetings: list[Meeting] = field(default_factory=list)
    choices: list[Choice] = field(default_factory=list)
    scores: list[Score] = field(default_factory=list)
    """Evaluations in their order; batches of one evaluation are added up."""
    printed: list[Printed] = field(default_factory=list)
    moved_by_hand: bool = False
    """Whether parameters changed between two backward passes without an optimiser's step."""
    waiting: dict[int, str] = field(default_factory=dict)
    """By identity, parameters that losses depend on, and whose optimiser has made no step yet."""
    backwards: list[Backward] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    optimisers: list[str] = field(default_factory=list)
    repeated: list[Repeated] = field(default_factory=list)
    not_finite: NotFinite | None = None
    crash: Crash | None = None
    stumbled: str = ""
    """Where watching ended before the training did, because of a mistake of our own."""
