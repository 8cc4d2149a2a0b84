"""Training and evaluation data were prepared differently."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from pellucid.doctor.answered import ask_of
from pellucid.doctor.bench import Bench
from pellucid.doctor.cases import EVALUATE, script
from pellucid.doctor.diagnosis import DATA, Diagnosis
from pellucid.doctor.examples import Sides, Table, newest, own, sides_of, symbols_in
from pellucid.doctor.finding import CONFIRMED, SUGGESTION, Finding
from pellucid.watch.captured import Captured
from pellucid.watch.lines import Line
from pellucid.watch.trace import Trace


class TrainTestPreprocessingDiffers(Diagnosis):
    """Training and evaluation data were prepared differently."""

    GROUP = DATA
    ONE_NETWORK = True
    HURTS_LEARNING = False
    EXPLAINS = ("overfitting", "bad-split", "batchnorm-statistics", "within-noise")
    ROWS = 50
    FACTOR, NEAR = 255.0, 0.05
    """Pixels of 0 to 255 beside those of 0 to 1, as far as two samples of pictures differ."""
    CENTRED, SPREAD = 0.15, 0.15
    """How far a standardised feature's mean lies from 0 and its deviation from 1, in a sample."""
    APART, NARROWER = 0.5, 0.5
    """Distance of the means in standard deviations, and ratio of these, that call for a trial."""
    POINTS = 0.1
    """By how much the same preparation raises the share of right answers."""
    MOVED = 0.2
    """Symbols of evaluation that would have to be others to come as often as in training."""
    TIMES = 5.0
    """The same as a multiple of that between two halves of training."""
    WORSE = 0.2
    """How far it lies below training's where pictures are turned, as a trial."""
    SICK = script(evaluate=EVALUATE.replace("inputs[k : k + 16]", "inputs[k : k + 16] / 255"))
    HEALTHY = script()

    def look(self, trace: Trace, captured: Captured) -> Finding | None:
        sides = sides_of(captured, self.ROWS)
        if sides is None:
            return None
        a, b = sides.training.flat, sides.evaluation.flat
        ratio = float(b.pow(2).mean().sqrt() / (a.pow(2).mean().sqrt() + 1e-300))
        for factor in (self.FACTOR, 1 / self.FACTOR):
            if abs(ratio / factor - 1) <= self.NEAR:
                return self._scaled(sides, ratio)
        for one, other, name in ((sides.training, sides.evaluation, "training"),
                                 (sides.evaluation, sides.training, "evaluation")):  # fmt: skip
            if self._is_standardised(one) and self._is_raw(other):
                return self._standardised(sides, name)
        return None

    def _scaled(self, sides: Sides, ratio: float) -> Finding:
        words = f"{ratio:.4g} times as large" if ratio > 1 else f"{1 / ratio:.4g} times smaller"
        return self.proven(
            sides.line,
            [f"The evaluation's inputs are {words} than the training's, which is the factor 255 "
             f"between bytes and shares: {_range(sides.evaluation)} against "
             f"{_range(sides.training)}."],
            "prepare both with the same code", ratio=ratio,
        )  # fmt: skip

    def _standardised(self, sides: Sides, name: str) -> Finding:
        return self.proven(
            sides.line,
            [f"Only the {name} inputs are standardised, every feature to mean 0 and deviation 1: "
             f"the evaluation's go {_range(sides.evaluation)}, the training's "
             f"{_range(sides.training)}."],
            "prepare both with the same code, with the training data's mean and deviation",
            standardised=name,
        )  # fmt: skip

    def _is_standardised(self, table: Table) -> bool:
        mean, deviation = _by_feature(table.inputs)
        varying = deviation > 1e-6
        good = (mean.abs() < self.CENTRED) & ((deviation - 1).abs() < self.SPREAD)
        return bool(varying.any()) and float(good[varying].double().mean()) > 0.9

    def _is_raw(self, table: Table) -> bool:
        """Whether most features lie far from mean 0 and deviation 1, and none below 0."""
        mean, deviation = _by_feature(table.inputs)
        far = (mean.abs() > 1) | (deviation > 2) | (deviation < 0.5)
        return float(table.inputs.min()) >= 0 and float(far.double().mean()) > 0.5

    def probe(self, trace: Trace, bench: Bench) -> Finding | None:
        return self._of_symbols(bench) or self._of_numbers(bench)

    def _of_symbols(self, bench: Bench) -> Finding | None:
        """Symbols that come far more often on one side: others are meant by the same numbers."""
        last = [e for e in newest(own(bench.captured)) if e.facts and not e.facts.known]
        known, asked = symbols_in(bench.captured.batches()), symbols_in(last)
        targets = [entry.target.cpu() for entry in last if entry.target is not None]
        if not known or not asked or sum(map(len, targets)) < self.ROWS or len(targets) < len(last):
            return None
        most = max(int(x.max()) for x in (*known, *asked)) + 1
        ours, theirs = (_counts(side, most) for side in (known, asked))
        moved = _moved(ours, theirs)
        halves = [_counts(known[k::2], most) for k in (0, 1)]
        if moved < max(self.MOVED, self.TIMES * _moved(*halves)):
            return None
        meant = torch.empty(most, dtype=torch.long)
        order = [x.argsort(descending=True, stable=True) for x in (ours, theirs)]
        meant[order[1]] = order[0]
        network, renamed = bench.final().eval(), [meant[x] for x in asked]
        before, after = (_goodness_of(network, given, targets) for given in (asked, renamed))
        if before is None or after is None:
            return None
        told = (
            f"{100 * moved:.3g} % of the {int(theirs.sum()):,} symbols in evaluation would have to "
            f"be others to come as often as in training; of half of training's "
            f"{100 * _moved(*halves):.2g} % to come as often as in the other half."
        )
        facts = last[-1].facts
        return self._told(bench, facts.line if facts else None, told, before, after)

    def _told(
        self, bench: Bench, line: Line | None, told: str, before: Tensor, after: Tensor
    ) -> Finding | None:
        mend = "number the symbols of both sides by one and the same vocabulary"
        gain, was = after - before, float(before.mean())
        if float(gain.mean()) > max(self.POINTS, 4 * float(gain.std()) / math.sqrt(len(gain))):
            tried = (
                f"The trained network on the same {len(gain):,} evaluation inputs with each symbol "
                "exchanged for the one that comes as often in training: "
                f"{100 * float(after.mean()):.3g} % instead of {100 * was:.3g} % (right answers, "
                "or squares explained)."
            )
            return Finding(
                self.name(), CONFIRMED, line, (told, tried), mend,
                {"before": was, "after": float(after.mean())},
                self.EXPLAINS, effect=1 - float(gain.mean()),
            )  # fmt: skip
        right = bench.standing().right
        if right is None or right - was < self.WORSE:
            return None
        beside = (
            f"The trained network is right in {100 * right:.3g} % of training's examples and in "
            f"{100 * was:.3g} % of evaluation's."
        )
        return self.proven(line, [told, beside], mend, SUGGESTION, before=was)

    def _of_numbers(self, bench: Bench) -> Finding | None:
        sides = sides_of(bench.captured, self.ROWS)
        if sides is None or sides.evaluation.targets is None:
            return None
        network, rows = bench.final().eval(), sides.evaluation
        before = _goodness(network, rows.inputs, rows.targets)
        if before is None:
            return None
        cures = _cures(sides) if self._is_odd(sides) else []
        if self._does_worse(bench, sides, before):
            cures += turns(rows.inputs)
        found: list[tuple[float, str]] = []
        for words, change in cures:
            assert rows.targets is not None
            alike = rows.targets.shape == rows.inputs.shape  # pictures to be drawn again
            targets = change(rows.targets) if alike else rows.targets
            after = _goodness(network, change(rows.inputs), targets)
            if after is None:
                continue
            gain = after - before
            noise = 4 * float(gain.std()) / math.sqrt(len(gain))
            if float(gain.mean()) > max(self.POINTS, noise):
                found.append((float(after.mean()), words))
        if not found:
            return None
        best, words = max(found, key=lambda entry: entry[0])
        return self._confirmed_by(sides, words, float(before.mean()), best)

    def _does_worse(self, bench: Bench, sides: Sides, before: Tensor) -> bool:
        """Whether the network is much better at training's examples."""
        reached, rows = bench.standing().right, sides.training
        if rows.targets is not None:
            found = _goodness(bench.final().eval(), rows.inputs, rows.targets)
            reached = reached if found is None else float(found.mean())
        return reached is not None and reached - float(before.mean()) > self.WORSE

    def _is_odd(self, sides: Sides) -> bool:
        """Whether the whole, or one of its features, lies elsewhere or is more or less spread."""
        a, b = sides.training.flat, sides.evaluation.flat
        if self._lies_elsewhere(a.mean(), a.std(), b.mean(), b.std()):
            return True
        training, evaluation = map(_by_feature, (sides.training.inputs, sides.evaluation.inputs))
        return self._lies_elsewhere(*training, *evaluation)

    def _lies_elsewhere(self, mean: Tensor, spread: Tensor, own: Tensor, ours: Tensor) -> bool:
        apart = (own - mean).abs() > self.APART * (spread + 1e-12)
        ratio = (ours + 1e-12) / (spread + 1e-12)
        other = (ratio < self.NARROWER) | (ratio > 1 / self.NARROWER)
        return bool((apart | other).any())

    def _confirmed_by(self, sides: Sides, words: str, before: float, after: float) -> Finding:
        ranges = (
            f"The evaluation's inputs go {_range(sides.evaluation)}, the training's "
            f"{_range(sides.training)}."
        )
        evidence = (
            *([ranges] if self._is_odd(sides) else []),
            f"The trained network on the same {len(sides.evaluation.inputs):,} evaluation inputs "
            f"{words}: {100 * after:.3g} % instead of {100 * before:.3g} % (right answers, or "
            "squares explained).",
        )
        return Finding(
            self.name(), CONFIRMED, sides.line, evidence,
            "prepare both with the same code; or the evaluation's data come from elsewhere",
            {"before": before, "after": after}, self.EXPLAINS, effect=1 - (after - before),
        )  # fmt: skip


