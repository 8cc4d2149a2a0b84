"""Put instruments to a network, and write down what they find."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from pellucid.base.catalog import Catalog
from pellucid.base.errors import unknown_name
from pellucid.base.records import Record, write_json
from pellucid.data.dataset import Dataset
from pellucid.inside.subject import Reading, Subject, subject_of, undisturbed
from pellucid.train.checkpoint import save_tensors
from pellucid.train.runs import Run

INSTRUMENTS = Catalog("instrument", "inside.instruments")


AFTER_TRAINING = ("activation-maps", "distributions", "filters")
"""The instruments that every run's report shows; the others are asked for with `look`."""


def look(run: Run, dataset: Dataset) -> None:
    """Write `inside/<instrument>.json` and `.safetensors` of the report's instruments into the run.

    The network keeps its bits and its mode; the sealed test set is not touched.
    """
    subject = subject_of(run, dataset)
    for name in AFTER_TRAINING:
        keep(measure(name, subject), name, run.folder / "inside")


def keep(reading: Reading, name: str, folder: Path) -> Record:
    """Write what an instrument found as `<name>.json` and `<name>.safetensors`; the facts."""
    facts = {"instrument": name, **reading.facts}
    save_tensors(folder / f"{name}.safetensors", reading.tensors, {"instrument": name})
    write_json(folder / f"{name}.json", facts)
    return facts


def measure(name: str, subject: Subject) -> Reading:
    """What one instrument finds; the same for the same subject."""
    instrument = INSTRUMENTS.load(name)
    with undisturbed(subject.network, subject.seed):
        reading: Reading = instrument.measure(subject)
    return reading


def chosen(names: list[str]) -> list[str]:
    """The instruments that were asked for, all where none was named.

    Raises `WrongUse` with near misses for one that there is not.
    """
    known = INSTRUMENTS.names()
    for name in names:
        if name not in known:
            raise unknown_name("--only", name, known)
    return [name for name in known if name in names] if names else known


def look_at(
    subject: Subject,
    names: list[str],
    folder: Path,
    about: Record,
    tell: Callable[[str, float | None], None] = lambda _name, _seconds: None,
) -> Record:
    """Put the instruments in `names` to the subject and write what they find into `folder`.

    `tell(name, None)` is called before an instrument is at work, `tell(name, seconds)` after it.
    Returns `about` with, for each instrument, its error, limits, what it skipped, its seconds and
    its two files by name. Ctrl-C ends it: what was found until then is kept, if there is any, and
    `not_done` names the instruments that were not put to it.
    """
    _clear(folder)
    told: list[Record] = []
    for name in names:
        try:
            told.append(_put(name, subject, folder, tell))
        except KeyboardInterrupt:
            if not told:
                raise
            break
    known = {
        **about,
        "classes": list(subject.classes),
        "shape": list(subject.shape),
        "pictures": subject.pictures,
        "layers": list(subject.layers),
        "not_done": names[len(told) :],
    }
    write_json(folder / "about.json", known)
    return {**known, "instruments": told}


def _put(
    name: str, subject: Subject, folder: Path, tell: Callable[[str, float | None], None]
) -> Record:
    """One instrument: what it found is on disk, and its summary is returned."""
    tell(name, None)
    begun = time.perf_counter()
    reading = measure(name, subject)
    facts = keep(reading, name, folder)
    seconds = time.perf_counter() - begun
    tell(name, seconds)
    return {**_summary(name, facts, reading), "seconds": seconds}


def _clear(folder: Path) -> None:
    """Delete what an earlier look at something else left."""
    for old in folder.glob("*"):
        if old.stem in INSTRUMENTS.names() and old.suffix in (".json", ".safetensors"):
            old.unlink()


def _summary(name: str, facts: Record, reading: Reading) -> Record:
    return {
        "name": name,
        "error": facts["error"],
        "limits": facts["limits"],
        "skipped": facts["skipped"],
        "facts": f"{name}.json",
        "arrays": f"{name}.safetensors",
        "names": sorted(reading.tensors),
    }
