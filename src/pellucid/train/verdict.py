"""The plain words at the end of a training: how good, what was confused, what to try next."""

from __future__ import annotations

from typing import Any

from pellucid.base.records import Record
from pellucid.train.recipe import Recipe


def verdict(result: Record, recipe: Recipe, data: Record, metrics: list[Record]) -> Record:
    """`headline`, `sentences` and `next`: what a person should read first."""
    split = "test" if result.get("test") else "validation"
    judged = result[split]
    writer = {"accuracy": of_accuracy, "psnr_db": _decibels, "nats": _nats}[result["metric"]]
    headline, sentences = writer(judged, split, data)
    sentences += _robust_sentences(result.get("robust"))
    return {
        "headline": headline,
        "sentences": [*sentences, *data_sentences(data)],
        "next": _next_steps(result, recipe, metrics),
    }


def of_accuracy(judged: Record, split: str, data: Record) -> tuple[str, list[str]]:
    """Headline and sentences for a share of right answers; `judged` also has `confusion`."""
    total = judged["examples"]
    wrong = round(total * (1 - judged["accuracy"]))
    headline = (
        f"{percent(judged['accuracy'])} of {total:,} {split} pictures read correctly "
        f"(95 % interval {percent(judged['low'])} to {percent(judged['high'])})"
    )
    sentences = [
        f"{wrong:,} {'was' if wrong == 1 else 'were'} wrong." if wrong else "Not one was wrong."
    ]
    pairs = confused_pairs(judged["confusion"], data["classes"])
    if pairs:
        told = ", ".join(f"{truth} read as {answer} ({count}×)" for truth, answer, count in pairs)
        sentences.append(f"Most often confused: {told}.")
    return headline, sentences


def _decibels(judged: Record, split: str, data: Record) -> tuple[str, list[str]]:
    where = " inside the hole" if judged.get("inside_hole") else ""
    headline = (
        f"{judged['psnr_db']:.2f} dB{where} on {judged['examples']:,} {split} pictures "
        f"(95 % interval {judged['low']:.2f} to {judged['high']:.2f} dB)"
    )
    sentences = []
    for line in judged.get("beside", []):
        gain = judged["psnr_db"] - line["psnr_db"]
        word = "above" if gain >= 0 else "BELOW"
        sentences.append(f"{abs(gain):.2f} dB {word} {line['title']}: {line['psnr_db']:.2f} dB.")
    reading = judged.get("read")
    if reading:
        worst = min(reading["per_class"], key=lambda row: row["accuracy"])
        sentences.append(
            f"A classifier trained on clean pictures reads {percent(reading['accuracy'])} of the "
            f"restored ones correctly; the hardest class is {worst['class']} "
            f"({percent(worst['accuracy'])})."
        )
    return headline, sentences


def _nats(judged: Record, split: str, data: Record) -> tuple[str, list[str]]:
    bits = judged["bits"]
    headline = (
        f"{judged['nats']:.3f} nats ({bits:.3f} bits) a symbol on {judged['examples']:,} "
        f"{split} sequences (95 % interval {judged['low']:.3f} to {judged['high']:.3f} nats)"
    )
    return headline, [
        f"As unsure as a fair choice among {judged['perplexity']:.1f} of "
        f"{len(data['classes'])} symbols."
    ]


def _robust_sentences(robust: Record | None) -> list[str]:
    """What an attack leaves of the right answers; what is to be said of the slopes comes first."""
    if robust is None:
        return []
    return [
        *robust["masking"],
        f"Attacked ({robust['attack']}, {_allowed(robust)}): {percent(robust['accuracy'])} of the "
        f"first {robust['examples']:,} {robust['split']} pictures still read correctly (95 % "
        f"interval {percent(robust['low'])} to {percent(robust['high'])}). An attack finds, it "
        "does not prove.",
    ]


def _allowed(robust: Record) -> str:
    """What a budget allows, in the pictures' own values 0…1."""
    budget = robust["budget"]
    if robust["norm"] == "linf":
        return f"each value changed by at most {budget:g}"
    if robust["norm"] == "l2":
        return f"a change of length {budget:g} at most"
    return "one pixel changed" if budget == 1 else f"at most {budget:g} pixels changed"


