"""What a run left on disk, read for drawing: plain records and NumPy arrays, no PyTorch."""

from __future__ import annotations

import json
import zlib
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.base.records import Record, check_schema, damaged, read_json, read_json_lines

Array = NDArray[Any]
Arrays = dict[str, Array]


class Material:
    """The records of one run folder. What is not there is None or empty; damage is named.

    Every property raises `BadData` that names the file if it is damaged or from a newer Pellucid.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.recipe = read_json(folder / "recipe.json")

    @property
    def name(self) -> str:
        """The run's name."""
        return self.folder.resolve().name

    @cached_property
    def data(self) -> Record | None:
        """The data set's card, classes, shape, sizes."""
        return self._json("data.json")

    @cached_property
    def environment(self) -> Record | None:
        """Versions, machine, device, start."""
        return self._json("environment.json")

    @cached_property
    def result(self) -> Record | None:
        """What the training came to."""
        return self._json("result.json")

    @cached_property
    def metrics(self) -> list[Record]:
        """One record an epoch."""
        return read_json_lines(self.folder / "metrics.jsonl")

    @cached_property
    def looks(self) -> list[Record]:
        """Every look at the test set."""
        return read_json_lines(self.folder / "looks.jsonl")

    @cached_property
    def samples(self) -> list[Record]:
        """Texts that the network wrote, by epoch."""
        return read_json_lines(self.folder / "samples.jsonl")

    @cached_property
    def explanations(self) -> list[Record]:
        """Numbers that were written out and kept."""
        return read_json_lines(self.folder / "explanations.jsonl")

    @cached_property
    def findings(self) -> Record | None:
        """What the doctor found, if it watched."""
        return self._json("findings.json")

    @cached_property
    def split(self) -> str | None:
        """The split that the page speaks of: test where it was opened, else validation."""
        for name in ("test", "validation"):
            if (self.folder / "evaluation" / f"{name}.json").is_file():
                return name
        return None

    @cached_property
    def judged(self) -> Record | None:
        """The summary of that split."""
        return self._json(f"evaluation/{self.split}.json") if self.split else None

    @cached_property
    def arrays(self) -> Arrays:
        """The numbers of that split's examples, and its kept pictures."""
        return self._arrays(f"evaluation/{self.split}.safetensors") if self.split else {}

    @cached_property
    def classes(self) -> list[str]:
        """The names of the classes, or of the symbols."""
        return [str(name) for name in (self.data or {}).get("classes", [])]

    @property
    def restores(self) -> bool:
        """Does the network restore pictures?"""
        return "psnr_db" in (self.judged or {})

    def instrument(self, name: str) -> tuple[Record, Arrays] | None:
        """What an instrument found: facts and arrays."""
        facts = self._json(f"inside/{name}.json")
        return None if facts is None else (facts, self._arrays(f"inside/{name}.safetensors"))

    def _json(self, name: str) -> Record | None:
        path = self.folder / name
        return read_json(path) if path.is_file() else None

    def _arrays(self, name: str) -> Arrays:
        path = self.folder / name
        return read_arrays(path) if path.is_file() else {}


def read_arrays(path: Path) -> Arrays:
    """The arrays of a safetensors file that training or an instrument wrote.

    Raises `BadData` that names the file if it is damaged or from a newer Pellucid.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            facts = json.loads((file.metadata() or {}).get("pellucid", "{}"))
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, TypeError) as error:
        raise damaged(path, "bytes that are not a whole safetensors file") from error
    check_schema(path, facts.get("schema", 1))
    if "checksum" in facts and facts["checksum"] != _checksum(arrays):
        raise damaged(path, "content that does not match its own checksum")
    return arrays


def _checksum(arrays: Arrays) -> int:
    """The checksum that `pellucid.train.checkpoint` writes, computed without PyTorch."""
    total = 0
    for name in sorted(arrays):
        total = zlib.crc32(name.encode(), total)
        if arrays[name].size:
            total = zlib.crc32(np.ascontiguousarray(arrays[name]).tobytes(), total)
    return total
