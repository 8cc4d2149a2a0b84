"""Two runs side by side: how their recipes differ, and whether their results do."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.base.errors import PellucidError, WrongUse
from pellucid.base.records import Record
from pellucid.train.checkpoint import load_tensors
from pellucid.train.folders import RunFolder
from pellucid.train.metrics import Z

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Difference:
    """How much better or worse B is than A on the same examples, with its 95 % interval."""

    metric: str
    split: str
    examples: int
    a: float
    b: float
    value: float
    """b − a, in the metric's unit."""
    low: float
    high: float
    higher_is_better: bool
    counts: dict[str, int]
    """For accuracy: `both_right`, `only_a`, `only_b`, `both_wrong`; else empty."""
    p_value: float | None
    """For accuracy: how often chance alone would set them as far apart (McNemar, mid-p)."""

    @property
    def better(self) -> str:
        """`A`, `B`, or nothing where the interval includes 0."""
        if self.low <= 0 <= self.high:
            return ""
        return "B" if (self.value > 0) == self.higher_is_better else "A"

    def as_record(self) -> Record:
        """As plain JSON values."""
        return {**asdict(self), "better": self.better}


@dataclass(frozen=True)
class Comparison:
    """Two runs: what their recipes do differently, and what came of it."""

    a: str
    b: str
    recipe: dict[str, tuple[Any, Any]]
    """What differs: name → (value of A, value of B)."""
    difference: Difference | None
    refusal: PellucidError | None
    """Why their results cannot be compared, if they cannot."""
    notes: tuple[str, ...] = ()
    """What a reader should know of the comparison besides."""

    def as_record(self) -> Record:
        """As plain JSON values."""
        return {
            "a": self.a,
            "b": self.b,
            "recipe": {name: list(pair) for name, pair in self.recipe.items()},
            "difference": self.difference.as_record() if self.difference else None,
            "error": self.refusal.as_record() if self.refusal else None,
            "notes": list(self.notes),
        }


def compare(a: RunFolder, b: RunFolder, split: str | None = None) -> Comparison:
    """Compare two runs on the test split if both were judged there, else on validation.

    The answers were written down when the runs were judged; the test set is not opened again.
    Raises `PellucidError` only for a recipe that cannot be read: what else stands in the way of
    comparing the results is the comparison's `refusal`.
    """
    recipe = a.recipe.diff(b.recipe)
    name = split or _common_split(a, b)
    try:
        difference = _difference(a, b, name)
    except PellucidError as refusal:
        return Comparison(a.name, b.name, recipe, None, refusal)
    return Comparison(a.name, b.name, recipe, difference, None, _notes(a, b, name))


def _difference(a: RunFolder, b: RunFolder, split: str) -> Difference:
    _check_same_question(a, b, split)
    for run in (a, b):
        if not run.finished:
            raise _not_judged(run)
    metric = a.result["metric"]
    if b.result["metric"] != metric:
        raise _unlike(a, b, "metrics", metric, b.result["metric"])
    first, second = _answers(a, split), _answers(b, split)
    _check_same_answers(a, b, split, first, second)
    return DIFFERENCES[metric](first, second, split)


# --------------------------------------------------------------------- may they be compared?


def _check_same_question(a: RunFolder, b: RunFolder, split: str) -> None:
    """The same task, the same classes, and the same examples of the split they were judged on."""
    here, there = a.data, b.data
    if a.recipe.task != b.recipe.task:
        raise _unlike(a, b, "tasks", a.recipe.task, b.recipe.task)
    if here["classes"] != there["classes"]:
        raise _unlike(a, b, "classes", here["classes"], there["classes"])
    marks = _fingerprint(a, split), _fingerprint(b, split)
    if "" not in marks and marks[0] == marks[1]:
        return
    for what, of in LIKENESSES:  # says best what differs, and is all there is for old runs
        if of(here) != of(there):
            raise _unlike(a, b, what, of(here), of(there))
    if "" not in marks:
        told = (f"fingerprint {mark[:12]}" for mark in marks)
        raise _unlike(a, b, f"{split} examples", *told)


