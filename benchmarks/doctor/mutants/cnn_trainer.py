"""Faults of the convolutional network with its trainer class."""

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

FILE, SETTINGS = "pictures.npz", "settings.json"
CLEAR = "            self.optimizer.zero_grad()\n"
STEP = "            self.optimizer.step()\n"
RETURN = "        return self.fc(x)\n"
MODEL = "        self.model = SmallCNN(settings)\n"
PREDICT = "predictions = self.model(images).argmax(1)"
RUNNING = "            running += loss.item()\n"
SCALE = "(pictures.astype(np.float32) - mean) / std"


def both(function, name: str, label: str, severity: int, also: str = "") -> Mutant:
    change = several(array(FILE, "train_x", function), array(FILE, "test_x", function))
    return data(name, label, change, severity, also)


def test_from_train(share: float) -> Mutant:
    def change(files: Files) -> None:
        arrays = files[FILE]
        rows = np.random.default_rng(5).permutation(len(arrays["train_x"]))[: int(450 * share)]
        for part in ("x", "y"):
            arrays[f"test_{part}"][: len(rows)] = arrays[f"train_{part}"][rows]

    label = f"{share:.0%} copied"
    return data("tested-on-training-data", label, change, round(share * 3), by_definition=HONEST)


def tiny(rows: int) -> Mutant:
    def change(files: Files) -> None:
        arrays = files[FILE]
        arrays |= {key: arrays[key][:rows] for key in ("train_x", "train_y")}
        files[SETTINGS] |= {"epochs": 100, "schedule_epochs": 100, "dropout": 0.0}

    return data("overfitting", f"{rows} rows", change, 2)


