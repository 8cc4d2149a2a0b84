"""Faults of the MLP on digits."""

from __future__ import annotations

import numpy as np

from doctor.material import Files
from doctor.mutant import (
    HONEST,
    Mutant,
    array,
    config,
    data,
    graded,
    several,
    shuffled,
    source,
    wrong_labels,
)  # fmt: skip

FILE, SETTINGS = "digits.npz", "config.json"
TEST_X = 'test_x = torch.tensor(data["test_x"], dtype=torch.float32) / config["pixel_max"]'
LOGITS = "        logits = model(x)\n"
LOSS = "F.cross_entropy(logits, y)"
HEAD = "        return self.head(x)\n"
OPTIMISER = """optimizer = torch.optim.Adam(
    model.parameters(), lr=config["lr"], weight_decay=config["weight_decay"]
)"""
LOOP = 'for epoch in range(config["epochs"]):\n'


def copied(share: float) -> Mutant:
    """A share of the test rows are rows of the training file."""

    def change(files: Files) -> None:
        arrays = files[FILE]
        rows = np.random.default_rng(5).permutation(len(arrays["train_x"]))[: int(500 * share)]
        for part in ("x", "y"):
            arrays[f"test_{part}"][: len(rows)] = arrays[f"train_{part}"][rows]

    label = f"{share:.0%} copied"
    return data("tested-on-training-data", label, change, round(share * 3), by_definition=HONEST)


def fewer(keep: float) -> Mutant:
    """Only a share of each class but one stays in the training file."""

    def change(files: Files) -> None:
        arrays = files[FILE]
        draw = np.random.default_rng(6).random(len(arrays["train_y"]))
        stays = (arrays["train_y"] == 3) | (draw < keep)
        arrays |= {key: arrays[key][stays] for key in ("train_x", "train_y")}

    return data("majority-answer", f"{keep:.1%} of the others", change, 3 if keep < 0.01 else 2,
                also="bad-split")  # fmt: skip


def without_classes(count: int) -> Mutant:
    def change(files: Files) -> None:
        arrays = files[FILE]
        stays = arrays["train_y"] >= count
        arrays |= {key: arrays[key][stays] for key in ("train_x", "train_y")}

    return data("bad-split", f"{count} classes not in training", change, min(3, count))


