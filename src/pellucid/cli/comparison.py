"""A comparison of two runs in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pellucid.cli.output import Voice, table
from pellucid.train.verdict import short_metric

if TYPE_CHECKING:
    from pellucid.lab.compare import Comparison, Difference


def print_comparison(voice: Voice, made: Comparison) -> None:
    """The recipes' difference as a table, the results' in sentences."""
    voice.people.print(f"A = {made.a}\nB = {made.b}", markup=False)
    if made.recipe:
        rows = table("Choice", "A", "B")
        for name, (here, there) in made.recipe.items():
            rows.add_row(name, _value(here), _value(there))
        voice.people.print(rows)
    else:
        voice.people.print("Their recipes are the same.")
    if made.difference is not None:
        for sentence in (*sentences(made.difference, set(made.recipe)), *made.notes):
            voice.people.print(sentence, markup=False)


def _value(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, list | tuple):
        return " ".join(map(str, value)) or "none"
    return str(value)


def sentences(difference: Difference, choices: set[str]) -> list[str]:
    """What the numbers say; `choices` are the recipe's names that differ."""
    metric = difference.metric
    values = " and ".join(
        f"{name} {short_metric(metric, value)}{_unit(metric)}"
        for name, value in (("A", difference.a), ("B", difference.b))
    )
    told = [f"On {difference.examples:,} {difference.split} {_things(metric)}: {values}."]
    told.append(_accuracy(difference) if metric == "accuracy" else _other(difference))
    told.append(_judgement(difference))
    if difference.better and choices == {"seed"}:
        told.append("Only the seed differs: so far does chance in training alone move the result.")
    elif difference.better:
        told.append(
            "The interval is about the choice of examples. How much another seed would change "
            "tells only another run of each."
        )
    if difference.split == "test":
        told.append(
            "Choosing between recipes by the test set uses it up: choose with --on validation, "
            "and keep the test set for the last word."
        )
    return told


def _accuracy(difference: Difference) -> str:
    counts, total = difference.counts, difference.examples
    more = counts["only_b"] - counts["only_a"]
    alone = f"{counts['only_b']:,} are right in B alone, {counts['only_a']:,} in A alone"
    if not counts["only_a"] and not counts["only_b"]:
        return "They are right and wrong on the very same ones."
    lead = (
        f"B reads {abs(more):,} {'more' if more > 0 else 'fewer'} of {total:,} correctly"
        if more
        else f"Both read as many of {total:,} correctly"
    )
    low, high = (_count(total * bound) for bound in (difference.low, difference.high))
    return (
        f"{lead} ({alone}). 95 % interval of the difference: {low} to {high}; McNemar's mid-p "
        f"value {difference.p_value:.2g}."
    )


def _count(value: float) -> str:
    shown = f"{value:+,.0f}" if abs(value) >= 10 else f"{value:+.1f}"
    return shown.replace("-", "−")


def _other(difference: Difference) -> str:
    low, value, high = (
        f"{number:+.3f}".replace("-", "−")
        for number in (difference.low, difference.value, difference.high)
    )
    unit = _unit(difference.metric)
    return f"B − A = {value}{unit}; 95 % interval {low} to {high}{unit}."


def _judgement(difference: Difference) -> str:
    if not difference.better:
        return f"The interval includes 0: this {difference.split} set cannot tell them apart."
    return (
        f"The interval does not include 0: {difference.better} is better on such data, beyond "
        f"what the choice of {difference.split} examples explains."
    )


def _unit(metric: str) -> str:
    return {"psnr_db": " dB", "nats": " nats"}.get(metric, "")


def _things(metric: str) -> str:
    return "sequences" if metric == "nats" else "pictures"
