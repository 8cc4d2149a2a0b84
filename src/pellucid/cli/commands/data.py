"""List the data sets, show one with its splits and flaws, and fetch its files."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pellucid.base.errors import WrongUse
from pellucid.base.records import Record
from pellucid.cli.output import JsonPath, Voice, table

if TYPE_CHECKING:
    from pellucid.data.dataset import Dataset
    from pellucid.data.source import Source

app = typer.Typer(
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    epilog="Example:  pellucid data show digits",
)

Offline = Annotated[bool, typer.Option("--offline", help="Never use the network.")]
Pairs = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="A setting of the data, e.g. size=32 or split_seed=1."
    ),
]

MANY = 20
"""Classes beyond this number are told by their smallest and largest only."""


@app.callback()
def menu(context: typer.Context) -> None:
    """List the data sets, show one with its splits and flaws, and fetch its files."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command("list", epilog="Example:  pellucid data list --json data.json")
def list_sets(json: JsonPath = None) -> None:
    """The data sets by name, and whether their files are here."""
    from pellucid.data.load import SETS

    voice = Voice(json)
    rows = table("Name", "What it is", "Where", "Size", right=("Size",))
    records = []
    for name, text in SETS.menu().items():
        where, size = _whereabouts(name, SETS.load(name))
        rows.add_row(name, text, where, f"{size / 1e6:.1f} MB" if size else "–")
        records.append({"name": name, "text": text, "where": where, "bytes": size})
    voice.people.print(rows)
    voice.people.print("Your own:  the path of a folder with one sub-folder of pictures a class,")
    voice.people.print("           or of a text file:  pellucid data show my-pictures/")
    voice.record({"sets": records})


@app.command(
    epilog="Examples:  pellucid data show digits   ·   "
    "pellucid data show my-pictures/ --set size=32"
)
def show(
    name: Annotated[str, typer.Argument(help="A data set, a folder of pictures, or a text file.")],
    pairs: Pairs = None,
    offline: Offline = False,
    json: JsonPath = None,
) -> None:
    """The card, splits, classes, statistics, duplicates and known flaws of a data set."""
    from pellucid.data import find
    from pellucid.data.load import load

    if offline:
        find.offline()
    voice = Voice(json)
    dataset = load(name, **dict(_pair(pair) for pair in pairs or []))
    record = _record(name, dataset)
    _tell_card(voice, record)
    _tell_splits(voice, record)
    _tell_classes(voice, record)
    for note in dataset.notes:
        voice.people.print(f"Note: {note}.", markup=False)
    for flaw in dataset.card.flaws:
        voice.people.print(f"Flaw: {flaw}.", markup=False)
    voice.record(record)


@app.command(epilog="Examples:  pellucid data get mnist   ·   pellucid data get mnist names")
def get(
    names: Annotated[list[str], typer.Argument(help="Data sets (see: pellucid data list).")],
    offline: Offline = False,
    json: JsonPath = None,
) -> None:
    """Fetch the files of data sets into the cache, and check that they are the originals."""
    from pellucid.data import find
    from pellucid.data.load import SETS

    if offline:
        find.offline()
    voice = Voice(json)
    records = []
    for name in names:
        source: Source | None = SETS.load(name).SOURCE
        paths = find.get(name, source) if source else {}
        records.append({"name": name, "files": {file: str(path) for file, path in paths.items()}})
        if source is None:
            voice.people.print(f"{name}: bundled with scikit-learn, nothing to fetch")
        for file, path in paths.items():
            voice.people.print(f"{name}: {file} is the original, at {path}", soft_wrap=True)
    voice.record({"sets": records})


def _whereabouts(name: str, module: ModuleType) -> tuple[str, int]:
    """Where the files of a set are in words, and the size of the download in bytes."""
    from pellucid.data import decoded, find

    source: Source | None = module.SOURCE
    if source is None:
        return "bundled", 0
    places = find.locate(source).values()
    if all(places):
        return ", ".join(sorted({place.where for place in places if place})), source.bytes
    if decoded.has_slot(name):
        return "cache", source.bytes
    if any(places):
        return "some files missing", source.bytes
    can_be_had = all(file.mirrors for file in source.files)
    return "to download" if can_be_had else "missing, no public copy", source.bytes


def _pair(pair: str) -> tuple[str, str]:
    key, equals, text = pair.partition("=")
    if not equals or not key:
        raise WrongUse("--set", repr(pair), "key=value", "write for example --set size=32")
    return key.replace("-", "_"), text


def _record(name: str, dataset: Dataset) -> Record:
    """The data set's own record, and the examples of each class (test stays sealed)."""
    record = dataset.as_record()
    record["dataset"] = name
    record["class_counts"] = {}
    if dataset.kind == "pictures":
        for part, split in (("train", dataset.train), ("validation", dataset.validation)):
            counts = [int((split.labels == label).sum()) for label in range(len(dataset.classes))]
            record["class_counts"][part] = counts
    return record


def _tell_card(voice: Voice, record: Record) -> None:
    card: dict[str, Any] = record["card"]
    what = "channel, row, column" if record["kind"] == "pictures" else "places"
    lines = {
        card["name"]: card["title"],
        "Source": card["source"],
        "Licence": card["licence"],
        "One example": f"{' × '.join(map(str, record['shape']))} ({what})",
    }
    if record["mean"]:
        lines["Mean, deviation"] = "; ".join(
            f"{mean:.4f}, {std:.4f}"
            for mean, std in zip(record["mean"], record["std"], strict=True)
        )
        lines["Mean, deviation"] += "  (of train alone, pixels on the scale 0…1)"
    width = max(map(len, lines))
    for key, value in lines.items():
        voice.people.print(f"{key:<{width}}  {value}", markup=False, soft_wrap=True)


def _tell_splits(voice: Voice, record: Record) -> None:
    rows = table("Split", "Examples", "Also in an earlier split", right=("Examples",))
    duplicates: dict[str, int] = record["duplicates"]
    for part, count in record["sizes"].items():
        earlier = [
            f"{number:,} in {pair.removesuffix(f'-{part}')}"
            for pair, number in duplicates.items()
            if pair.endswith(f"-{part}")
        ]
        rows.add_row(part, f"{count:,}", ", ".join(earlier) or "–")
    voice.people.print(rows)


def _tell_classes(voice: Voice, record: Record) -> None:
    names: list[str] = record["classes"]
    if record["kind"] == "symbols":
        text = " ".join(repr(name)[1:-1] for name in names)
        voice.people.print(f"{len(names)} symbols: {text}", markup=False, soft_wrap=True)
        return
    train, validation = record["class_counts"]["train"], record["class_counts"]["validation"]
    if len(names) > MANY:
        spread = f"{min(train)}" if min(train) == max(train) else f"{min(train)} to {max(train)}"
        voice.people.print(
            f"{len(names)} classes of {spread} examples each in train, e.g. "
            + ", ".join(names[:3]),
            markup=False,
        )
        return
    rows = table("Class", "Train", "Validation", right=("Train", "Validation"))
    for row in zip(names, train, validation, strict=True):
        rows.add_row(row[0], f"{row[1]:,}", f"{row[2]:,}")
    voice.people.print(rows)
