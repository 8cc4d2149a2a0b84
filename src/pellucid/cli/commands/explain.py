"""Show the arithmetic behind any number of a network: its operands, products and sum."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from pellucid.base.errors import WrongUse
from pellucid.cli.explaining import print_number, print_shares, print_story, print_way, record_of
from pellucid.cli.output import JsonPath, RunsFolder, Voice, WeightsFile
from pellucid.cli.walking import print_names, walk

if TYPE_CHECKING:
    from pellucid.explain.explained import Explained
    from pellucid.explain.recorded import Number, Recorded
    from pellucid.explain.subject import Subject

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command(
    epilog="Examples:  pellucid explain digits-convnet-1 --image 7   ·   "
    'pellucid explain digits-convnet-1 --image 7 --at "0.conv[3, 2, 4]"   ·   '
    'pellucid explain digits-convnet-1 --gradient-of "0.conv.weight[0, 0, 2, 2]"   ·   '
    "pellucid explain mine.py:build --input x.npy --list"
)
def explain(
    target: Annotated[
        str, typer.Argument(metavar="RUN", help="A run, or a network of yours: module:factory.")
    ],
    image: Annotated[
        str | None,
        typer.Option(metavar="N|FILE", help="A validation example by number, or a picture file."),
    ] = None,
    at: Annotated[
        str | None, typer.Option(metavar="NAME[…]", help="The number to explain (see --list).")
    ] = None,
    gradient_of: Annotated[
        str | None,
        typer.Option(metavar="NAME[…]", help="Explain the loss's gradient of this number."),
    ] = None,
    update_of: Annotated[
        str | None,
        typer.Option(metavar="WEIGHT[…]", help="Explain the optimiser's step of this weight."),
    ] = None,
    names: Annotated[bool, typer.Option("--list", help="What can be asked, with shapes.")] = False,
    down: Annotated[
        bool, typer.Option("--down", help="Follow the largest terms down to the input.")
    ] = False,
    walking: Annotated[
        bool, typer.Option("--walk", help="A prompt for going from term to term.")
    ] = False,
    python: Annotated[
        bool, typer.Option("--python", help="Print lines that reproduce it with torch alone.")
    ] = False,
    top: Annotated[int, typer.Option(help="The largest terms shown; the rest as one sum.")] = 10,
    examples: Annotated[
        int, typer.Option(help="Training examples for the way back, without --image.")
    ] = 16,
    given: Annotated[
        str | None,
        typer.Option("--input", metavar="FILE", help="Your network's input: .npy, .npz, …"),
    ] = None,
    weights: WeightsFile = None,
    label: Annotated[
        int | None, typer.Option(help="Your network's loss: cross entropy against this class.")
    ] = None,
    loss: Annotated[
        str | None,
        typer.Option(metavar="FILE.py:FUNCTION", help="Your loss, a function of the answer."),
    ] = None,
    learning_rate: Annotated[
        float, typer.Option(help="For --update-of with your own network: SGD's rate.")
    ] = 0.01,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep it in the run, and show it in its report.")
    ] = False,
    runs: RunsFolder = None,
    json: JsonPath = None,
) -> int:
    """Write out one number of a network: what it is the sum of, checked against PyTorch's own.

    Without --at, --gradient-of or --update-of: the largest output. Ends with 1 if a number does
    not agree with PyTorch's within rounding.
    """
    _check(at, gradient_of, update_of, top, examples)
    voice = Voice(json)
    address = _address(at, gradient_of, update_of)
    way = _way(address, names)
    if ":" in target:
        from pellucid.explain.subject import of_factory

        subject = of_factory(target, given, weights, label, loss, way, learning_rate)
    else:
        subject = _of_run(target, runs, image, examples, way)
    recorded = subject.record()
    if names:
        return _list(voice, recorded)
    number = recorded.ask(address) if address else recorded.largest_output()
    voice.log.print(subject.about, markup=False, soft_wrap=True)
    if walking:
        voice.record({"visited": walk(voice, number, top)})
        return 0
    record, agrees = _told(voice, subject, number, update_of is not None, top, down, python)
    if keep:
        _keep(voice, target, runs, record)
    voice.record(record)
    return 0 if agrees else 1


def _check(
    at: str | None, gradient_of: str | None, update_of: str | None, top: int, examples: int
) -> None:
    asked = [word for word in (at, gradient_of, update_of) if word is not None]
    if len(asked) > 1:
        raise WrongUse(
            "explain",
            f"{len(asked)} numbers at once",
            "one of --at, --gradient-of, --update-of",
            "ask one after the other",
        )
    for option, value in (("--top", top), ("--examples", examples)):
        if value < 1:
            raise WrongUse(option, str(value), "1 or more", f"{option} 10")


def _address(at: str | None, gradient_of: str | None, update_of: str | None) -> str | None:
    if gradient_of is not None:
        return f"gradient of {gradient_of}"
    return f"new {update_of}" if update_of is not None else at


def _way(address: str | None, names: bool) -> str:
    """How far the recording must go for the number to be there."""
    if address is None:
        return "forward"
    if address.startswith("new "):
        return "step"
    return "backward" if address.startswith("gradient of ") or address == "loss" else "forward"


def _of_run(target: str, runs: str | None, image: str | None, examples: int, way: str) -> Subject:
    from pellucid.explain.subject import of_run
    from pellucid.train.runs import load

    return of_run(load(target, runs=runs), image, examples, way)


def _list(voice: Voice, recorded: Recorded) -> int:
    some = recorded.sample(1)[0]
    print_names(voice, some)
    voice.people.print(
        "Also: 'gradient of NAME[…]' (or --gradient-of), 'new WEIGHT[…]' (or --update-of), and "
        "'#17[…]' for the 17th recorded call.",
        markup=False,
    )
    voice.record({"names": {name: list(shape) for name, shape in recorded.names().items()}})
    return 0


def _told(
    voice: Voice, subject: Subject, number: Number, update: bool, top: int, down: bool, python: bool
) -> tuple[dict[str, Any], bool]:
    """Print what was asked for; the same as a record, and whether all of it agrees."""
    from pellucid.explain.down import way_down
    from pellucid.explain.explained import NotCovered
    from pellucid.explain.story import update_story

    if update:
        name = number.name.partition("[")[0].removeprefix("new ")
        story = update_story(number.recorded, name, number.index)
        print_story(voice.people, story, top)
        return story.as_record(), story.agrees
    if down:
        steps = way_down(number)
        print_way(voice.people, steps)
        agrees = all(isinstance(step, NotCovered) or step.agrees for step in steps)
        return {"name": number.name, "way": [record_of(step, top) for step in steps]}, agrees
    found = number.explain()
    if isinstance(found, NotCovered):
        print_number(voice.people, found, top)
        return found.as_record(), True
    return _one(voice, subject, number, found, top, python), found.agrees


def _one(
    voice: Voice, subject: Subject, number: Number, found: Explained, top: int, python: bool
) -> dict[str, Any]:
    from pellucid.explain.by_example import by_example
    from pellucid.explain.grids import grids_of
    from pellucid.explain.snippet import as_python

    recorded = number.recorded
    grids = grids_of(recorded, found)
    print_number(voice.people, found, top, grids, lambda at: recorded.ask(at).value)
    shares = by_example(recorded, found)
    print_shares(voice.people, shares, subject.examples)
    record = {
        **record_of(found, top),
        "about": subject.about,
        "windows": [grid.as_record() for grid in grids[:2]],
        "examples": [
            {"example": subject.named(share.example), "value": share.value, "terms": share.terms}
            for share in shares
        ],
    }
    if python:
        record["python"] = as_python(number, found)
        voice.people.print(record["python"], markup=False, soft_wrap=True)
    return record


def _keep(voice: Voice, target: str, runs: str | None, record: dict[str, Any]) -> None:
    """Add it to the run's explanations and draw the report again."""
    from pellucid.base.records import read_json_lines, to_json, write_text
    from pellucid.report.page import write
    from pellucid.train.folders import find

    if ":" in target:
        raise WrongUse("--keep", "a network without a run folder", "a run", "leave --keep out")
    folder = find(target, runs)
    path = folder / "explanations.jsonl"
    earlier = read_json_lines(path) if path.exists() else []
    kept = [entry for entry in earlier if entry.get("name") != record.get("name")]
    write_text(path, "".join(to_json(entry, indent=None) + "\n" for entry in [*kept, record]))
    voice.people.print(f"Kept; the report shows it:  {write(folder)}", markup=False)
