"""Faults of the LSTM on waves."""

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
    shuffled,
    source,
    wrong_labels,
)  # fmt: skip

FILE, SETTINGS = "waves.npz", "hparams.json"
CLEAR = "        optimizer.zero_grad()\n"
STEP = "        optimizer.step()\n"
CLIP = "        nn.utils.clip_grad_norm_(net.parameters(), clip)\n"
LAST = "        return self.classifier(states[:, -1])\n"
NET = '    net = WaveLSTM(hp["hidden"], hp["layers"], 4)\n'
LOSS = "loss = criterion(net(series), kind)"
SPLIT = "    split = torch.Generator().manual_seed(7)\n    train_set, test_set = "


def duplicated(files: Files) -> None:
    """Every row stands in the file four times: a random split puts copies on both sides."""
    arrays = files[FILE]
    pick = np.tile(np.arange(300), 4)
    arrays |= {key: value[pick] for key, value in arrays.items()}


def only(keep: float):
    def change(files: Files) -> None:
        arrays = files[FILE]
        draw = np.random.default_rng(3).random(len(arrays["kind"]))
        stays = (arrays["kind"] == 0) | (draw < keep)
        pick = np.resize(np.flatnonzero(stays), 1200)
        arrays |= {key: value[pick] for key, value in arrays.items()}

    return change


def hole(value: float):
    def function(x: np.ndarray) -> np.ndarray:
        x[::100, 3] = value
        return x

    return function