LIKENESSES: tuple[tuple[str, Callable[[Record], Any]], ...] = (
    ("data", lambda data: data["card"]["name"]),
    ("pictures of shape", lambda data: data["shape"]),
    ("splits of sizes", lambda data: data["sizes"]),
    ("files with the hashes", lambda data: data["card"]["hashes"]),
    ("a train split of means", lambda data: data["mean"]),
)
"""What is alike wherever the examples are the same, but for a data set that was changed by hand."""


def _fingerprint(run: RunFolder, split: str) -> str:
    """Of the split's examples; empty for a run that was trained before they were kept."""
    mark: str = run.data.get("fingerprints", {}).get(split, "")
    return mark


def _notes(a: RunFolder, b: RunFolder, split: str) -> tuple[str, ...]:
    older = [run.name for run in (a, b) if not _fingerprint(run, split)]
    if not older:
        return ()
    lacks = "lacks" if len(older) == 1 else "lack"
    return (
        f"{' and '.join(older)} {lacks} a fingerprint of the {split} examples, as runs of older "
        "versions do. That both were judged on the same examples is concluded from the data's "
        "name, sizes, labels and means, which are equal.",
    )


def _unlike(a: RunFolder, b: RunFolder, what: str, here: object, there: object) -> WrongUse:
    return WrongUse(
        f"runs {a.name} and {b.name}",
        f"different {what}: {_short(here)} and {_short(there)}",
        "the same examples, asked in the same way",
        "compare runs of the same data and task, with the same settings of both",
    )


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _common_split(a: RunFolder, b: RunFolder) -> str:
    """`test` if both were judged on it, else `validation`."""
    judged = [(run.folder / "evaluation" / "test.safetensors").is_file() for run in (a, b)]
    return "test" if all(judged) else "validation"


def _not_judged(run: RunFolder) -> WrongUse:
    return WrongUse(
        f"run {run.name}",
        "no result yet",
        "a run that was judged",
        f"let it end, or go on with: pellucid runs resume {run.name}",
    )


def _answers(run: RunFolder, split: str) -> Arrays:
    path = run.folder / "evaluation" / f"{split}.safetensors"
    if not path.is_file():
        raise WrongUse(
            f"run {run.name}",
            f"no answers on the {split} split",
            "a run that was judged on it",
            "compare on validation: --on validation"
            if split == "test"
            else "train the run again: it was judged by an older version",
        )
    tensors, _ = load_tensors(path)
    return {name: tensor.numpy() for name, tensor in tensors.items()}


def _check_same_answers(
    a: RunFolder, b: RunFolder, split: str, first: Arrays, second: Arrays
) -> None:
    """The same labels in the same order, and where pictures were damaged, damaged alike."""
    for name, what in (("labels", "labels"), ("given_squared_error", "damage to the pictures")):
        if name in first and not np.array_equal(first[name], second.get(name, ())):
            told = (f"{a.name}'s own", f"{b.name}'s own, in the {split} split")
            raise _unlike(a, b, what, *told)


# ------------------------------------------------------------------------------ the differences


def accuracy_difference(a: Arrays, b: Arrays, split: str) -> Difference:
    """Difference of the shares of right answers to the same questions.

    Formula:  ẟ = (c − b) / n; interval from p = (c + 1)/(n + 2), q = (b + 1)/(n + 2):
              p − q ± z √((p + q − (p − q)²) / (n + 2)), where b are right in A alone, c in B alone
    Source:   Bonett and Price 2012, Adjusted Wald confidence interval for a difference of binomial
              proportions based on paired data; recommended by Fagerland et al. 2014
    """
    labels = a["labels"]
    right_a = a["probabilities"].argmax(axis=1) == labels
    right_b = b["probabilities"].argmax(axis=1) == labels
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    low, high = paired_interval(only_a, only_b, len(labels))
    return Difference(
        metric="accuracy",
        split=split,
        examples=len(labels),
        a=float(right_a.mean()),
        b=float(right_b.mean()),
        value=(only_b - only_a) / len(labels),
        low=low,
        high=high,
        higher_is_better=True,
        counts={
            "both_right": int((right_a & right_b).sum()),
            "only_a": only_a,
            "only_b": only_b,
            "both_wrong": int((~right_a & ~right_b).sum()),
        },
        p_value=mcnemar_mid_p(only_a, only_b),
    )


