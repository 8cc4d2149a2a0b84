"""Draws explanations for the terminal: windows side by side, the terms, the sum."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from pellucid.cli.output import table

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from pellucid.explain.by_example import Share
    from pellucid.explain.explained import Explained, NotCovered
    from pellucid.explain.grids import Grid
    from pellucid.explain.story import Story
    from pellucid.scratch.explanation import Term

WINDOWS = 2
"""Channels whose windows are drawn: those that gave most."""
WIDEST = 11
"""Columns of a window that a terminal still shows."""


def print_number(
    people: Console,
    found: Explained | NotCovered,
    top: int,
    grids: Sequence[Grid] = (),
    read: Callable[[str], float] | None = None,
) -> None:
    """One number: where it was computed, its windows if it has any, its terms, the verdict.

    `read` gives the value at an address, for showing the numbers that a term is made of.
    """
    from pellucid.explain.explained import NotCovered

    if isinstance(found, NotCovered):
        people.print(_left_open(found), markup=False, soft_wrap=True)
        return
    people.print(f"\n{found.name} = {found.value:.7g}", markup=False, style="bold")
    people.print(f"{found.op} in {found.where}\n", markup=False, soft_wrap=True)
    for grid in [grid for grid in grids if grid.products.shape[1] <= WIDEST][:WINDOWS]:
        people.print(_windows(grid))
    people.print(_terms(found, top, read))
    people.print(verdict(found), markup=False, soft_wrap=True)


def _left_open(found: NotCovered) -> str:
    if found.where is None:
        return f"\n{found.name} = {found.value:.7g}: {found.reason}."
    return f"\n{found.name}: not covered ({found.call}): {found.reason}.\n{found.where}"


def verdict(found: Explained) -> str:
    """Both numbers, and whether they are equal within rounding."""
    words = "equal within rounding" if found.agrees else "NOT EQUAL"
    return (
        f"Sum in float64: {found.recompute():.9g}; PyTorch has {found.value:.9g}: {words} "
        f"(difference {found.difference:.1e}, bound {found.bound:.1e})."
    )


def shown_of(found: Explained, top: int) -> Explained:
    """The `top` largest terms and a rest; all of them, in their own order, where they are few."""
    return found.top(top) if len(found.terms) > top else found


def record_of(found: Explained | NotCovered, top: int) -> dict[str, Any]:
    """The same as plain JSON values, with as many terms as are shown."""
    from pellucid.explain.explained import NotCovered

    return found.as_record() if isinstance(found, NotCovered) else shown_of(found, top).as_record()


def shown_terms(found: Explained, top: int) -> Sequence[Term]:
    """The terms in the order in which they are numbered on the screen."""
    return shown_of(found, top).terms


def _terms(found: Explained, top: int, read: Callable[[str], float] | None) -> Table:
    """The largest terms with the running sum, and the others as one."""
    shown = shown_of(found, top)
    rows = table("", "term", "in numbers", "value", "sum so far", right=("value", "sum so far"))
    total = 0.0
    for place, term in enumerate(shown.terms, 1):
        total += term.value
        numbers = _in_numbers(term, read) if read else ""
        rows.add_row(str(place), term.label, numbers, f"{term.value:+.6g}", f"{total:+.6g}")
    if shown.rest_count:
        total += shown.rest
        said = f"the {shown.rest_count:,} smaller terms"
        rows.add_row("", said, "", f"{shown.rest:+.6g}", f"{total:+.6g}")
    return rows


def _in_numbers(term: Term, read: Callable[[str], float]) -> str:
    """The label with the numbers in place of the addresses."""
    said = term.label
    if not 0 < len(term.source) <= 4:
        return ""
    for source in sorted(map(str, term.source), key=len, reverse=True):
        said = said.replace(source, f"{read(source):.5g}")
    return "" if said == term.label else said


def _windows(grid: Grid) -> Table:
    """What was seen × the filter = the products, as three small tables beside each other."""
    from rich.table import Table

    beside = Table.grid(padding=(0, 2))
    beside.add_row(f"{grid.seen_name}", "", f"{grid.filter_name}", "", "products")
    beside.add_row(_cells(grid.seen), "×", _cells(grid.filter), "=", _cells(grid.products))
    beside.add_row("", "", "", "", f"sum {grid.sum:+.5g}")
    return beside


def _cells(array: object) -> Table:
    import numpy as np
    from rich.table import Table

    made = Table.grid(padding=(0, 1))
    values = np.atleast_2d(np.asarray(array))
    for _ in range(values.shape[1]):
        made.add_column(justify="right")
    for row in values:
        made.add_row(*(f"{value:+.2f}" if abs(value) < 100 else f"{value:+.3g}" for value in row))
    return made


def print_way(people: Console, steps: Sequence[Explained | NotCovered]) -> None:
    """The way down: a line for each number, its largest term beside it."""
    from pellucid.explain.explained import NotCovered

    rows = table("number", "value", "computed by", "largest term", right=("value",))
    for step in steps:
        if isinstance(step, NotCovered):
            made_by = "given" if step.where is None else step.call
            rows.add_row(step.name, f"{step.value:.5g}", made_by, step.reason)
            continue
        best = step.cut(1).terms[0]
        share = f"{best.value:+.4g} of {len(step.terms)}" if len(step.terms) > 1 else "the only one"
        rows.add_row(step.name, f"{step.value:.5g}", step.op, f"{best.label} ({share})")
    people.print(rows)
    computed = [step for step in steps if not isinstance(step, NotCovered)]
    agreeing = sum(step.agrees for step in computed)
    people.print(f"{agreeing} of {len(computed)} numbers recomputed, equal within rounding.")


def print_shares(people: Console, shares: Sequence[Share], examples: Sequence[str]) -> None:
    """Which examples pulled most; a step goes against the gradient."""
    if len(shares) < 2:
        return
    rows = table("example", "its share of the gradient", "terms", "pulls the weight",
                 right=("its share of the gradient", "terms"))  # fmt: skip
    for share in shares[:10]:
        name = examples[share.example] if share.example < len(examples) else str(share.example)
        rows.add_row(name, f"{share.value:+.6g}", f"{share.terms:,}", _pull(share.value))
    people.print("By example, the largest share first:")
    people.print(rows)
    groups: dict[str, list[float]] = {}
    for share in shares:
        if share.example < len(examples) and ", " in examples[share.example]:
            groups.setdefault(examples[share.example].partition(", ")[2], []).append(share.value)
    if groups:
        name, values = max(groups.items(), key=lambda group: abs(sum(group[1])))
        count = "the one example of" if len(values) == 1 else f"the {len(values)} examples of"
        words = f"{_pull(sum(values))}, by {sum(values):+.4g} of the gradient"
        people.print(f"Of all classes {count} {name} pulled it most: {words}.", markup=False)


def _pull(share: float) -> str:
    return "down" if share > 0 else "up" if share < 0 else "not at all"


def print_story(people: Console, story: Story, top: int) -> None:
    """A weight through one step of the optimiser, number by number."""
    from pellucid.explain.explained import NotCovered

    people.print(f"\n{story.weight} through one step of {story.optimiser}", style="bold",
                 markup=False)  # fmt: skip
    rows = table("number", "value", "made of", right=("value",))
    rows.add_row("the weight before", f"{story.before:.9g}", "")
    if story.gradient is not None:
        rows.add_row("its gradient", f"{story.gradient:.9g}", "")
    for step in story.steps:
        if isinstance(step, NotCovered):
            rows.add_row(step.name, "", f"not covered: {step.call}, {step.reason}")
        else:
            rows.add_row(step.name, f"{step.value:.9g}", _sum_of(step, top))
    rows.add_row("the real new weight", f"{story.after:.9g}", f"change {story.change:+.4g}")
    people.print(rows)
    words = "every number agrees with PyTorch's" if story.agrees else "NOT every number agrees"
    people.print(f"{len(story.steps)} numbers recomputed: {words} within rounding.")


def _sum_of(step: Explained, top: int) -> str:
    shown = shown_of(step, top)
    said = "  +  ".join(f"{term.label} = {term.value:.6g}" for term in shown.terms)
    return said + (f"  +  {shown.rest:.6g} (others)" if shown.rest_count else "")
