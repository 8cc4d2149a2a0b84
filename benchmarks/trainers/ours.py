"""`pellucid.fit` with the default network and a short recipe, one for each target."""

from __future__ import annotations

import tempfile

import torch
from clock import MEAN, SPREAD, Clock

import pellucid
from pellucid.train.recipe import Recipe

BETAS = (0.7, 0.9)
SHORT = Recipe(
    dataset="mnist",
    net="convnet",
    learning_rate=0.015,
    momentum=BETAS[0],
    second_moment=BETAS[1],
    weight_decay=0.0,
    warmup=0.3,
    batch_size=256,
    label_smoothing=0.1,
)


def recipe_for(target: float, seed: int) -> Recipe:
    """One-cycle over as few epochs as the target needs."""
    return SHORT.with_changes({"epochs": 0.75 if target <= 0.99 else 1.5, "seed": seed})


def main() -> None:
    clock = Clock()
    recipe = recipe_for(clock.target, clock.seed)
    clock.start()
    with tempfile.TemporaryDirectory() as folder:
        run = pellucid.fit("convnet", clock.dataset, recipe, runs=folder, look_at_test=False)
        network = run.network
    mean, std = run.data["mean"][0], run.data["std"][0]

    def answers(x):  # type: ignore[no-untyped-def]
        pixels = torch.from_numpy(x) * SPREAD + MEAN
        with torch.inference_mode():
            return network((pixels - mean) / std).argmax(1).numpy()

    clock.look(answers)


if __name__ == "__main__":
    main()