def paired_interval(only_a: int, only_b: int, total: int) -> tuple[float, float]:
    """The 95 % interval of a difference of paired shares (Bonett and Price 2012)."""
    p, q = (only_b + 1) / (total + 2), (only_a + 1) / (total + 2)
    spread = Z * math.sqrt((p + q - (p - q) ** 2) / (total + 2))
    return max(-1.0, p - q - spread), min(1.0, p - q + spread)


def mcnemar_mid_p(only_a: int, only_b: int) -> float:
    """Two-sided mid-p value: how likely so uneven a share of the disagreements is by chance.

    Formula:  2 · P(X ≤ k) − P(X = k) for X binomial (n, ½), n disagreements, k the fewer
    Source:   Fagerland, Lydersen, Laake 2013, The McNemar test for binary matched-pairs data
    """
    total, fewer = only_a + only_b, min(only_a, only_b)
    each = [_half_binomial(total, count) for count in range(fewer + 1)]
    return min(1.0, 2 * math.fsum(each) - each[-1])


def _half_binomial(total: int, count: int) -> float:
    """P(X = count) for X binomial (total, ½)."""
    ways = math.lgamma(total + 1) - math.lgamma(count + 1) - math.lgamma(total - count + 1)
    return math.exp(ways - total * math.log(2))


def psnr_difference(a: Arrays, b: Arrays, split: str) -> Difference:
    """Difference of the decibels of the mean squared errors over the same pictures.

    Formula:  ẟ = 10 log₁₀(ā / b̄); standard error 10/ln 10 · sd(aᵢ/ā − bᵢ/b̄) / √n
    Source:   the delta method for the ratio of two paired means
    """
    first = a["squared_error"].astype(np.float64)
    second = b["squared_error"].astype(np.float64)
    # A perfect restoration has no decibels: below 1e-12 an error counts as 1e-12.
    mean_a, mean_b = max(float(first.mean()), 1e-12), max(float(second.mean()), 1e-12)
    value = 10 * math.log10(mean_a / mean_b)
    spread = Z * 10 / math.log(10) * _standard_error(first / mean_a - second / mean_b)
    return Difference(
        metric="psnr_db",
        split=split,
        examples=len(first),
        a=-10 * math.log10(mean_a),
        b=-10 * math.log10(mean_b),
        value=value,
        low=value - spread,
        high=value + spread,
        higher_is_better=True,
        counts={},
        p_value=None,
    )


def nats_difference(a: Arrays, b: Arrays, split: str) -> Difference:
    """Difference of the cross entropy a symbol over the same sequences.

    Formula:  ẟ = Σ(bᵢ − aᵢ) / Σcᵢ over sequences of cᵢ symbols; standard error
              √n · sd(bᵢ − aᵢ − ẟ cᵢ) / Σcᵢ
    Source:   the ratio estimator, e.g. Cochran 1977, Sampling Techniques, chapter 6
    """
    count = a["count"].astype(np.float64)
    first, second = a["total"].astype(np.float64), b["total"].astype(np.float64)
    symbols = float(count.sum())
    value = float((second - first).sum()) / symbols
    left = second - first - value * count
    spread = Z * _standard_error(left) * len(left) / symbols
    return Difference(
        metric="nats",
        split=split,
        examples=len(count),
        a=float(first.sum()) / symbols,
        b=float(second.sum()) / symbols,
        value=value,
        low=value - spread,
        high=value + spread,
        higher_is_better=False,
        counts={},
        p_value=None,
    )


DIFFERENCES: dict[str, Callable[[Arrays, Arrays, str], Difference]] = {
    "accuracy": accuracy_difference,
    "psnr_db": psnr_difference,
    "nats": nats_difference,
}
"""Metric → how two runs' answers are compared."""


def _standard_error(values: NDArray[np.float64]) -> float:
    """Of the mean of `values`; infinite for a single one."""
    if len(values) < 2:
        return math.inf
    return float(values.std(ddof=1)) / math.sqrt(len(values))
