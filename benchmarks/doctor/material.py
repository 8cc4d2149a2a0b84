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
    from doctor.trap_material import digits_file

    return MAKERS.get(program, digits_file)()


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
                "std": 95.0, "optimizer": "sgd"}  # fmt: skip
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


@maker
def cancer_table() -> Files:
    """569 tumours with 30 measurements, from one in a thousand to some thousands."""
    from sklearn.datasets import load_breast_cancer

    found = load_breast_cancer()
    rows = np.column_stack([found.data, 1 - found.target])
    rows = rows[np.random.default_rng(3).permutation(len(rows))]
    names = [name.replace(" ", "_") for name in found.feature_names] + ["malignant"]
    test, train = rows[:169], rows[169:]
    train = train[np.argsort(train[:, -1], kind="stable")]
    params = {"scale": True, "hidden": 32, "dropout": 0.2, "lr": 0.003, "weight_decay": 0.01,
              "batch_size": 16, "epochs": 15, "shuffle": True}  # fmt: skip
    return {
        "train.csv": {"names": names, "rows": train},
        "test.csv": {"names": names, "rows": test},
        "params.json": params,
    }


def pixels() -> dict[str, np.ndarray]:
    x, _ = digits()
    shares = (x / 16).astype(np.float32)
    return {"train": shares[450:], "test": shares[:450]}


@maker
def autoencoder() -> Files:
    config = {"batch_size": 32, "code": 12, "learning_rate": 0.005, "epochs": 12, "noise": 0.2}
    return {"pixels.npz": pixels(), "autoencoder.json": config}


@maker
def vae_digits() -> Files:
    config = {"latent": 8, "hidden": 64, "batch_size": 32, "beta": 1.0, "lr": 0.004, "epochs": 10}
    return {"pixels.npz": pixels(), "vae.json": config}


@maker
def lstm_waves() -> Files:
    """Sines of a low and of a high frequency, square waves, and chirps, in noise."""
    draw = np.random.default_rng(4)
    n, length = 1200, 24
    t = np.arange(length)
    kind = draw.integers(0, 4, n)
    phase, rate = draw.uniform(0, 2 * np.pi, (n, 1)), draw.uniform(0.9, 1.1, (n, 1))
    slow, fast = np.sin(0.4 * rate * t + phase), np.sin(1.3 * rate * t + phase)
    square = np.sign(np.sin(0.7 * rate * t + phase))
    chirp = np.sin(0.04 * rate * t**2 + phase)
    clean = np.choose(kind[:, None], [slow, fast, square, chirp])
    series = clean + draw.normal(0, 0.6, (n, length))
    hparams = {"batch_size": 32, "hidden": 32, "layers": 1, "lr": 0.01, "clip": 1.0, "epochs": 8}
    return {
        "waves.npz": {"series": series.astype(np.float32), "kind": kind.astype(np.int64)},
        "hparams.json": hparams,
    }


@maker
def transformer_sort() -> Files:
    draw = np.random.default_rng(5)
    train = draw.integers(0, 16, (4000, 7)).astype(np.int64)
    val = draw.integers(0, 16, (500, 7)).astype(np.int64)
    model = {"width": 32, "heads": 2, "depth": 1, "dropout": 0.0, "lr": 0.005, "batch": 48,
             "steps": 250, "warmup": 25, "weight_decay": 0.01}  # fmt: skip
    return {"letters.npz": {"train": train, "val": val}, "model.json": model}


@maker
def gan_ring() -> Files:
    draw = np.random.default_rng(6)
    angle = draw.uniform(0, 2 * np.pi, 4000)
    points = np.stack([np.cos(angle), np.sin(angle)], 1) + draw.normal(0, 0.06, (4000, 2))
    config = {"latent": 4, "width": 48, "g_lr": 0.001, "d_lr": 0.002, "batch": 64, "steps": 600}
    return {"ring.npz": {"points": points.astype(np.float32)}, "gan.json": config}


@maker
def finetune() -> Files:
    """Digits 5 to 9 in few training pictures, and a backbone that was trained on 0 to 4."""
    x, y = digits()
    new = y >= 5
    pictures, labels = x[new].reshape(-1, 8, 8), y[new] - 5
    parts = split(pictures, labels, len(labels) - 250)
    config = {"freeze": ["features"], "new_head": True, "lr": 0.05, "batch_size": 20, "epochs": 15}
    return {"new_digits.npz": parts, "backbone.pt": backbone(), "finetune.json": config}


@functools.cache
def backbone() -> dict[str, np.ndarray]:
    """The weights of `programs/finetune.py`'s network, trained here on the digits 0 to 4."""
    import runpy

    import torch
    from torch.nn import functional

    program = Path(__file__).parent / "programs" / "finetune.py"
    kept = torch.get_rng_state()
    torch.manual_seed(0)
    network = runpy.run_path(str(program))["Backbone"]()
    x, y = digits()
    old = y < 5
    pictures = (torch.from_numpy(x[old]).reshape(-1, 1, 8, 8) / 16 - 0.3) / 0.37
    labels = torch.from_numpy(y[old])
    optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(150):
        rows = torch.randint(len(labels), (64,))
        optimiser.zero_grad()
        functional.cross_entropy(network(pictures[rows]), labels[rows]).backward()
        optimiser.step()
    torch.set_rng_state(kept)
    return {name: value.numpy().copy() for name, value in network.state_dict().items()}
