"""Put every instrument to a finished run, and write down what they find."""

from __future__ import annotations

from pellucid.base.catalog import Catalog
from pellucid.base.records import write_json
from pellucid.data.dataset import Dataset
from pellucid.inside.subject import Reading, Subject, subject_of, undisturbed
from pellucid.train.checkpoint import save_tensors
from pellucid.train.runs import Run

INSTRUMENTS = Catalog("instrument", "inside.instruments")


def look(run: Run, dataset: Dataset) -> None:
    """Write `inside/<instrument>.json` and `.safetensors` of every instrument into the run.

    The network keeps its bits and its mode; the sealed test set is not touched.
    """
    subject = subject_of(run, dataset)
    for name in INSTRUMENTS.names():
        reading = measure(name, subject)
        folder = run.folder / "inside"
        save_tensors(folder / f"{name}.safetensors", reading.tensors, {"instrument": name})
        write_json(folder / f"{name}.json", {"instrument": name, **reading.facts})


def measure(name: str, subject: Subject) -> Reading:
    """What one instrument finds; the same for the same subject."""
    instrument = INSTRUMENTS.load(name)
    with undisturbed(subject.network, subject.seed):
        reading: Reading = instrument.measure(subject)
    return reading
