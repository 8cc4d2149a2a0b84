"""Our network and our recipe for the same target, trained by skorch instead of by our loop."""

from __future__ import annotations

import math

import torch
from clock import Clock
from ours import BETAS, recipe_for
from skorch import NeuralNetClassifier
from skorch.callbacks import LRScheduler

from pellucid.nets.convnet import build


def main() -> None:
    clock = Clock()
    recipe = recipe_for(clock.target, clock.seed)
    torch.manual_seed(clock.seed)
    labels = clock.labels
    steps = math.ceil(len(labels) / recipe.batch_size)
    epochs = math.ceil(recipe.epochs)
    clock.start()
    network = NeuralNetClassifier(
        build((1, 28, 28), 10),
        criterion=torch.nn.CrossEntropyLoss,
        criterion__label_smoothing=recipe.label_smoothing,
        optimizer=torch.optim.AdamW,
        optimizer__betas=BETAS,
        optimizer__weight_decay=0.0,
        lr=recipe.learning_rate,
        batch_size=recipe.batch_size,
        max_epochs=1,
        train_split=None,
        iterator_train__shuffle=True,
        callbacks=[
            LRScheduler(
                torch.optim.lr_scheduler.OneCycleLR,
                max_lr=recipe.learning_rate,
                total_steps=steps * epochs,
                pct_start=recipe.warmup,
                anneal_strategy="linear",
                cycle_momentum=False,
                step_every="batch",
            )
        ],
        verbose=0,
    )
    network.initialize()
    for _ in range(epochs):
        network.partial_fit(clock.inputs, labels)
        if clock.look(lambda x: network.predict(x)):
            return


if __name__ == "__main__":
    main()