MUTANTS: list[Mutant] = [
    *graded("learning-rate-too-high", SETTINGS, "lr", (0.3, 1.0, 10.0),
            also="saturated-units non-finite-values"),
    *graded("learning-rate-too-low", SETTINGS, "lr", (3e-4, 1e-4, 1e-5), also="stopped-too-early"),
    *graded("stopped-too-early", SETTINGS, "epochs", (2, 1)),
    *graded("batch-size-unsuited", SETTINGS, "batch_size", (450, 900),
            also="stopped-too-early learning-rate-too-low"),
    config("weights-never-change", "rate 0", SETTINGS, lr=0.0, also="learning-rate-too-low"),
    config("regularisation-too-strong", "clipped to 1e-9", SETTINGS, clip=1e-9,
           also="learning-rate-too-low vanishing-gradients"),
    source("exploding-gradients", "no clipping, large weights, sgd", (CLIP, ""), (NET, NET +
           "    with torch.no_grad():\n        for p in net.lstm.parameters():\n"
           "            p.mul_(8)\n"), ("torch.optim.Adam(", "torch.optim.SGD("),
           ('lr=hp["lr"]', "lr=1.0"), also="bad-initialisation learning-rate-too-high "
           "saturated-units"),
    source("vanishing-gradients", "the first state is read", (LAST,
           "        return self.classifier(states[:, 0])\n"), also="samples-mixed"),
    source("samples-mixed", "batch and time swapped", ("num_layers=layers, batch_first=True",
           "num_layers=layers")),
    source("samples-mixed", "softmax over the batch", (LAST,
           "        return self.classifier(states[:, -1]).log_softmax(dim=0)\n")),
    source("gradients-not-cleared", "never", (CLEAR, "")),
    source("gradients-not-cleared", "each epoch", (CLEAR, ""),
           ("    meter = []\n", "    meter = []\n    optimizer.zero_grad()\n")),
    source("weights-never-change", "never steps", (STEP, "")),
    source("graph-cut", "states detached", (LAST,
           "        return self.classifier(states[:, -1].detach())\n")),
    source("parameters-outside-optimiser", "only the classifier", (
           "Adam(net.parameters()", "Adam(net.classifier.parameters()")),
    source("frozen-by-mistake", "the lstm", (NET, NET + "    net.lstm.requires_grad_(False)\n")),
    source("softmax-before-cross-entropy", "in the network", (LAST,
           "        return torch.softmax(self.classifier(states[:, -1]), dim=-1)\n")),
    source("raw-scores-into-probability-loss", "NLLLoss", ("nn.CrossEntropyLoss()",
           "nn.NLLLoss()"), also="non-finite-values"),
    source("loss-unsuited-to-task", "mse to class number", (LOSS,
           "loss = ((net(series).mean(1) - kind) ** 2).mean()")),
    source("labels-unrelated-to-inputs", "labels rolled", (LOSS,
           "loss = criterion(net(series), kind.roll(1))")),
    source("targets-miscoded", "off by one", (LOSS,
           "loss = criterion(net(series), (kind + 1) % 4)")),
    source("bad-initialisation", "zero", (NET, NET + "    for p in net.parameters():\n"
           "        nn.init.zeros_(p)\n")),
    source("bad-initialisation", "std 10", (NET, NET + "    for p in net.parameters():\n"
           "        nn.init.normal_(p, std=10.0)\n"), also="saturated-units"),
    source("saturated-units", "inputs x 1000", ("        states, _ = self.lstm(x)\n",
           "        states, _ = self.lstm(1000 * x)\n"), also="inputs-not-normalised"),
    source("optimiser-unsuited", "plain sgd", ("torch.optim.Adam(", "torch.optim.SGD("),
           also="learning-rate-too-low"),
    source("metric-wrong", "only the last batch", ("    good = total = 0\n", ""),
           ("            guess = net(series).argmax(-1)\n",
            "            good = 0\n            guess = net(series).argmax(-1)\n"),
           ("            total += kind.numel()\n", "            total = kind.numel()\n"),
           by_definition=HONEST),
    source("tested-on-training-data", "train loader", ("accuracy(net, test_loader)",
           "accuracy(net, train_loader)"), by_definition=HONEST),
    source("tested-on-training-data", "split drawn twice", (
           "    test_loader = DataLoader(test_set, batch_size=256)\n",
           "    _, test_set = random_split(dataset, [len(dataset) - n_test, n_test])\n"
           "    test_loader = DataLoader(test_set, batch_size=256)\n"), by_definition=HONEST),
    source("shape-mismatch", "no channel", ("self.series[i][:, None]", "self.series[i]")),
    source("not-shuffled", "sorted, not shuffled", (
           "        self.kind = archive[\"kind\"]\n",
           "        self.kind = archive[\"kind\"]\n        order = self.kind.argsort()\n"
           "        self.series, self.kind = self.series[order], self.kind[order]\n"),
           ('batch_size=hp["batch_size"], shuffle=True', 'batch_size=hp["batch_size"]'),
           (SPLIT, "    train_set, test_set = [torch.utils.data.Subset(dataset, [i for i in "
            "range(1200) if (i % 4 == 0) == held]) for held in (False, True)]\n    split = "
            "torch.Generator().manual_seed(7)\n    _ = ")),
    source("bad-split", "the last quarter of sorted rows", (
           "        self.kind = archive[\"kind\"]\n",
           "        self.kind = archive[\"kind\"]\n        order = self.kind.argsort()\n"
           "        self.series, self.kind = self.series[order], self.kind[order]\n"),
           (SPLIT, "    train_set = torch.utils.data.Subset(dataset, range(900))\n"
            "    test_set = torch.utils.data.Subset(dataset, range(900, 1200))\n"
            "    split = torch.Generator().manual_seed(7)\n    _ = ")),
    *(data("label-errors", f"{share:.0%}", array(FILE, "kind", wrong_labels(share, 4)), level)
      for level, share in ((1, 0.15), (2, 0.3), (3, 0.55))),
    data("labels-unrelated-to-inputs", "shuffled alone", array(FILE, "kind", shuffled), 3),
    data("labels-unrelated-to-inputs", "one row further", array(
        FILE, "kind", lambda y: np.roll(y, 1)), 3),
    *(data("inputs-not-normalised", f"x {factor:g}", array(
        FILE, "series", lambda x, f=factor: x * f), level, also="saturated-units")
      for level, factor in ((1, 0.003), (2, 100.0), (3, 10_000.0))),
    data("inputs-not-normalised", "+ 500", array(FILE, "series", lambda x: x + 500), 2,
         also="saturated-units"),
    data("bad-features", "holes", array(FILE, "series", hole(float("nan"))),
         also="non-finite-values"),
    data("targets-miscoded", "1 to 4", array(FILE, "kind", lambda y: y + 1),
         also="shape-mismatch"),
    data("tested-on-training-data", "copies on both sides", duplicated, 3, by_definition=HONEST),
    *(data("majority-answer", f"{keep:.0%} of the others", only(keep), level,
           by_definition="accuracy hides that rare kinds are not told apart" if level > 1 else "")
      for level, keep in ((2, 0.02),)),
]  # fmt: skip
