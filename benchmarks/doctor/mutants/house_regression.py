"""Faults of the regression on a CSV table."""

from __future__ import annotations

import numpy as np

from doctor.material import Files
from doctor.mutant import (
    HONEST,
    Mutant,
    column,
    config,
    data,
    graded,
    several,
    shuffled,
    source,
)  # fmt: skip

TRAIN, TEST, SETTINGS = "houses_train.csv", "houses_test.csv", "config.json"
CLEAR = "            optimizer.zero_grad()\n"
STEP = "            optimizer.step()\n"
LAST = "        nn.Linear(width, 1),\n"
TRAINED = "    train(model, x, y, config)\n"
FORWARD = "            prediction = model(x[rows])\n"
SCALED = "    train_x = (train_x - mean) / std\n"


def rows(name: str, label: str, function, severity: int = 0, file: str = TRAIN,
         also: str = "", by_definition: str = "") -> Mutant:  # fmt: skip
    """The whole table of a file through a function."""

    def change(files: Files) -> None:
        files[file]["rows"] = function(files[file]["rows"])

    return data(name, label, change, severity, also, by_definition)


def same_rows(share: float) -> Mutant:
    def change(files: Files) -> None:
        count = int(400 * share)
        files[TEST]["rows"][:count] = files[TRAIN]["rows"][100 : 100 + count]

    label = f"{share:.0%} copied"
    return data("tested-on-training-data", label, change, round(share * 3), by_definition=HONEST)


def bad(place: int, value: float):
    def function(table: np.ndarray) -> np.ndarray:
        table[50, place] = value
        return table

    return function


