"""Faults of fine-tuning: the source, the new data, the loaded weights, the configuration."""

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
    weights,
    wrong_labels,
)  # fmt: skip

FILE, SETTINGS, WEIGHTS = "new_digits.npz", "finetune.json", "backbone.pt"
CLEAR = "            optimizer.zero_grad()\n"
STEP = "            optimizer.step()\n"
FORWARD = "        return self.fc(self.features(x).flatten(1))\n"
TRAINABLE = "    trainable = [p for p in net.parameters() if p.requires_grad]\n"


def copied(share: float) -> Mutant:
    def change(files: Files) -> None:
        arrays = files[FILE]
        count = int(min(250, len(arrays["test_x"])) * share)
        for part in ("x", "y"):
            arrays[f"test_{part}"] = arrays[f"test_{part}"][:250]
            arrays[f"test_{part}"][:count] = arrays[f"train_{part}"][:count]

    return data("tested-on-training-data", f"{share:.0%} copied", change, round(3 * share),
                by_definition=HONEST)  # fmt: skip


def all_weights(function, what: str = "weight"):
    """Every array of the file whose name ends so, through a function of it and its number."""

    def change(files: Files) -> None:
        for number, name in enumerate(files[WEIGHTS]):
            if name.endswith(what):
                values = files[WEIGHTS][name]
                files[WEIGHTS][name] = function(values, number).astype(values.dtype)

    return change


def noise(values: np.ndarray, number: int) -> np.ndarray:
    return np.random.default_rng(number).normal(0, 1, values.shape)