MUTANTS: list[Mutant] = [
    *graded("learning-rate-too-high", SETTINGS, "lr", (1.5, 5.0, 50.0),
            also="non-finite-values dead-units"),
    *graded("learning-rate-too-low", SETTINGS, "lr", (1e-3, 3e-4, 3e-5), also="stopped-too-early"),
    *graded("regularisation-too-strong", SETTINGS, "weight_decay", (0.1, 0.5, 3.0)),
    *graded("regularisation-too-strong", SETTINGS, "dropout", (0.9, 0.96, 0.99)),
    *graded("batchnorm-statistics", SETTINGS, "bn_momentum", (0.005, 0.001, 0.0001)),
    *graded("schedule-mismatch", SETTINGS, "schedule_epochs", (2, 1),
            also="stopped-too-early learning-rate-too-low"),
    *graded("stopped-too-early", SETTINGS, "epochs", (2, 1)),
    *graded("inputs-not-normalised", SETTINGS, "std", (0.01, 1e5, 1e7)),
    config("batchnorm-statistics", "batches of 2", SETTINGS, 3, batch_size=2, epochs=1,
           schedule_epochs=1, also="batch-size-unsuited"),
    config("optimiser-unsuited", "Adadelta", SETTINGS, optimizer="Adadelta", lr=0.001,
           also="learning-rate-too-low"),
    config("optimiser-unsuited", "Rprop", SETTINGS, optimizer="Rprop", lr=0.01),
    config("weights-never-change", "rate 0", SETTINGS, lr=0.0, also="learning-rate-too-low"),
    source("eval-forgotten", "no eval", ("        self.model.eval()\n", ""),
           by_definition=HONEST, also="evaluation-not-repeatable"),
    source("trained-in-eval-mode", "no train", ("        self.model.train()\n", "")),
    source("trained-in-eval-mode", "eval from the start", ("        self.model.train()\n", ""),
           (MODEL, MODEL + "        self.model.eval()\n")),
    source("gradients-not-cleared", "never", (CLEAR, "")),
    source("weights-never-change", "never steps", (STEP, ""), also=""),
    source("weights-never-change", "cleared after backward", (CLEAR, ""), (STEP, CLEAR + STEP)),
    source("parameters-outside-optimiser", "blocks in a list",
           ("        self.block2 = Block(12, 24, settings.bn_momentum)\n",
            "        self.blocks = [Block(12, 24, settings.bn_momentum)]\n"),
           ("self.block2(x)", "self.blocks[0](x)")),
    source("parameters-outside-optimiser", "head replaced", (
        "    accuracy = trainer.fit()\n",
        "    trainer.model.fc = nn.Linear(96, 10)\n    accuracy = trainer.fit()\n")),
    source("frozen-by-mistake", "all but the norms", (MODEL, MODEL +
           "        for name, weight in self.model.named_parameters():\n"
           "            weight.requires_grad = \"norm\" in name\n")),
    source("frozen-by-mistake", "the head", (MODEL, MODEL +
           "        self.model.fc.requires_grad_(False)\n"
           "        self.model.block2.requires_grad_(False)\n")),
    source("graph-cut", "data of the features", ("        x = x.flatten(1)\n",
           "        x = x.data.flatten(1)\n")),
    source("graph-cut", "no_grad around the blocks",
           ("        x = self.pool(self.block1(x))\n        x = self.pool(self.block2(x))\n",
            "        with torch.no_grad():\n            x = self.pool(self.block1(x))\n"
            "            x = self.pool(self.block2(x))\n")),
    source("softmax-before-cross-entropy", "at the end",
           (RETURN, "        return self.fc(x).softmax(dim=1)\n")),
    source("raw-scores-into-probability-loss", "NLLLoss",
           ("nn.CrossEntropyLoss()", "nn.NLLLoss()"), also="non-finite-values"),
    source("output-cannot-reach-targets", "ReLU on logits",
           (RETURN, "        return torch.relu(self.fc(x) - 3)\n"), also="dead-units"),
    source("samples-mixed", "softmax over the batch",
           (RETURN, "        return torch.log_softmax(self.fc(x), dim=0)\n")),
    source("samples-mixed", "batch and channels swapped", ("        x = x.flatten(1)\n",
           "        x = x.transpose(0, 1).reshape(len(x), -1)\n")),
    source("metric-wrong", "argmax over the batch",
           (PREDICT, "predictions = self.model(images).argmax(0)[: len(labels)]"),
           ("hits += int((predictions == labels).sum())",
            "hits += int((predictions == labels[: len(predictions)]).sum())"),
           by_definition=HONEST),
    source("metric-wrong", "broadcast",
           (PREDICT, "predictions = self.model(images).argmax(1, keepdim=True)"),
           ("        return hits / seen\n", "        return hits / seen / 90\n"),
           by_definition=HONEST),
    source("evaluation-not-repeatable", "noise on test pictures",
           (PREDICT, "predictions = self.model(images + torch.randn_like(images)).argmax(1)"),
           by_definition=HONEST),
    source("evaluation-not-repeatable", "functional dropout",
           ("        x = self.dropout(x)\n",
            "        x = nn.functional.dropout(x, self.dropout.p)\n"),
           by_definition=HONEST, also="eval-forgotten"),
    source("schedule-mismatch", "stepped each batch", ("        self.scheduler.step()\n", ""),
           (RUNNING, RUNNING + "            self.scheduler.step()\n"),
           by_definition="the rate goes up and down thirteen times instead of down once"),
    source("schedule-mismatch", "decays each batch", ("        self.scheduler.step()\n", ""),
           (RUNNING, RUNNING + "            self.scheduler.step()\n"),
           ("torch.optim.lr_scheduler.CosineAnnealingLR(\n            self.optimizer, "
            "T_max=settings.schedule_epochs\n        )",
            "torch.optim.lr_scheduler.ExponentialLR(self.optimizer, 0.5)"),
           also="learning-rate-too-low stopped-too-early"),
    source("not-shuffled", "sorted in the program",
           ("self.labels = labels.astype(np.int64)",
            "order = np.argsort(labels, kind=\"stable\")\n        self.pictures, self.labels = "
            "self.pictures[order], labels.astype(np.int64)[order]"),
           ("shuffle=True, drop_last", "shuffle=False, drop_last")),
    source("inputs-not-normalised", "no scaling", (SCALE, "pictures.astype(np.float32)")),
    source("train-test-preprocessing-differs", "test with own scale",
           ("test = PictureDataset(data[\"test_x\"], data[\"test_y\"], settings.mean, "
            "settings.std)",
            "test = PictureDataset(data[\"test_x\"], data[\"test_y\"], 0.0, 255.0)")),
    source("shape-mismatch", "pooled once more", ("24 * 2 * 2, classes", "24 * 4 * 4, classes")),
    source("shape-mismatch", "channels", ("Block(12, 24,", "Block(16, 24,")),
    source("tested-on-training-data", "the train loader",
           ("in self.test_loader:", "in self.train_loader:"), by_definition=HONEST),
    source("no-nonlinearity", "no ReLU, average pooling",
           ("return torch.relu(self.norm(self.conv(x)))", "return self.norm(self.conv(x))"),
           ("nn.MaxPool2d(2)", "nn.AvgPool2d(2)")),
    source("bad-initialisation", "zero", (MODEL, MODEL + "        for part in self.model.modules():"
           "\n            if isinstance(part, (nn.Conv2d, nn.Linear)):\n"
           "                nn.init.zeros_(part.weight)\n"), also="dead-units"),
    source("batchnorm-statistics", "momentum 1 and small batches",
           ("momentum=bn_momentum", "momentum=1.0"),
           ("train, settings.batch_size", "train, 4")),
    source("non-finite-values", "divided by the spread",
           ("        x = x.flatten(1)\n",
            "        x = x.flatten(1)\n        x = x / x[:, :4].std(1, keepdim=True)\n")),
    source("loss-unsuited-to-task", "MSE to class number",
           ("loss = self.criterion(outputs, labels)",
            "loss = ((outputs.mean(1) - labels.float()) ** 2).mean()")),
    both(lambda x: x[:, :, :4], "shape-mismatch", "half the height", 0),
    both(lambda x: (x // 200 * 0.01).astype("f4"), "inputs-not-normalised", "0 to 0.01", 2),
    both(lambda x: np.where(x > 0, 1e6, 0) + x.astype("f4"), "inputs-not-normalised", "1e6", 3),
    data("train-test-preprocessing-differs", "test in 0 to 1", array(
        FILE, "test_x", lambda x: (x / 255).astype("f4")), 3),
    data("train-test-preprocessing-differs", "test turned", array(
        FILE, "test_x", lambda x: np.ascontiguousarray(np.rot90(x, axes=(2, 3)))), 2),
    data("train-test-preprocessing-differs", "test inverted", array(
        FILE, "test_x", lambda x: 254 - x), 3),
    data("train-test-preprocessing-differs", "test darker", array(
        FILE, "test_x", lambda x: x // 6), 1),
    *(data("label-errors", f"{share:.0%}", array(FILE, "train_y", wrong_labels(share, 10)), level)
      for level, share in ((1, 0.2), (2, 0.4), (3, 0.7))),
    data("labels-unrelated-to-inputs", "one row further",
         array(FILE, "train_y", lambda y: np.roll(y, 1)), 3),
    data("labels-unrelated-to-inputs", "shuffled alone", array(FILE, "train_y", shuffled), 3),
    *(test_from_train(share) for share in (0.2, 0.5, 1.0)),
    tiny(60),
]  # fmt: skip
