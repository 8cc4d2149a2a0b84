"""The files that the programs read: data, configuration and weights, made from seeds.

A file is known by its name and held as plain values: `.npz` and `.pt` as arrays by name, `.csv` as
`{"names": [...], "rows": array}`, `.json` as a dictionary. `write` puts them into a folder.
"""

from __future__ import annotations

import copy
import csv
import functools
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Files = dict[str, Any]
MAKERS: dict[str, Callable[[], Files]] = {}
"""By program: makes its files."""


def files_of(program: str) -> Files:
    """The files that a healthy program reads, to be changed freely."""
    return copy.deepcopy(_made(program))


@functools.cache
def _made(program: str) -> Files:
    return MAKERS[program]()


def maker(function: Callable[[], Files]) -> Callable[[], Files]:
    MAKERS[function.__name__] = function
    return function


def write(files: Files, folder: Path) -> None:
    for name, content in files.items():
        (folder / name).write_bytes(as_bytes(name, content))


def as_bytes(name: str, content: Any) -> bytes:
    """What stands in the file; the same content gives the same bytes."""
    if name.endswith(".json"):
        return json.dumps(content, indent=2).encode()
    if name.endswith(".csv"):
        lines = io.StringIO()
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow(content["names"])
        writer.writerows([[f"{cell:.7g}" for cell in row] for row in content["rows"]])
        return lines.getvalue().encode()
    stream = io.BytesIO()
    if name.endswith(".npz"):
        np.savez(stream, **content)
    else:
        import torch

        torch.save({key: torch.tensor(value) for key, value in content.items()}, stream)
    return stream.getvalue()


@functools.cache
def digits() -> tuple[np.ndarray, np.ndarray]:
    """1,797 pictures of 8 × 8 with values 0 to 16, and their digits, in a seeded order."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))
    return x[order].astype(np.float32), y[order].astype(np.int64)


def split(x: np.ndarray, y: np.ndarray, test: int) -> dict[str, np.ndarray]:
    return {"train_x": x[test:], "train_y": y[test:], "test_x": x[:test], "test_y": y[:test]}


def by_label(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The training rows sorted by their label, as files often are."""
    order = np.argsort(arrays["train_y"], kind="stable")
    return arrays | {key: arrays[key][order] for key in ("train_x", "train_y")}


@maker
def digits_mlp() -> Files:
    config = {"pixel_max": 16.0, "batch_size": 32, "shuffle": True, "hidden": 64, "depth": 2,
              "dropout": 0.2, "activation": "relu", "lr": 0.002, "weight_decay": 0.0,
              "epochs": 12}  # fmt: skip
    return {"digits.npz": by_label(split(*digits(), 500)), "config.json": config}


@maker
def cnn_trainer() -> Files:
    x, y = digits()
    pictures = split((x * 15.9).astype(np.uint8).reshape(-1, 1, 8, 8), y, 450)
    settings = {"lr": 0.05, "momentum": 0.9, "weight_decay": 1e-4, "batch_size": 48, "epochs": 7,
                "bn_momentum": 0.1, "dropout": 0.25, "schedule_epochs": 7, "mean": 77.0,
                "std": 95.0}  # fmt: skip
    return {"pictures.npz": pictures, "settings.json": settings}


@maker
def house_regression() -> Files:
    """Prices of made-up houses: smooth in some features, with one that does not matter."""
    draw = np.random.default_rng(1)
    n = 1400
    area, rooms = draw.uniform(30, 250, n), draw.integers(1, 8, n)
    age, distance = draw.uniform(0, 100, n), draw.gamma(2, 6, n)
    floor, noise = draw.integers(0, 12, n), draw.normal(0, 14_000, n)
    price = (
        900 * area + 9_000 * rooms - 450 * age + 90_000 * np.exp(-distance / 8)
        + 700 * area * (distance < 6) + noise
    )  # fmt: skip
    names = ["area", "rooms", "age", "distance", "floor", "price"]
    rows = np.stack([area, rooms, age, distance, floor, price], 1)
    config = {"lr": 0.02, "momentum": 0.9, "batch": 32, "epochs": 14, "width": 48}
    return {
        "houses_train.csv": {"names": names, "rows": rows[400:]},
        "houses_test.csv": {"names": names, "rows": rows[:400]},
        "config.json": config,
    }
