"""Run folders made of records alone: no network is trained here."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save

from pellucid.base.records import Record, append_json_line, write_bytes, write_json

Arrays = dict[str, NDArray[Any]]
Builder = Callable[..., Path]


def write_arrays(path: Path, arrays: Arrays) -> None:
    """As training writes them, with the checksum."""
    total = 0
    for name in sorted(arrays):
        total = zlib.crc32(arrays[name].tobytes(), zlib.crc32(name.encode(), total))
    facts = json.dumps({"schema": 1, "checksum": total})
    write_bytes(path, save(arrays, metadata={"pellucid": facts}))


def recipe(**changes: Any) -> Record:
    record = {
        "dataset": "digits", "net": "convnet", "task": "classify", "settings": {},
        "optimiser": "adamw", "learning_rate": 0.0123, "epochs": 3, "augment": ["shift:1"],
        "seed": 4,
    }  # fmt: skip
    return {**record, **changes}


def data_record(classes: list[str]) -> Record:
    return {
        "card": {
            "name": "digits", "title": "Some digits", "source": "a drawer", "licence": "CC0",
            "flaws": ["the 3 is upside down"], "hashes": {"a.bin": "00ff"},
        },
        "kind": "pictures", "classes": classes, "shape": [1, 4, 4],
        "sizes": {"train": 30, "validation": 6, "test": 6}, "mean": [0.25], "std": [0.5],
        "duplicates": {"train-test": 1}, "notes": ["one picture was skipped"],
    }  # fmt: skip


def probabilities() -> Arrays:
    """Six answers on three classes; the fourth, a 0 read as 1 with 90 %, is wrong."""
    table = [[0.9, 0.05, 0.05], [0.1, 0.8, 0.1], [0.0, 0.1, 0.9], [0.06, 0.9, 0.04],
             [0.2, 0.7, 0.1], [0.1, 0.3, 0.6]]  # fmt: skip
    return {
        "probabilities": np.array(table, dtype=np.float32),
        "labels": np.array([0, 1, 2, 0, 1, 2]),
        "loss": np.ones(6, dtype=np.float32),
        "kept.index": np.array([3]),
        "kept.labels": np.array([0]),
        "kept.stored": np.arange(16, dtype=np.uint8).reshape(1, 1, 4, 4),
    }


def classified() -> Record:
    interval = {"low": 0.4, "high": 0.97}
    return {
        "accuracy": 5 / 6, **interval, "examples": 6, "loss": 0.3,
        "confusion": [[1, 1, 0], [0, 2, 0], [0, 0, 2]],
        "per_class": [{"accuracy": 0.5, **interval, "examples": 2}] * 3,
        "calibration": {"error": 0.12, "bins": [
            {"from": 0.8, "to": 0.9, "examples": 6, "confidence": 0.85, "accuracy": 5 / 6,
             **interval}]},
    }  # fmt: skip


def restored() -> tuple[Record, Arrays]:
    chance = np.random.RandomState(0)
    pictures = {name: chance.rand(3, 1, 4, 4).astype(np.float32) for name in ("a", "b", "c")}
    record = {
        "psnr_db": 19.5, "low": 19.2, "high": 19.8, "examples": 6, "given_psnr_db": 9.4,
        "inside_hole": True, "loss": 0.01,
        "beside": [{"title": "the mean picture", "psnr_db": 12.5}],
        "read": {"accuracy": 0.9, "damaged": 0.4, "clean": 0.99, "per_class": [
            {"class": "0", "accuracy": 0.9, "low": 0.8, "high": 0.95, "examples": 2}]},
    }  # fmt: skip
    arrays = {
        "labels": np.array([0, 1, 2]), "kept.index": np.array([0, 1, 2]),
        "kept.labels": np.array([0, 1, 2]), "kept.inputs": pictures["a"],
        "kept.output": pictures["b"], "kept.target": pictures["c"],
    }  # fmt: skip
    return record, arrays


def write_inside(folder: Path) -> None:
    chance = np.random.RandomState(1)
    tail = {"limits": ["Nothing more.", "The border."], "error": 0.0, "skipped": []}
    weights = chance.randn(2, 1, 3, 3).astype(np.float32)
    first = {"first": "stem", "layers": [{"name": "stem", "kind": "Conv2d"}], **tail}
    write_json(folder / "filters.json", first)
    write_arrays(folder / "filters.safetensors", {"weights.stem": weights})
    layer = {"name": "stem", "kind": "Conv2d", "channels": 2, "kept": 2, "height": 2, "width": 2,
             "kernel": [3, 3], "receptive_field": [3, 3]}  # fmt: skip
    shown = [{"class": str(place), "index": place, "correct": True} for place in range(3)]
    maps = {"layers": [layer], "pictures": shown, "moment": "after the convolution", **tail}
    write_json(folder / "activation-maps.json", maps)
    arrays = {
        "maps.stem": chance.randn(3, 2, 2, 2).astype(np.float32),
        "pictures": np.zeros((3, 1, 4, 4), dtype=np.uint8),
        "inputs": np.zeros((3, 1, 4, 4), dtype=np.float32), "labels": np.arange(3),
    }  # fmt: skip
    write_arrays(folder / "activation-maps.safetensors", arrays)
    one = {"name": "stem", "count": 8, "not_finite": 0, "counts": [1, 5, 2], "low": -1.0,
           "high": 2.0, "mean": 0.2, "std": 0.7, "zeros": 0.25}  # fmt: skip
    weights_of = [{**one, "shape": [2, 1, 3, 3]}]
    answers_of = [{**one, "kind": "ReLU", "silent": {"units": 2, "silent": 1}}]
    spread = {"weights": weights_of, "activations": answers_of, "examples": 6}
    write_json(folder / "distributions.json", {**spread, **tail})
    write_arrays(folder / "distributions.safetensors", {})


def write_metrics(folder: Path, metric: str, value: float) -> None:
    for epoch in range(1, 4):
        train = {"loss": 1 / epoch, **({"accuracy": 0.5} if metric == "accuracy" else {})}
        judged = {metric: value, "low": value * 0.9, "high": value * 1.05, "loss": 0.8 / epoch}
        row = {"epoch": epoch, "step": epoch * 5, "seconds": epoch * 0.5, "learning_rate": 0.01,
               "train": train, "validation": judged}  # fmt: skip
        append_json_line(folder / "metrics.jsonl", row)


def write_result(folder: Path, headline: str, **more: Any) -> None:
    words = {"headline": headline, "sentences": ["1 was wrong."], "next": ["Try --epochs 6"]}
    known = {"parameters": 1234, "epochs": 3, "best_epoch": 2, "stopped": "finished"}
    spent = {"train": 75.2, "total": 80.0}
    result = {**known, "seconds": spent, "looks_at_test": 1, "verdict": words}
    write_json(folder / "result.json", {**result, **more})
    look = {"time": "2026-11-21T10:41:30+00:00", "reason": "the verdict", "examples": 6}
    append_json_line(folder / "looks.jsonl", look)


@pytest.fixture
def make(tmp_path: Path) -> Builder:
    """Make a run folder: of a task, with class names, with or without what is inside."""

    def made(task: str = "classify", classes: list[str] | None = None, inside: bool = True) -> Path:
        folder = tmp_path / "a-run"
        names = classes or ["0", "1", "2"]
        write_json(folder / "recipe.json", recipe(task=task))
        write_json(folder / "data.json", data_record(names))
        machine = {"pellucid": "0.1.0", "device": "cpu", "processor": "A & B", "command": ["x"],
                   "started": "2026-11-21T10:41:22+00:00"}  # fmt: skip
        write_json(folder / "environment.json", machine)
        if task == "classify":
            write_metrics(folder, "accuracy", 0.8)
            write_json(folder / "evaluation" / "test.json", classified())
            write_arrays(folder / "evaluation" / "test.safetensors", probabilities())
            headline = (
                "83.33 % of 6 test pictures read correctly (95 % interval 40.00 % to 97.00 %)"
            )
            write_result(folder, headline)
        elif task == "inpaint":
            write_metrics(folder, "psnr_db", 19.0)
            record, arrays = restored()
            write_json(folder / "evaluation" / "test.json", record)
            write_arrays(folder / "evaluation" / "test.safetensors", arrays)
            write_result(folder, "19.50 dB inside the hole on 6 test pictures")
        else:
            write_metrics(folder, "nats", 2.1)
            for epoch in (1, 2):
                texts = {"epoch": epoch, "texts": ["anna", "<b>otto"]}
                append_json_line(folder / "samples.jsonl", texts)
            write_result(folder, "2.100 nats a symbol")
        if inside:
            write_inside(folder / "inside")
        return folder

    return made
