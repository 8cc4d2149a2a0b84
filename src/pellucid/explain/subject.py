"""What is asked about: a run with its own examples, or a network and inputs of the user's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pellucid.base.errors import BadData, WrongUse
from pellucid.base.modules import import_users_module
from pellucid.base.seeds import named_seed
from pellucid.data.dataset import Dataset
from pellucid.data.load import load as load_data
from pellucid.data.prepare import prepare
from pellucid.explain.record import record
from pellucid.explain.recorded import Recorded
from pellucid.train.build import network_of_factory
from pellucid.train.checkpoint import load_tensors
from pellucid.train.fit import data_settings
from pellucid.train.optimiser import make_optimiser
from pellucid.train.runs import Run, load_weights

Loss = Callable[[Any], Tensor]


@dataclass
class Subject:
    """A network, what it is given, and if wanted its loss and its optimiser."""

    network: nn.Module
    inputs: tuple[Any, ...]
    title: str
    loss: Loss | None = None
    optimiser: torch.optim.Optimizer | None = None
    examples: list[str] = field(default_factory=list)
    """In words, what each example of the batch is, e.g. `validation 7, a 3`."""
    seed: int = 0

    @property
    def about(self) -> str:
        """Which network, in which mode, with which examples and which optimiser."""
        mode = "training mode" if self.network.training else "eval mode"
        more = " …" if len(self.examples) > 4 else ""
        count = f"{len(self.examples)} examples: " if len(self.examples) > 1 else ""
        parts = [f"{self.title} in {mode}", f"{count}{', '.join(self.examples[:4])}{more}"]
        if self.optimiser is not None:
            rate = self.optimiser.param_groups[0]["lr"]
            kind = type(self.optimiser).__name__
            parts.append(f"{kind} with a fresh memory, learning rate {rate:g}")
        return " · ".join(part for part in parts if part)

    def named(self, example: int) -> str:
        """What an example of the batch is called."""
        return self.examples[example] if example < len(self.examples) else str(example)

    def record(self) -> Recorded:
        """Run once and record; the same chance at each call."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(named_seed(self.seed, "explain"))
            return record(self.network, *self.inputs, loss=self.loss, optimiser=self.optimiser)


def of_run(
    run: Run, image: str | None, examples: int, way: str, data: Dataset | None = None
) -> Subject:
    """A run's network with one picture, or with the first training examples.

    `image` is the number of a validation example, or a picture file. `way` says how far to go:
    `forward`, `backward` (with the task's loss) or `step` (with the recipe's optimiser). The way
    back is gone in training mode, as in training; the answer alone is given in eval mode.
    """
    network, task = run.network, run.task
    inputs, labels, said = _given(run, image, examples if way != "forward" else 1, data)
    chance = torch.Generator().manual_seed(named_seed(run.recipe.seed, "explain", "pose"))
    posed, target = task.pose(task.prepare(inputs), labels, chance)
    found = Subject(network, (posed,), f"run {run.name}", examples=said, seed=run.recipe.seed)
    network.train(way != "forward")
    if way != "forward":
        if image is not None and not image.isdecimal():
            raise WrongUse(
                "explain",
                "a picture file, which has no right answer",
                "an example with a label, as the way back begins at the loss",
                "--image 7 for a validation example, or no --image",
            )
        for weight in network.parameters():
            weight.requires_grad_(True)
        found.loss = lambda output: task.loss(output, target)
    if way == "step":
        found.optimiser = _plain(make_optimiser(network, run.recipe))
    return found


