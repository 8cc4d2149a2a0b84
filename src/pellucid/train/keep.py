"""Keeps a training alive on disk: a kill at any moment loses at most a minute of work."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path

import torch
from torch import Tensor, nn

from pellucid.base.records import read_json_lines, to_json, write_text
from pellucid.train.checkpoint import (
    load_tensors,
    optimiser_tensors,
    part,
    restore_optimiser,
    save_tensors,
)
from pellucid.train.interrupt import Interrupt
from pellucid.train.optimiser import WeightAverage
from pellucid.train.runs import load_weights
from pellucid.train.watcher import Progress

EVERY = 60.0
"""Seconds between two checkpoints within an epoch."""

FILM = 64 << 20
"""Bytes that the weights kept for every epoch may take together."""


class Keeper:
    """Writes and reads the checkpoints of one run.

    `last` holds all that is needed to go on, `best` the weights of the best epoch, and as long
    as they are small `epoch-0001`, … the weights after each epoch.
    """

    def __init__(
        self,
        folder: Path,
        network: nn.Module,
        optimiser: torch.optim.Optimizer,
        average: WeightAverage | None,
        progress: Progress,
    ) -> None:
        self.folder, self.checkpoints = folder, folder / "checkpoints"
        self.network, self.optimiser, self.average = network, optimiser, average
        self.progress = progress
        self.settle: Callable[[], None] = lambda: None
        """Brings the running sums into the progress before they are written."""
        self._mark = self._saved = time.perf_counter()

    @property
    def judged(self) -> nn.Module:
        """The network that is judged and kept: the moving average, if there is one."""
        return self.average.network if self.average else self.network

    def after_step(self, interrupt: Interrupt | None, writes: bool) -> Callable[[], bool]:
        """What the loop calls after each step: saves once a minute, tells whether to stop."""

        def after() -> bool:
            asked = interrupt is not None and interrupt.asked
            if writes and (asked or time.perf_counter() - self._saved > EVERY):
                self.settle()
                self.save()
            return asked

        return after

    def tick(self) -> None:
        """Count the seconds since the last call as training."""
        now = time.perf_counter()
        self.progress.seconds += now - self._mark
        self._mark = now

    def save(self) -> None:
        """Write `last`: weights, average, optimiser, sources of chance, progress."""
        self.tick()
        tensors = {
            **_named("network", self.network),
            **(_named("average", self.average.network) if self.average else {}),
            **optimiser_tensors(self.optimiser),
            "chance.cpu": torch.get_rng_state(),
        }
        if torch.cuda.is_available():
            tensors["chance.cuda"] = torch.cuda.get_rng_state()
        save_tensors(self._path("last"), tensors, {"progress": asdict(self.progress)})
        self._saved = time.perf_counter()

    def save_best(self) -> None:
        """Write `best`: the weights of the network that is judged."""
        facts = {"epoch": self.progress.epoch + 1, "step": self.progress.step}
        save_tensors(self._path("best"), _named("network", self.judged), facts)

    def save_epoch(self, epochs: int) -> None:
        """Write the weights after this epoch, if `epochs` of them are small together."""
        tensors = _named("network", self.judged)
        size = sum(tensor.nbytes for tensor in tensors.values())
        if size * epochs <= FILM:
            number = self.progress.epoch + 1
            facts = {"epoch": number, "step": self.progress.step}
            save_tensors(self._path(f"epoch-{number:04}"), tensors, facts)

    def has(self, name: str) -> bool:
        """Is there a checkpoint of that name?"""
        return self._path(name).is_file()

    def restore(self) -> None:
        """Put everything back as `save` found it."""
        tensors, facts = load_tensors(self._path("last"))
        load_weights(self.network, part(tensors, "network"), self.folder)
        if self.average:
            load_weights(self.average.network, part(tensors, "average"), self.folder)
        restore_optimiser(self.optimiser, tensors)
        torch.set_rng_state(tensors["chance.cpu"])
        if torch.cuda.is_available() and "chance.cuda" in tensors:
            torch.cuda.set_rng_state(tensors["chance.cuda"])
        for field in fields(Progress):
            setattr(self.progress, field.name, facts["progress"][field.name])

    def restore_best(self) -> nn.Module:
        """The judged network with the weights of its best epoch."""
        tensors, _ = load_tensors(self._path("best"))
        load_weights(self.judged, part(tensors, "network"), self.folder)
        return self.judged

    def forget_later_rows(self) -> None:
        """Drop the metrics and samples of epochs after the last checkpoint: they are made anew."""
        for name in ("metrics.jsonl", "samples.jsonl"):
            path = self.folder / name
            if path.exists():
                rows = [row for row in read_json_lines(path) if row["epoch"] <= self.progress.epoch]
                write_text(path, "".join(to_json(row, indent=None) + "\n" for row in rows))

    def _path(self, name: str) -> Path:
        return self.checkpoints / f"{name}.safetensors"


def _named(prefix: str, network: nn.Module) -> dict[str, Tensor]:
    return {f"{prefix}.{name}": tensor for name, tensor in network.state_dict().items()}