def data_sentences(data: Record) -> list[str]:
    """What is to be said of the data whenever a result on the test set is told."""
    count = data["duplicates"].get("train-test", 0)
    if not count:
        return []
    share = count / max(1, data["sizes"]["test"])
    return [f"{count:,} test examples ({percent(share)}) also lie in the training split."]


def confused_pairs(
    table: list[list[int]], classes: list[str], count: int = 3
) -> list[tuple[str, str, int]]:
    """The most frequent mistakes: (true class, answer, how often)."""
    pairs = [
        (classes[row], classes[column], number)
        for row, line in enumerate(table)
        for column, number in enumerate(line)
        if row != column and number
    ]
    return sorted(pairs, key=lambda pair: -pair[2])[:count]


def _next_steps(result: Record, recipe: Recipe, metrics: list[Record]) -> list[str]:
    """Suggestions that the curves themselves give reason for."""
    if not metrics:
        return []
    steps = []
    last = metrics[-1]
    robust = result.get("robust")
    if robust is not None:
        steps.append(f"Ask more of it: {_attack(robust, result['run_name'])}")
    gap = last["validation"]["loss"] - last["train"]["loss"]
    if result["stopped"] == "interrupted":
        steps.append(f"It was stopped early: pellucid runs resume {result['run_name']}")
    if _went_past_its_best(result, metrics):
        steps.append(
            f"The best epoch was {result['best_epoch']} of {len(metrics)}: it trained past its "
            "best. Try fewer epochs, or --patience 3"
        )
    elif _still_improving(result, metrics) and recipe.epochs < 200:
        steps.append(f"It was still improving: try --epochs {recipe.epochs * 2:g}")
    if result["metric"] == "accuracy" and not recipe.augment and gap > 0.5 * last["train"]["loss"]:
        steps.append(
            f"It is surer on training than on validation pictures (loss {last['train']['loss']:.3f}"
            f" against {last['validation']['loss']:.3f}): try --set augment=shift:1"
        )
    if recipe.net in ("linear", "dense") and result["metric"] == "accuracy":
        steps.append("A network that looks at neighbourhoods does better here: try --net convnet")
    steps.append(f"Another seed tells how much is chance: try --seed {recipe.seed + 1}")
    return steps[:3]


def _attack(robust: Record, name: str) -> str:
    """The command that asks for more than it was trained with."""
    budget = f"--budget {robust['budget']:g}"
    if robust["norm"] == "linf":
        return f"pellucid fool {name} --attack square {budget} --count 200"
    if robust["norm"] == "l2":
        return f"pellucid fool {name} --attack pgd-l2 --restarts 5 {budget} --count 200"
    if robust["budget"] == 1:
        return f"pellucid fool {name} --count 20"
    return f"pellucid fool {name} --attack greedy-pixels {budget} --count 20"


def _went_past_its_best(result: Record, metrics: list[Record]) -> bool:
    """Was the best epoch early, and the last one worse than it?"""
    if len(metrics) < 3 or not 0 < result["best_epoch"] <= len(metrics) * 0.6:
        return False
    best, last = (metrics[place]["validation"] for place in (result["best_epoch"] - 1, -1))
    return bool(best[result["metric"]] != last[result["metric"]])


def _still_improving(result: Record, metrics: list[Record]) -> bool:
    metric = result["metric"]
    if result["stopped"] in ("until", "interrupted"):  # more epochs are not what it lacked
        return False
    if len(metrics) < 3:
        return True
    earlier, latest = metrics[-3]["validation"][metric], metrics[-1]["validation"][metric]
    if metric == "accuracy":
        return bool(latest - earlier > 0.1 * (1 - latest))
    return bool(abs(latest - earlier) > 0.01 * abs(latest))


def percent(share: float) -> str:
    """0.9934 → `99.34 %`."""
    return f"{100 * share:.2f} %"


def short_metric(metric: str, value: Any) -> str:
    """A metric's value for a narrow column."""
    if value is None:
        return "–"
    return percent(value) if metric == "accuracy" else f"{value:.3f}"