MUTANTS: list[Mutant] = [
    *graded("learning-rate-too-high", SETTINGS, "lr", (0.6, 2.0, 20.0),
            also="non-finite-values dead-units exploding-gradients"),
    *graded("learning-rate-too-low", SETTINGS, "lr", (7e-4, 2e-4, 2e-5), also="stopped-too-early"),
    *graded("stopped-too-early", SETTINGS, "epochs", (2, 1)),
    *graded("batch-size-unsuited", SETTINGS, "batch", (500, 1000),
            also="stopped-too-early learning-rate-too-low"),
    config("weights-never-change", "rate 0", SETTINGS, lr=0.0, also="learning-rate-too-low"),
    source("target-broadcast", "target (n,)",
           ("train_y, dtype=torch.float32).unsqueeze(1)", "train_y, dtype=torch.float32)")),
    source("target-broadcast", "prediction (n,)",
           ("prediction = model(x[rows])", "prediction = model(x[rows]).squeeze()")),
    source("metric-wrong", "broadcast in r2",
           ("test_y, dtype=torch.float32).unsqueeze(1)", "test_y, dtype=torch.float32)"),
           by_definition=HONEST),
    source("metric-wrong", "divided by the training target's spread",
           ("    total = ((y - y.mean()) ** 2).sum()\n", "    total = ((y - 10) ** 2).sum()\n"),
           by_definition=HONEST),
    source("gradients-not-cleared", "never", (CLEAR, "")),
    source("gradients-not-cleared", "each epoch", (CLEAR, ""),
           ("        losses = []\n", "        losses = []\n        optimizer.zero_grad()\n")),
    source("weights-never-change", "never steps", (STEP, "")),
    source("weights-never-change", "a rate of 1e-12",
           ('lr=config["lr"]', "lr=1e-12"), also="learning-rate-too-low"),
    source("graph-cut", "loss made anew",
           ("            loss = mse(prediction, y[rows])\n", "            loss = torch.tensor("
            "mse(prediction, y[rows]).item(), requires_grad=True)\n"),
           also="weights-never-change"),
    source("graph-cut", "first half detached",
           (FORWARD, "            prediction = model[2:](model[:2](x[rows]).detach())\n")),
    source("frozen-by-mistake", "all but the last layer", (TRAINED,
           "    model[:4].requires_grad_(False)\n" + TRAINED)),
    source("parameters-outside-optimiser", "only the last layer",
           ("SGD(model.parameters(),", "SGD(model[-1].parameters(),")),
    source("output-cannot-reach-targets", "sigmoid", (LAST, LAST + "        nn.Sigmoid(),\n")),
    source("output-cannot-reach-targets", "tanh", (LAST, LAST + "        nn.Tanh(),\n")),
    source("output-cannot-reach-targets", "relu", (LAST, LAST + "        nn.ReLU(),\n"),
           also="dead-units"),
    source("softmax-over-one-unit", "softmax", (LAST, LAST + "        nn.Softmax(dim=1),\n"),
           also="output-cannot-reach-targets"),
    source("samples-mixed", "softmax over the batch", (LAST, LAST + "        nn.Softmax(dim=0),\n"),
           also="output-cannot-reach-targets"),
    source("samples-mixed", "sorted prediction",
           (FORWARD, "            prediction = model(x[rows]).sort(dim=0).values\n")),
    source("loss-summed-not-averaged", "sum",
           ("** 2).mean()", "** 2).sum()"), also="learning-rate-too-high non-finite-values"),
    source("no-nonlinearity", "no ReLU", ("        nn.ReLU(),\n        nn.Linear(width, width),\n"
           "        nn.ReLU(),\n", "        nn.Linear(width, width),\n")),
    source("inputs-not-normalised", "features as they are",
           (SCALED, ""), ("    test_x = (test_x - mean) / std\n", ""),
           also="non-finite-values learning-rate-too-high dead-units"),
    source("train-test-preprocessing-differs", "test as it is",
           ("    test_x = (test_x - mean) / std\n", "")),
    source("train-test-preprocessing-differs", "test twice",
           ("    test_x = (test_x - mean) / std\n",
            "    test_x = ((test_x - mean) / std - mean) / std\n")),
    source("targets-miscoded", "price in dollars", ("    train_y = (train_y - y_mean) / y_std\n"
           "    test_y = (test_y - y_mean) / y_std\n", ""),
           also="non-finite-values learning-rate-too-high exploding-gradients"),
    source("targets-miscoded", "price in thousands, lower rate",
           ("    train_y = (train_y - y_mean) / y_std\n"
            "    test_y = (test_y - y_mean) / y_std\n",
            "    train_y, test_y = train_y / 1000, test_y / 1000\n"),
           also="non-finite-values learning-rate-too-high exploding-gradients"),
    source("labels-unrelated-to-inputs", "another order",
           ("loss = mse(prediction, y[rows])",
            "loss = mse(prediction, y[torch.randperm(n)[: len(rows)]])")),
    source("shape-mismatch", "inputs", ("model = build(x.shape[1],", "model = build(6,")),
    source("non-finite-values", "root of the error",
           ("return ((prediction - target) ** 2).mean()",
            "return ((prediction - target) - (prediction - target)).sqrt().mean() + "
            "((prediction - target) ** 2).mean()"), also="exploding-gradients"),
    source("dead-units", "bias -30", (TRAINED, "    nn.init.constant_(model[2].bias, -30.0)\n"
           + TRAINED), also="bad-initialisation"),
    source("bad-initialisation", "constant", (TRAINED, "    for p in model.parameters():\n"
           "        nn.init.constant_(p, 0.1)\n" + TRAINED)),
    source("bad-initialisation", "zero", (TRAINED, "    for p in model.parameters():\n"
           "        nn.init.zeros_(p)\n" + TRAINED), also="dead-units"),
    source("exploding-gradients", "twelve wide layers of large weights",
           ("        nn.Linear(width, width),\n        nn.ReLU(),\n",
            "        *[nn.Linear(width, width) for _ in range(6)],\n        nn.ReLU(),\n"),
           (TRAINED, "    with torch.no_grad():\n        for p in model.parameters():\n"
            "            p.mul_(2.5)\n" + TRAINED),
           also="bad-initialisation non-finite-values learning-rate-too-high"),
    rows("bad-split", "trained on cheap houses", lambda r: r[r[:, -1] < np.quantile(r[:, -1], .5)]),
    same_rows(1.0),
    same_rows(0.5),
    same_rows(0.2),
    rows("bad-features", "a hole", bad(1, float("nan")), also="non-finite-values"),
    rows("bad-features", "infinite", bad(3, float("inf")), also="non-finite-values"),
    data("bad-features", "a constant column", several(
        column(TRAIN, "area", lambda v: v * 0 + 80), column(TEST, "area", lambda v: v * 0 + 80)),
        also="non-finite-values"),
    data("labels-unrelated-to-inputs", "prices shuffled", column(TRAIN, "price", shuffled), 3),
    data("labels-unrelated-to-inputs", "one row further",
         column(TRAIN, "price", lambda v: np.roll(v, 1)), 3),
    *(data("label-errors", f"{share:.0%} of prices", column(
        TRAIN, "price", lambda v, s=share: np.where(
            np.random.default_rng(8).random(len(v)) < s, shuffled(v), v)), level)
      for level, share in ((1, 0.2), (2, 0.4), (3, 0.7))),
    data("train-test-preprocessing-differs", "area in square feet", column(
        TEST, "area", lambda v: v * 10.76), 2),
    data("train-test-preprocessing-differs", "age in years of birth", column(
        TEST, "age", lambda v: 2025 - v), 3),
    data("train-test-preprocessing-differs", "distance in miles", column(
        TEST, "distance", lambda v: v * 0.621), 1),
    data("targets-miscoded", "test price in thousands", column(
        TEST, "price", lambda v: v / 1000), 3, also="train-test-preprocessing-differs"),
    data("targets-miscoded", "one price in a hundred in cents", column(
        TRAIN, "price", lambda v: np.where(np.arange(len(v)) % 100 == 7, v * 1000, v)), 2,
        also="label-errors"),
    rows("overfitting", "40 rows", lambda r: r[:40]),
]  # fmt: skip