def little(rows: int) -> Mutant:
    def change(files: Files) -> None:
        arrays = files[FILE]
        order = np.random.default_rng(7).permutation(len(arrays["train_y"]))[:rows]
        arrays |= {key: arrays[key][order] for key in ("train_x", "train_y")}
        files[SETTINGS]["epochs"] = 12 * (1297 // rows)
        files[SETTINGS]["dropout"] = 0.0

    return data("overfitting", f"{rows} rows", change, 1 if rows > 50 else 2)


def with_hole(value: float) -> Mutant:
    def change(files: Files) -> None:
        files[FILE]["train_x"][700, 20] = value

    return data("bad-features", f"one {value}", change, also="non-finite-values")


MUTANTS: list[Mutant] = [
    *graded("learning-rate-too-high", SETTINGS, "lr", (0.06, 0.2, 2.0),
            also="non-finite-values dead-units"),
    *graded("learning-rate-too-low", SETTINGS, "lr", (7e-5, 2e-5, 2e-6), also="stopped-too-early"),
    *graded("regularisation-too-strong", SETTINGS, "dropout", (0.8, 0.9, 0.97)),
    *graded("regularisation-too-strong", SETTINGS, "weight_decay", (0.1, 0.5, 5.0)),
    *graded("vanishing-gradients", SETTINGS, "depth", (5, 8, 12), activation="sigmoid",
            also="saturated-units"),
    *graded("inputs-not-normalised", SETTINGS, "pixel_max", (0.06, 0.002, 1e5), also="dead-units"),
    *graded("stopped-too-early", SETTINGS, "epochs", (3, 2, 1)),
    *graded("batch-size-unsuited", SETTINGS, "batch_size", (256, 600, 1297),
            also="stopped-too-early learning-rate-too-low"),
    config("not-shuffled", "sorted file", SETTINGS, shuffle=False),
    config("no-nonlinearity", "none", SETTINGS, activation="none"),
    config("weights-never-change", "rate 0", SETTINGS, lr=0.0, also="learning-rate-too-low"),
    source("eval-forgotten", "no eval", ("    model.eval()\n", ""), by_definition=HONEST),
    source("trained-in-eval-mode", "no train", ("    model.train()\n", "    model.eval()\n")),
    source("gradients-not-cleared", "never", ("        optimizer.zero_grad()\n", "")),
    source("gradients-not-cleared", "each epoch", ("        optimizer.zero_grad()\n", ""),
           ("    total = 0.0\n", "    total = 0.0\n    optimizer.zero_grad()\n")),
    source("weights-never-change", "never steps", ("        optimizer.step()\n", "")),
    source("weights-never-change", "cleared before the step",
           ("        optimizer.zero_grad()\n", ""),
           ("        optimizer.step()\n", "        optimizer.zero_grad()\n"
            "        optimizer.step()\n")),
    source("parameters-outside-optimiser", "body in a list",
           ("self.body = nn.Sequential(*layers)", "self.body = layers"),
           ("        x = self.body(x)\n", "        for layer in self.body:\n"
            "            x = layer(x)\n")),
    source("parameters-outside-optimiser", "only the body", (OPTIMISER, OPTIMISER.replace(
        "model.parameters()", "model.body[0].parameters()"))),
    source("parameters-outside-optimiser", "head made later",
           (LOOP, "model.head = nn.Linear(config[\"hidden\"], 10)\n" + LOOP)),
    source("frozen-by-mistake", "the body", (OPTIMISER, "for parameter in model.body.parameters():"
           "\n    parameter.requires_grad = False\n" + OPTIMISER)),
    source("graph-cut", "detached body",
           ("        x = self.body(x)\n", "        x = self.body(x).detach()\n")),
    source("graph-cut", "numpy", ("        x = self.body(x)\n", "        x = torch.from_numpy("
           "self.body(x).detach().numpy())\n")),
    source("softmax-before-cross-entropy", "in the network",
           (HEAD, "        return torch.softmax(self.head(x), dim=1)\n")),
    source("softmax-before-cross-entropy", "sigmoid rates",
           (HEAD, "        return F.softmax(self.head(x) / 4, dim=-1)\n")),
    source("raw-scores-into-probability-loss", "nll", (LOSS, "F.nll_loss(logits, y)"),
           also="non-finite-values"),
    source("samples-mixed", "softmax over the batch",
           (HEAD, "        return torch.log_softmax(self.head(x), dim=0)\n")),
    source("samples-mixed", "input not used", ("        x = self.body(x)\n",
           "        x = self.body(torch.zeros_like(x))\n"), also="labels-unrelated-to-inputs"),
    source("loss-unsuited-to-task", "mse to class number",
           (LOSS, "F.mse_loss(logits.mean(dim=1), y.float())")),
    source("loss-unsuited-to-task", "l1 to one-hot",
           (LOSS, "F.l1_loss(logits, F.one_hot(y, 10).float())")),
    source("loss-summed-not-averaged", "sum, sgd", (LOSS, "F.cross_entropy(logits, y, "
           "reduction=\"sum\")"), (OPTIMISER, "optimizer = torch.optim.SGD(model.parameters(), "
           "lr=0.1, momentum=0.9)"), also="learning-rate-too-high"),
    source("optimiser-unsuited", "adadelta", (OPTIMISER, OPTIMISER.replace("Adam", "Adadelta")),
           also="learning-rate-too-low"),
    source("optimiser-unsuited", "plain sgd", (OPTIMISER, OPTIMISER.replace("Adam", "SGD")),
           also="learning-rate-too-low"),
    *(source("bad-initialisation", label, (LOOP, f"for p in model.parameters():\n    {how}\n"
             + LOOP), severity=severity, also=also)
      for label, how, severity, also in (
          ("zeros", "nn.init.zeros_(p)", 3, "dead-units"),
          ("constant", "nn.init.constant_(p, 0.05)", 2, ""),
          ("std 2", "nn.init.normal_(p, std=2.0)", 2, "exploding-gradients"),
          ("std 20", "nn.init.normal_(p, std=20.0)", 3, "exploding-gradients"))),
    source("dead-units", "bias -3", (LOOP, "nn.init.constant_(model.body[0].bias, -3.0)\n" + LOOP),
           severity=1, also="bad-initialisation"),
    source("dead-units", "bias -30", (LOOP, "nn.init.constant_(model.body[0].bias, -30.0)\n"
           + LOOP), severity=3, also="bad-initialisation"),
    source("saturated-units", "tanh of large weights",
           (LOOP, "with torch.no_grad():\n    model.body[0].weight.mul_(60)\n    "
            "model.body[3].weight.mul_(60)\n" + LOOP), ('config["activation"])\n', '"tanh")\n'),
           also="bad-initialisation vanishing-gradients"),
    source("metric-wrong", "not reset", ("    correct = 0\n", ""),
           (LOOP, "correct = 0\n" + LOOP), by_definition=HONEST),
    source("metric-wrong", "divided by batches",
           ('print(f"metric {correct / len(test_x):.4f}")',
            'print(f"metric {correct / len(test_loader):.4f}")'), by_definition=HONEST),
    source("tested-on-training-data", "train rows",
           ("TensorDataset(test_x, test_y)", "TensorDataset(train_x, train_y)"),
           ("correct / len(test_x):.4f}\")\n\n", "correct / len(train_x):.4f}\")\n\n"),
           ("metric {correct / len(test_x):.4f}", "metric {correct / len(train_x):.4f}"),
           by_definition=HONEST),
    source("shape-mismatch", "flattened size", ("nn.Linear(64, hidden)", "nn.Linear(60, hidden)")),
    source("train-test-preprocessing-differs", "test not scaled",
           (TEST_X, TEST_X.replace(' / config["pixel_max"]', ""))),
    source("targets-miscoded", "off by one", ('torch.tensor(data["train_y"], dtype=torch.long)',
           'torch.tensor((data["train_y"] + 1) % 10, dtype=torch.long)')),
    source("non-finite-values", "log of a probability",
           (LOSS, "-torch.log(F.softmax(logits * 40, dim=1))[torch.arange(len(y)), y].mean()")),
    source("same-randomness-in-workers", "numpy seed", ('shuffle=config["shuffle"]',
           'shuffle=config["shuffle"], num_workers=2, worker_init_fn=lambda w: '
           'np.random.seed(0)'), by_definition="each worker draws the same numbers"),
    *(data("label-errors", f"{share:.0%}", array(FILE, "train_y", wrong_labels(share, 10)), level)
      for level, share in ((1, 0.2), (2, 0.4), (3, 0.7))),
    data("labels-unrelated-to-inputs", "shuffled alone", array(FILE, "train_y", shuffled), 3),
    data("labels-unrelated-to-inputs", "half", array(FILE, "train_y",
         lambda y: np.where(np.arange(len(y)) % 2, y, shuffled(y))), 2, also="label-errors"),
    data("labels-unrelated-to-inputs", "one row further in a shuffled file", several(
        array(FILE, "train_x", shuffled), array(FILE, "train_y", shuffled),
        array(FILE, "train_y", lambda y: np.roll(y, 1))), 3),
    *(copied(share) for share in (0.2, 0.5, 1.0)),
    *(data("train-test-preprocessing-differs", f"test x {factor:g}", array(
        FILE, "test_x", lambda x, f=factor: x * f), level)
      for level, factor in ((1, 0.1), (2, 0.01), (3, 255.0))),
    data("train-test-preprocessing-differs", "test inverted", array(
        FILE, "test_x", lambda x: 16 - x), 2),
    *(data("inputs-not-normalised", f"x {factor:g}", several(
        array(FILE, "train_x", lambda x, f=factor: x * f),
        array(FILE, "test_x", lambda x, f=factor: x * f)), level, also="dead-units")
      for level, factor in ((1, 0.003), (2, 255.0), (3, 10_000.0))),
    data("inputs-not-normalised", "+ 1000", several(
        array(FILE, "train_x", lambda x: x + 1000), array(FILE, "test_x", lambda x: x + 1000)), 2),
    data("targets-miscoded", "1 to 10", several(
        array(FILE, "train_y", lambda y: y + 1), array(FILE, "test_y", lambda y: y + 1)),
        also="shape-mismatch"),
    data("targets-miscoded", "test labels off by one", array(
        FILE, "test_y", lambda y: (y + 1) % 10)),
    *(fewer(keep) for keep in (0.02, 0.005)),
    *(without_classes(count) for count in (1, 2, 5)),
    *(little(rows) for rows in (100, 40)),
    with_hole(float("nan")),
    with_hole(float("inf")),
    data("shape-mismatch", "63 pixels", several(
        array(FILE, "train_x", lambda x: x[:, :63]), array(FILE, "test_x", lambda x: x[:, :63]))),
    data("bad-features", "constant pixels", several(
        array(FILE, "train_x", lambda x: np.where(np.arange(64) % 8 < 6, 0, x).astype("f4")),
        array(FILE, "test_x", lambda x: np.where(np.arange(64) % 8 < 6, 0, x).astype("f4"))), 2),
]  # fmt: skip