def _counts(sequences: list[Tensor], most: int) -> Tensor:
    """How often each symbol comes."""
    return torch.bincount(torch.cat([x.flatten() for x in sequences]), minlength=most).double()


def _moved(ours: Tensor, theirs: Tensor) -> float:
    """The share of symbols that would have to be others for both to come as often."""
    return 0.5 * float((ours / ours.sum() - theirs / theirs.sum()).abs().sum())


def _goodness_of(network: nn.Module, inputs: list[Tensor], targets: list[Tensor]) -> Tensor | None:
    found = [_goodness(network, x, y) for x, y in zip(inputs, targets, strict=True)]
    known = [part for part in found if part is not None]
    return torch.cat(known) if len(known) == len(found) else None


def _by_feature(inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each channel of pictures, or of each column."""
    axis = 1 if inputs.ndim > 3 else -1
    flat = inputs.double().movedim(axis, -1).flatten(0, -2)
    return flat.mean(0), flat.std(0)


def _range(table: Table) -> str:
    x = table.flat
    return (
        f"from {float(x.min()):.4g} to {float(x.max()):.4g} (mean {float(x.mean()):.4g}, deviation "
        f"{float(x.std()):.4g})"
    )


def _cures(sides: Sides) -> list[tuple[str, Callable[[Tensor], Tensor]]]:
    """Ways to bring the evaluation's inputs to the training's scale."""
    a, b = sides.training.inputs, sides.evaluation.inputs
    axis = 1 if a.ndim > 3 else -1
    mean, deviation = _by_feature(a)
    own_mean, own_deviation = _by_feature(b)

    def each(x: Tensor) -> Tensor:
        scaled = (x.movedim(axis, -1) - own_mean) / own_deviation.clamp_min(1e-12)
        return (scaled * deviation + mean).movedim(-1, axis).to(x)

    def whole(x: Tensor) -> Tensor:
        return ((x - b.mean()) / b.std() * a.std() + a.mean()).to(x)

    def turned(x: Tensor) -> Tensor:
        return whole(b.max() + b.min() - x + 2 * (b.mean() - (b.max() + b.min()) / 2))

    to = "brought to the training's mean and deviation"
    return [(to, whole), (f"{to}, feature by feature", each), (f"inverted and {to}", turned)]


def turns(inputs: Tensor) -> list[tuple[str, Callable[[Tensor], Tensor]]]:
    """Ways to turn square pictures, flat ones too, or the other channels first."""
    side = math.isqrt(inputs[0].numel()) if inputs.ndim == 2 else inputs.shape[-1]
    square = inputs.ndim == 4 and inputs.shape[2] == side
    if not square and not (inputs.ndim == 2 and side**2 == inputs.shape[1] and side > 3):
        return []

    def on_pictures(turn: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        return lambda x: turn(x.reshape(len(x), -1, side, side)).reshape(x.shape)

    found = [
        (f"turned by {90 * k}°", on_pictures(partial(torch.rot90, k=k, dims=(2, 3))))
        for k in (1, 2, 3)
    ]
    found += [
        ("with rows and columns exchanged", on_pictures(lambda x: x.transpose(2, 3))),
        ("mirrored left to right", on_pictures(lambda x: x.flip(3))),
        ("mirrored top to bottom", on_pictures(lambda x: x.flip(2))),
    ]
    if inputs.ndim == 4 and inputs.shape[1] == 3:
        found.append(("with the channels in the other order", lambda x: x.flip(1)))
    return found


def _goodness(network: nn.Module, inputs: Tensor, targets: Tensor | None) -> Tensor | None:
    """By example, 1 or 0 for right or wrong classes; for numbers, 1 minus the square of the error
    as a share of the targets' variance, at least -1."""
    assert targets is not None
    answer = ask_of(network, inputs)
    if answer is None or not answer.ndim or len(answer) != len(targets):
        return None
    answer = answer.cpu()
    if answer.ndim == 2 and answer.shape[1] > 1 and targets.ndim == 1:
        return (answer.argmax(1) == targets).double()
    if answer.shape == targets.shape and answer.numel() > len(answer):
        off = (answer - targets).double().flatten(1).pow(2).sum(1)
        spread = (targets - targets.mean(0)).double().flatten(1).pow(2).sum(1).mean()
        return (1 - off / (spread + 1e-300)).clamp_min(-1)
    if answer.numel() != len(targets) or targets.numel() != len(targets):
        return None
    answer, goal = answer.flatten().double(), targets.flatten().double()
    if bool(((goal == 0) | (goal == 1)).all()):
        bound = 0.5 if float(answer.min()) >= 0 and float(answer.max()) <= 1 else 0.0
        return ((answer > bound).double() == goal).double()
    return (1 - (answer - goal).pow(2) / (goal.var() + 1e-300)).clamp_min(-1)


DIAGNOSIS = TrainTestPreprocessingDiffers
