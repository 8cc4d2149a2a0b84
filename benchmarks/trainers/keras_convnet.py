"""The official Keras convnet (keras.io, simple MNIST convnet) on the torch backend.

conv 32, pool, conv 64, pool, dropout 0.5; Adam, batch 128, 15 epochs.
"""

from __future__ import annotations

import os

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
import torch
from clock import Clock
from keras import layers


def main() -> None:
    clock = Clock()
    keras.utils.set_random_seed(clock.seed)
    torch.set_default_device("cpu")
    inputs = np.ascontiguousarray(clock.inputs.transpose(0, 2, 3, 1))
    clock.start()
    network = keras.Sequential(
        [
            keras.Input(shape=(28, 28, 1)),
            layers.Conv2D(32, kernel_size=(3, 3), activation="relu"),
            layers.MaxPooling2D(pool_size=(2, 2)),
            layers.Conv2D(64, kernel_size=(3, 3), activation="relu"),
            layers.MaxPooling2D(pool_size=(2, 2)),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )
    network.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"])

    def answers(x: np.ndarray) -> np.ndarray:
        return network.predict_on_batch(x.transpose(0, 2, 3, 1)).argmax(1)

    for _ in range(15):
        network.fit(inputs, clock.labels, batch_size=128, epochs=1, verbose=0)
        if clock.look(answers):
            return


if __name__ == "__main__":
    main()