def _given(
    run: Run, image: str | None, examples: int, data: Dataset | None
) -> tuple[Tensor, Tensor, list[str]]:
    """Stored examples, their labels, and what they are in words."""
    if image is not None and not image.isdecimal():
        prepared = prepare(Path(image), run.data)
        pixels = torch.from_numpy(np.ascontiguousarray(prepared.pixels[None]))
        return pixels, torch.zeros(1, dtype=torch.int64), [Path(image).name]
    data = data or load_data(run.recipe.dataset, **data_settings(run.recipe))
    split, kind = (data.train, "training") if image is None else (data.validation, "validation")
    places = np.arange(min(examples, len(split))) if image is None else np.array([int(image)])
    if places[-1] >= len(split):
        raise WrongUse(
            "--image", str(image), f"a validation example from 0 to {len(split) - 1}", "--image 0"
        )
    taken = split.take(places)
    classes = run.task.classes
    said = [
        f"{kind} {place}" + (f", {classes[int(label)]!r}" if _is_class(run, label) else "")
        for place, label in zip(places, taken.labels, strict=True)
    ]
    inputs, labels = (np.ascontiguousarray(part) for part in (taken.inputs, taken.labels))
    return torch.from_numpy(inputs), torch.from_numpy(labels), said


def _is_class(run: Run, label: Any) -> bool:
    return np.ndim(label) == 0 and run.data["kind"] == "pictures" and bool(run.task.classes)


def _plain(optimiser: torch.optim.Optimizer) -> torch.optim.Optimizer:
    """The same optimiser in its plain form, which does one thing after the other."""
    for group in optimiser.param_groups:
        group["fused"] = group["foreach"] = False
    return optimiser


def of_factory(
    target: str,
    given: str | None,
    weights: str | None,
    label: int | None,
    loss: str | None,
    way: str,
    rate: float,
) -> Subject:
    """A network of the user's, `module:factory`, with an input file.

    Raises `WrongUse` or `BadData` for a factory that fails, a file that cannot be read, and a way
    back without a loss.
    """
    network = network_of_factory(target)
    if given is None:
        raise WrongUse(
            f"network {target}",
            "no input",
            "a file with what the network is given",
            "--input FILE.npy (or .npz with one array an input, or .safetensors)",
        )
    if weights is not None:
        load_weights(network, load_tensors(Path(weights))[0], Path(weights))
    found = Subject(network, tuple(read_inputs(Path(given))), target)
    network.train(way != "forward")
    if way != "forward":
        found.loss = _loss(loss, label)
    if way == "step":
        found.optimiser = torch.optim.SGD(network.parameters(), lr=rate)
    return found


def _loss(loss: str | None, label: int | None) -> Loss:
    if loss is not None:
        name, _, function = loss.partition(":")
        module = import_users_module(name, f"loss {loss}")
        if not callable(getattr(module, function, None)):
            raise WrongUse(
                f"loss {loss}",
                f"no function {function!r}",
                "a function of the network's answer",
                "--loss mine.py:loss",
            )
        chosen: Loss = getattr(module, function)
        return chosen
    if label is not None:
        return lambda output: nn.functional.cross_entropy(output, torch.full((len(output),), label))
    raise WrongUse(
        "explain",
        "no loss",
        "one, as the way back begins there",
        "--label 3 for cross entropy against class 3, or --loss mine.py:loss",
    )


def read_inputs(path: Path) -> list[Tensor]:
    """The arrays of an .npy, .npz or .safetensors file, in their order; nothing is unpickled."""
    try:
        if path.suffix == ".npy":
            return [torch.from_numpy(np.load(path, allow_pickle=False))]
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as stored:
                return [torch.from_numpy(stored[name]) for name in stored.files]
        if path.suffix == ".safetensors":
            return list(load_tensors(path)[0].values())
    except FileNotFoundError as error:
        raise WrongUse(
            "--input", f"no file {path}", "a file with the network's input", "check the spelling"
        ) from error
    except (ValueError, OSError, TypeError) as error:
        raise BadData(
            str(path),
            f"a file that cannot be read ({error})",
            "arrays of numbers",
            "write it with numpy.save or numpy.savez",
        ) from error
    raise WrongUse(
        "--input",
        f"{path.name}, a {path.suffix or 'file without ending'}",
        ".npy, .npz or .safetensors",
        "write it with numpy.save",
    )
