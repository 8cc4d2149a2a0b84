"""What `pellucid fool` does with `--attack` and `--corruption`, and how it says what came out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.base.errors import WrongUse
from pellucid.base.records import Record
from pellucid.cli.output import Voice, table, tell_page

if TYPE_CHECKING:
    from pellucid.fool.robustness import Attacking, Corrupting, Tried
    from pellucid.fool.victim import Victim


GALLERY = 24
"""Changed pictures that the page shows."""


def percent(share: float) -> str:
    """0.123 → `12.3 %`."""
    return f"{100 * share:.1f} %"


def chosen(
    attack: str | None,
    corruption: str | None,
    budget: float | None,
    steps: int | None,
    restarts: int | None,
) -> Attacking | Corrupting | None:
    """What was asked for; None is the question of the single pixel.

    Raises `WrongUse` for both at once, and for options that the one asked for does not know.
    """
    from pellucid.fool.attack import ATTACKS, CORRUPTIONS, check_budget, settings_for
    from pellucid.fool.robustness import Attacking, Corrupting

    if attack is not None and corruption is not None:
        raise WrongUse(
            "pellucid fool", "--attack and --corruption", "one of them", "ask one after the other"
        )
    if attack is not None:
        ATTACKS.load(attack)
        asked = Attacking(attack, budget, settings_for(attack, steps, restarts))
        check_budget(attack, asked.chosen)
        return asked
    for name, value in {"budget": budget, "steps": steps, "restarts": restarts}.items():
        if value is not None:
            raise WrongUse(
                f"--{name}",
                f"{value:g}, and no attack",
                "an attack that it is for",
                f"add --attack pgd, or leave --{name} out",
            )
    if corruption is None:
        return None
    CORRUPTIONS.load(corruption)
    return Corrupting(corruption)


def try_out(
    voice: Voice,
    victim: Victim,
    asked: Attacking | Corrupting,
    other: Victim | None,
    folder: Path,
    open_page: bool,
) -> bool:
    """Ask, tell, draw and record; whether it was stopped before it was done."""
    from pellucid.lab.beside import paired

    tried = asked.on(victim, _told(voice, victim))
    found = {"title": victim.title, **asked.record(victim, tried)}
    stopped = tried.stopped
    if other is not None and not stopped:
        besides = asked.on(other, _told(voice, other))
        stopped = besides.stopped
        there = {"title": other.title, **asked.record(other, besides)}
        done, sizes = min(tried.done, besides.done), min(len(tried.sizes), len(besides.sizes))
        differences = [
            {"size": tried.sizes[at], **paired(_held(tried, at, done), _held(besides, at, done))}
            for at in range(sizes)
        ]
        found = {**found, "beside": there, "difference": differences}
    print_tried(voice, found)
    if stopped:
        voice.log.print(_how_far(tried, len(victim.pictures)), markup=False)
    page = _page(victim, tried, found, folder)
    tell_page(voice, page, open_page)
    voice.record({**found, "page": str(page)})
    return stopped


def _page(victim: Victim, tried: Tried, found: Record, folder: Path) -> Path:
    """`attack-NAME.json`, or `corruption-NAME.json`, and the page drawn from it."""
    from pellucid.base.records import write_json
    from pellucid.fool.robustness import drawable
    from pellucid.report.attacked import write

    kind = "attack" if "attack" in found else "corruption"
    path = folder / f"{kind}-{tried.title}.json"
    shown = drawable(victim, tried, GALLERY)
    write_json(path, {**found, "shape": list(victim.pictures.shape[1:]), "shown": shown})
    return write(path)


def _held(tried: Tried, at: int, done: int) -> list[bool]:
    held: list[bool] = tried.held[:done, at].tolist()
    return held


def _how_far(tried: Tried, total: int) -> str:
    if tried.done < total:
        return f"Only {tried.done} of {total} pictures were done."
    return f"Only {len(tried.sizes)} sizes were done for all pictures."


def _told(voice: Voice, victim: Victim) -> Any:
    """Say on standard error how far it is, where it takes several turns."""

    def tell(done: int, total: int) -> None:
        if done < total:
            voice.log.print(f"{done:>5}/{total}  {victim.title}", markup=False)

    return tell


def print_tried(voice: Voice, found: Record) -> None:
    """Accuracy over sizes, beside another network's; before it what is to be said of slopes."""
    people, there = voice.people, found.get("beside")
    for one in [found] if there is None else [found, there]:
        for sentence in one.get("masking", []):
            people.print(f"{one['title']}: {sentence}", markup=False, soft_wrap=True)
    attack = "attack" in found
    head = (
        f"{found['attack']}, budget ({found['norm']})"
        if attack
        else f"{found['corruption']} ({found['unit']})"
    )
    names = ["read rightly"] if there is None else [found["title"], there["title"]]
    more = [] if there is None else ["difference"]
    rows = table(head, *[part for name in names for part in (name, "95 % interval")], *more)
    for row in _rows(found, "curve" if attack else "severities", "budget" if attack else "size"):
        rows.add_row(*row)
    people.print(rows)
    if attack:
        people.print(
            "An attack finds, it does not prove: a stronger one may find more.", markup=False
        )


def _rows(found: Record, sizes: str, size: str) -> list[list[str]]:
    there = found.get("beside")
    if there is None:
        return [
            ["none", *_row(found["clean"])],
            *([f"{row[size]:.4g}", *_row(row)] for row in found[sizes]),
        ]
    lines = [["none", *_row(found["clean"]), *_row(there["clean"]), ""]]
    for here, other, apart in zip(found[sizes], there[sizes], found["difference"], strict=False):
        lines.append([f"{here[size]:.4g}", *_row(here), *_row(other), difference_in_words(apart)])
    return lines


def _row(row: Record) -> tuple[str, str]:
    return percent(row["accuracy"]), f"{percent(row['low'])} to {percent(row['high'])}"


def difference_in_words(apart: Record) -> str:
    """`+12.0 points (8.1 to 15.9)`."""
    low, high = 100 * apart["low"], 100 * apart["high"]
    return f"{100 * apart['value']:+.1f} points ({low:.1f} to {high:.1f})"
