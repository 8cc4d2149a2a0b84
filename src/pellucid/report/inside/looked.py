"""What `pellucid look` left in a folder, read for drawing."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from pellucid.base.records import Record, read_json
from pellucid.report.material import Arrays, Material, read_arrays


class Looked(Material):
    """The records of one look; it can stand for a run where a section asks for one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.about = read_json(folder / "about.json")
        self.recipe = {name: self.about[name] for name in ("dataset", "net", "task")}

    @property
    def name(self) -> str:
        """What was looked into."""
        return str(self.about["target"])

    @cached_property
    def data(self) -> Record | None:
        """Classes and shape of the pictures."""
        return {"classes": self.about["classes"], "shape": self.about["shape"]}

    @property
    def restores(self) -> bool:
        """Does the network restore pictures?"""
        return self.about["task"] in ("denoise", "inpaint")

    def instrument(self, name: str) -> tuple[Record, Arrays] | None:
        """What an instrument found: facts and arrays."""
        path = self.folder / f"{name}.json"
        if not path.is_file():
            return None
        return read_json(path), read_arrays(self.folder / f"{name}.safetensors")
