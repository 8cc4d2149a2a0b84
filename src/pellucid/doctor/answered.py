"""What the trained network answers to examples whose class is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from pellucid.doctor.bench import Bench
from pellucid.doctor.examples import Table, labels_of, newest, own
from pellucid.watch.lines import Line
from pellucid.watch.recorder import tensors_in

Pairs = list[tuple[Tensor | None, Tensor]]
"""Answers and targets, a batch each."""
ENOUGH = 50
"""Examples of an evaluation that say something."""


@dataclass(frozen=True)
class Answered:
    """One entry an example."""

    scores: Tensor
    """Examples × classes: logarithms of the shares that the network gives, up to a constant."""
    labels: Tensor
    line: Line | None = None

    @property
    def guesses(self) -> Tensor:
        return self.scores.argmax(1)

    @property
    def classes(self) -> int:
        return self.scores.shape[1]

    @property
    def right(self) -> Tensor:
        return self.guesses == self.labels

    @property
    def losses(self) -> Tensor:
        """Cross entropy of each."""
        return -self.scores.log_softmax(1).gather(1, self.labels.long()[:, None])[:, 0]

    def wrong(self, bar: float) -> Tensor:
        return ~self.right

    def balanced(self) -> float:
        """The mean over the classes of the share of their examples that is right."""
        return balanced(self.guesses, self.labels)


@dataclass(frozen=True)
class Foretold:
    """The same for one number an example."""

    answers: Tensor
    targets: Tensor
    line: Line | None = None

    @property
    def losses(self) -> Tensor:
        """Squares of the errors."""
        return (self.answers - self.targets).pow(2)

    def wrong(self, bar: float) -> Tensor:
        """Those whose square of the error is above the bar."""
        return self.losses > bar


def balanced(guesses: Tensor, labels: Tensor) -> float:
    """The mean over the classes of the share of their examples that is right."""
    right = (guesses == labels).double()
    return float(torch.stack([right[labels == c].mean() for c in torch.unique(labels)]).mean())


def by_chance(gained: int, lost: int) -> float:
    """McNemar's exact test: how probable it is that gains outnumber losses so far by chance."""
    from scipy.stats import binomtest  # type: ignore[import-untyped]

    return float(binomtest(gained, gained + lost, alternative="greater").pvalue) if gained else 1.0


def answered(network: nn.Module, inputs: Tensor, labels: Tensor) -> Answered | None:
    """The answers of a network as it stands; None if they are no scores of classes."""
    answer = ask_of(network, inputs)
    scores = None if answer is None or len(answer) != len(labels) else _scores(answer)
    return None if scores is None or not _fit(scores, labels) else Answered(scores, labels)


def foretold(network: nn.Module, inputs: Tensor, targets: Tensor) -> Foretold | None:
    """The same for numbers; None if there is not one finite number an example."""
    answer = ask_of(network, inputs)
    return None if answer is None else _numbers(answer, targets)


def in_evaluation(bench: Bench, network: nn.Module | None = None) -> Answered | None:
    """What the trained network, or another, answers in eval mode to the newest batches of
    evaluation."""
    return _as_classes(*_newest(bench, network))


def evaluated(bench: Bench, network: nn.Module | None = None) -> Answered | Foretold | None:
    """The same, of classes or else of one number an example."""
    pairs, line = _newest(bench, network)
    return _as_classes(pairs, line) or _as_numbers(pairs, line)


def ask(network: nn.Module, *given: Any, **named: Any) -> Tensor | None:
    """The first tensor that a network answers, without a gradient and with chance put back."""
    with torch.no_grad(), torch.random.fork_rng():
        return next(tensors_in(network(*given, **named)), None)


def ask_of(network: nn.Module, inputs: Tensor) -> Tensor | None:
    """The same of inputs that are brought to where the network is."""
    like = next(network.parameters(), inputs)
    return ask(
        network, inputs.to(like) if inputs.dtype.is_floating_point else inputs.to(like.device)
    )