MUTANTS: list[Mutant] = [
    *graded("learning-rate-too-high", SETTINGS, "lr", (1.5, 5.0, 50.0), also="non-finite-values"),
    *graded("learning-rate-too-low", SETTINGS, "lr", (1.7e-3, 5e-4, 5e-5),
            also="stopped-too-early"),
    *graded("stopped-too-early", SETTINGS, "epochs", (2, 1)),
    config("frozen-by-mistake", "head frozen too", SETTINGS, freeze=["features", "fc"],
           new_head=False, also="weights-never-change shape-mismatch"),
    config("weights-never-change", "rate 0", SETTINGS, lr=0.0, also="learning-rate-too-low"),
    config("batch-size-unsuited", "250", SETTINGS, batch_size=250,
           also="stopped-too-early learning-rate-too-low"),
    source("parameters-outside-optimiser", "head made after the optimiser",
           ("    if cfg[\"new_head\"]:\n        net.fc = nn.Linear(96, 5)\n", ""),
           ("    train_loader, test_loader =", "    net.fc = nn.Linear(96, 5)\n"
            "    train_loader, test_loader =")),
    source("frozen-by-mistake", "the new head", (TRAINABLE,
           "    net.fc.weight.requires_grad = False\n" + TRAINABLE)),
    source("gradients-not-cleared", "never", (CLEAR, "")),
    source("gradients-not-cleared", "each epoch", (CLEAR, ""),
           ("        net.train()\n", "        net.train()\n        optimizer.zero_grad()\n")),
    source("weights-never-change", "never steps", (STEP, "")),
    source("graph-cut", "answer detached", (
           "            loss = criterion(net(x), y)\n",
           "            loss = criterion(net(x).detach().requires_grad_(), y)\n"),
           also="weights-never-change"),
    source("softmax-before-cross-entropy", "in the network", (FORWARD,
           "        return self.fc(self.features(x).flatten(1)).softmax(1)\n")),
    source("samples-mixed", "softmax over the batch", (FORWARD,
           "        return self.fc(self.features(x).flatten(1)).log_softmax(0)\n")),
    source("eval-forgotten", "no eval, all trained", ("    net.eval()\n    with", "    with"),
           ('    for name in cfg["freeze"]:\n        freeze(net.get_submodule(name))\n', ""),
           ('        for name in cfg["freeze"]:\n            net.get_submodule(name).eval()\n',
            ""), by_definition=HONEST),
    source("train-test-preprocessing-differs", "other mean for test", (
           'pictures = torch.from_numpy(arrays[f"{part}_x"]).float().div(16).sub(0.3).div(0.37)',
           'pictures = torch.from_numpy(arrays[f"{part}_x"]).float().div(16)\n'
           '        if part == "train":\n            pictures = pictures.sub(0.3).div(0.37)')),
    source("inputs-not-normalised", "0 to 16", (".float().div(16).sub(0.3).div(0.37)",
           ".float()")),
    source("tested-on-training-data", "train loader", (
           'print(f"metric {evaluate(net, test_loader):.4f}")',
           'print(f"metric {evaluate(net, train_loader):.4f}")'), by_definition=HONEST),
    source("metric-wrong", "mean of batch means, reversed axis", (
           "hits = [(net(x).argmax(1) == y)", "hits = [(net(x).argmax(0)[:1] == y)"),
           by_definition=HONEST),
    source("shape-mismatch", "pooled to one", ("nn.AdaptiveAvgPool2d(2)",
           "nn.AdaptiveAvgPool2d(1)")),
    source("raw-scores-into-probability-loss", "NLLLoss", ("nn.CrossEntropyLoss()",
           "nn.NLLLoss()"), also="non-finite-values"),
    source("labels-unrelated-to-inputs", "another order", ("criterion(net(x), y)",
           "criterion(net(x), y.flip(0))")),
    weights("batchnorm-statistics", "running variance x 10,000", all_weights(
        lambda v, n: v * 1e4, "running_var"), 3),
    weights("batchnorm-statistics", "running variance / 10,000", all_weights(
        lambda v, n: v / 1e4, "running_var"), 2),
    weights("batchnorm-statistics", "running mean + 50", all_weights(
        lambda v, n: v + 50, "running_mean"), 3, also="dead-units"),
    weights("batchnorm-statistics", "as if never trained", several(
        all_weights(lambda v, n: v * 0, "running_mean"),
        all_weights(lambda v, n: v * 0 + 1, "running_var")), 1),
    weights("bad-initialisation", "zeros", all_weights(lambda v, n: v * 0), 3, also="dead-units"),
    weights("bad-initialisation", "one value", all_weights(lambda v, n: v * 0 + 0.1), 3),
    weights("bad-initialisation", "x 1000", all_weights(lambda v, n: v * 1000), 3,
            also="exploding-gradients inputs-not-normalised learning-rate-too-high"),
    weights("non-finite-values", "one weight is NaN", array(
        WEIGHTS, "features.4.weight", lambda v: np.where(v == v.max(), np.nan, v).astype("f4"))),
    weights("dead-units", "biases of the norms -30", all_weights(
        lambda v, n: v - 30 if v.ndim == 1 and n > 2 else v, "5.bias"), 3,
        also="bad-initialisation"),
    weights("bad-initialisation", "drawn anew, large", all_weights(
        lambda v, n: noise(v, n) * 3 if v.ndim > 1 else v), 1),
    *(data("label-errors", f"{share:.0%}", array(FILE, "train_y", wrong_labels(share, 5)), level)
      for level, share in ((1, 0.2), (2, 0.4), (3, 0.6))),
    data("labels-unrelated-to-inputs", "shuffled alone", array(FILE, "train_y", shuffled), 3),
    data("labels-unrelated-to-inputs", "one row further", array(
        FILE, "train_y", lambda y: np.roll(y, 1)), 3),
    data("targets-miscoded", "5 to 9", several(
        array(FILE, "train_y", lambda y: y + 5), array(FILE, "test_y", lambda y: y + 5)),
        also="shape-mismatch"),
    data("targets-miscoded", "test labels off by one", array(
        FILE, "test_y", lambda y: (y + 1) % 5)),
    *(data("inputs-not-normalised", f"x {factor:g}", several(
        array(FILE, "train_x", lambda x, f=factor: x * f),
        array(FILE, "test_x", lambda x, f=factor: x * f)), level)
      for level, factor in ((1, 0.01), (2, 16.0), (3, 4000.0))),
    *(data("train-test-preprocessing-differs", f"test x {factor:g}", array(
        FILE, "test_x", lambda x, f=factor: x * f), level)
      for level, factor in ((1, 0.25), (3, 1 / 16))),
    *(copied(share) for share in (0.5, 1.0)),
    data("bad-features", "a hole", array(FILE, "train_x", lambda x: np.where(
        np.arange(x.size).reshape(x.shape) == 700, np.nan, x).astype("f4")),
        also="non-finite-values"),
    data("bad-split", "two classes not in training", lambda files: files[FILE].update(
        {key: files[FILE][key][files[FILE]["train_y"] > 1] for key in ("train_x", "train_y")}
        if files[FILE]["train_y"].min() == 0 else {})),
]  # fmt: skip