def explained(answers: Tensor, targets: Tensor) -> float:
    """1 minus the squared error as a share of the targets' variance."""
    off, spread = (answers - targets).double(), (targets - targets.mean(0)).double()
    return 1 - float(off.pow(2).sum() / (spread.pow(2).sum() + 1e-300))


def explained_of(network: nn.Module, table: Table) -> float | None:
    """What a network explains of a table's targets that are numbers."""
    targets = table.targets
    if targets is None or not targets.dtype.is_floating_point or table.labels() is not None:
        return None
    answer = ask_of(network, table.inputs)
    if answer is None or answer.numel() != targets.numel():
        return None
    if bool(((targets == 0) | (targets == 1)).all()) and float(answer.min()) < 0:
        answer = answer.sigmoid()  # scores of a yes at each place
    return explained(answer.cpu().reshape(targets.shape), targets)


def _newest(bench: Bench, network: nn.Module | None) -> tuple[Pairs, Line | None]:
    """Answers and targets of the newest evaluation's batches, and where it stands."""
    kept = bench.captured
    if bench.subject.is_together:
        return [], None  # an evaluation asks one of several networks, or each by itself
    entries = newest(entry for entry in own(kept) if entry.target is not None)
    network = (network or bench.final()).eval()
    pairs = [(ask(network, *e.given, **e.named), e.target) for e in entries if e.target is not None]
    facts = entries[-1].facts if entries else None
    return pairs, facts.line if facts else None


def _as_classes(pairs: Pairs, line: Line | None) -> Answered | None:
    scores, labels = [], []
    for answer, target in pairs:
        expected, score = labels_of(target), None if answer is None else _scores(answer)
        if expected is None or score is None or len(score) != len(expected):
            return None
        scores.append(score)
        labels.append(expected.cpu())
    if sum(map(len, labels)) < ENOUGH or len({score.shape[1] for score in scores}) != 1:
        return None
    whole = Answered(torch.cat(scores), torch.cat(labels), line)
    return whole if _fit(whole.scores, whole.labels) else None


def _as_numbers(pairs: Pairs, line: Line | None) -> Foretold | None:
    found = [None if a is None else _numbers(a, target) for a, target in pairs]
    known = [part for part in found if part is not None]
    if len(known) < len(found) or sum(len(part.answers) for part in known) < ENOUGH:
        return None
    answers, targets = (torch.cat([getattr(p, of) for p in known]) for of in ("answers", "targets"))
    return Foretold(answers, targets, line)


def _numbers(answer: Tensor, targets: Tensor) -> Foretold | None:
    alike = answer.numel() == targets.numel() == len(targets) == len(answer)
    if not alike or not targets.dtype.is_floating_point:
        return None
    flat = answer.detach().cpu().double().flatten(), targets.detach().cpu().double().flatten()
    return Foretold(*flat) if all(bool(torch.isfinite(x).all()) for x in flat) else None


def _fit(scores: Tensor, labels: Tensor) -> bool:
    return bool((labels >= 0).all() and (labels < scores.shape[1]).all())


def _scores(answer: Tensor) -> Tensor | None:
    """Of classes, from scores or shares of two and more, or of yes alone."""
    found = answer.detach().cpu().double()
    if not answer.ndim or not bool(torch.isfinite(found).all()):
        return None
    shares = bool((found >= 0).all() and (found <= 1).all())
    if found.ndim == 2 and found.shape[1] > 1:
        adds_up = bool(((found.sum(1) - 1).abs() < 1e-3).all())
        return found.clamp_min(1e-12).log() if shares and adds_up else found
    if found.numel() != len(found):
        return None
    yes = found.flatten()
    yes = yes.clamp(1e-12, 1 - 1e-12).logit() if shares else yes
    return torch.stack([torch.zeros_like(yes), yes], 1)
