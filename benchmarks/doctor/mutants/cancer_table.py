"""Faults of the tumour table with one logit."""

from __future__ import annotations

import numpy as np

from doctor.material import Files
from doctor.mutant import HONEST, Mutant, column, config, data, graded, several, source

TRAIN, TEST, SETTINGS = "train.csv", "test.csv", "params.json"
CLEAR = "            opt.zero_grad()\n"
STEP = "            opt.step()\n"
OUT = "        return self.out(x).squeeze(1)\n"
LOSS_FN = "    loss_fn = torch.nn.BCEWithLogitsLoss()\n"
LOSS = "loss = loss_fn(net(X_train[index]), y_train[index])"
CUT = "(score > 0).float()"


def table(name: str, label: str, function, severity: int = 0, file: str = TRAIN,
          also: str = "", by_definition: str = "") -> Mutant:  # fmt: skip
    def change(files: Files) -> None:
        files[file]["rows"] = function(files[file]["rows"])

    return data(name, label, change, severity, also, by_definition)


def flipped(share: float):
    def function(rows: np.ndarray) -> np.ndarray:
        hit = np.random.default_rng(9).random(len(rows)) < share
        rows[:, -1] = np.where(hit, 1 - rows[:, -1], rows[:, -1])
        return rows

    return function


def copied(share: float) -> Mutant:
    def change(files: Files) -> None:
        count = int(169 * share)
        pick = np.random.default_rng(2).permutation(len(files[TRAIN]["rows"]))[:count]
        files[TEST]["rows"][:count] = files[TRAIN]["rows"][pick]

    return data("tested-on-training-data", f"{share:.0%} copied", change, round(3 * share),
                by_definition=HONEST)  # fmt: skip


def rare(keep: int):
    """Only some malignant tumours stay."""

    def function(rows: np.ndarray) -> np.ndarray:
        return np.concatenate([rows[rows[:, -1] == 0], rows[rows[:, -1] == 1][:keep]])

    return function


def at(place: int, value: float):
    def function(rows: np.ndarray) -> np.ndarray:
        rows[11, place] = value
        return rows

    return function


MUTANTS: list[Mutant] = [
    *graded("learning-rate-too-high", SETTINGS, "lr", (0.1, 0.3, 3.0),
            also="non-finite-values dead-units"),
    *graded("learning-rate-too-low", SETTINGS, "lr", (1e-4, 3e-5, 3e-6), also="stopped-too-early"),
    *graded("regularisation-too-strong", SETTINGS, "weight_decay", (30.0, 100.0, 300.0)),
    *graded("regularisation-too-strong", SETTINGS, "dropout", (0.9, 0.96, 0.99)),
    *graded("stopped-too-early", SETTINGS, "epochs", (2, 1)),
    *graded("batch-size-unsuited", SETTINGS, "batch_size", (200, 400),
            also="stopped-too-early learning-rate-too-low"),
    config("inputs-not-normalised", "no scaling", SETTINGS, 2, scale=False),
    config("not-shuffled", "sorted file", SETTINGS, shuffle=False),
    config("weights-never-change", "rate 0", SETTINGS, lr=0.0, also="learning-rate-too-low"),
    source("eval-forgotten", "no eval", ("    net.eval()\n", ""), by_definition=HONEST),
    source("evaluation-not-repeatable", "dropout without its flag",
           ("F.dropout(x, self.p, training=self.training)", "F.dropout(x, self.p)"),
           by_definition=HONEST, also="eval-forgotten"),
    source("trained-in-eval-mode", "never train", ("    net.train()\n", ""),
           ("    loss_fn = ", "    net.eval()\n    loss_fn = ")),
    source("gradients-not-cleared", "never", (CLEAR, "")),
    source("weights-never-change", "never steps", (STEP, "")),
    source("weights-never-change", "optimiser of another network",
           ("torch.optim.AdamW(net.parameters()", "torch.optim.AdamW(TumourNet("
            "X_train.shape[1], cfg[\"hidden\"], 0.0).parameters()"),
           also="parameters-outside-optimiser graph-cut"),
    source("parameters-outside-optimiser", "layer made in forward",
           ("x = F.relu(self.hidden2(x))",
            "x = F.relu(torch.nn.Linear(x.shape[1], x.shape[1])(x))")),
    source("frozen-by-mistake", "hidden layers", (LOSS_FN, LOSS_FN +
           "    net.hidden1.requires_grad_(False)\n    net.hidden2.requires_grad_(False)\n")),
    source("graph-cut", "item", ("            loss.backward()\n", "            loss = "
           "torch.tensor(loss.item(), requires_grad=True)\n            loss.backward()\n"),
           also="weights-never-change"),
    source("sigmoid-twice", "in the network", (OUT, "        return torch.sigmoid(self.out(x))"
           ".squeeze(1)\n"), (CUT, "(score > 0.5).float()")),
    source("sigmoid-twice", "cut at 0", (OUT, "        return torch.sigmoid(self.out(x))"
           ".squeeze(1)\n")),
    source("softmax-over-one-unit", "softmax", (OUT, "        return F.softmax(self.out(x), "
           "dim=1).squeeze(1)\n"), (LOSS_FN, "    loss_fn = torch.nn.BCELoss()\n"),
           (CUT, "(score > 0.5).float()")),
    source("target-broadcast", "mse of (n, 1) and (n,)", (OUT, "        return self.out(x)\n"),
           (LOSS_FN, "    loss_fn = torch.nn.MSELoss()\n"),
           ("balanced_accuracy((score > 0).float(), y)",
            "balanced_accuracy((score[:, 0] > 0.5).float(), y)")),
    source("output-cannot-reach-targets", "relu and bce", (OUT, "        return -F.relu("
           "self.out(x)).squeeze(1)\n"), also="dead-units"),
    source("samples-mixed", "softmax over the batch", (OUT, "        return F.log_softmax("
           "self.out(x), dim=0).squeeze(1)\n")),
    source("metric-wrong", "cut at 0.5 of a logit's mean",
           ("return balanced_accuracy((score > 0).float(), y)",
            "return ((score > 0).float() == y.unsqueeze(1)).float().mean().item()"),
           by_definition=HONEST),
    source("loss-unsuited-to-task", "l1 of the logit", (LOSS_FN,
           "    loss_fn = torch.nn.L1Loss()\n"), (CUT, "(score > 0.5).float()")),
    source("train-test-preprocessing-differs", "test fitted alone",
           ("X_test = scaler.transform(X_test)", "X_test = X_test / X_test.max(0)")),
    source("train-test-preprocessing-differs", "test not scaled",
           ("        X_test = scaler.transform(X_test)\n", "")),
    source("targets-miscoded", "-1 and 1", (LOSS, LOSS.replace("y_train[index])",
           "2 * y_train[index] - 1)")), by_definition="the loss has no lowest value",
           also="non-finite-values"),
    source("targets-miscoded", "the other class", (LOSS, LOSS.replace("y_train[index])",
           "1 - y_train[index])"))),
    source("labels-unrelated-to-inputs", "only the inputs shuffled",
           (LOSS, LOSS.replace("y_train[index])", "y_train[i : i + len(index)])"))),
    source("tested-on-training-data", "scored on train",
           ("return evaluate(net, X_test, y_test)", "return evaluate(net, X_train, y_train)"),
           by_definition=HONEST),
    source("shape-mismatch", "thirty-one inputs", ("TumourNet(X_train.shape[1],", "TumourNet(31,")),
    source("no-nonlinearity", "no relu", ("x = F.relu(self.hidden1(x))", "x = self.hidden1(x)"),
           ("x = F.relu(self.hidden2(x))", "x = self.hidden2(x)")),
    source("optimiser-unsuited", "plain sgd", ("torch.optim.AdamW(", "torch.optim.SGD("),
           also="learning-rate-too-low"),
    source("bad-initialisation", "zero", (LOSS_FN, LOSS_FN + "    for p in net.parameters():\n"
           "        torch.nn.init.zeros_(p)\n"), also="dead-units"),
    source("bad-initialisation", "std 30", (LOSS_FN, LOSS_FN + "    for p in net.parameters():\n"
           "        torch.nn.init.normal_(p, std=30.0)\n"), also="exploding-gradients"),
    source("dead-units", "bias -50", (LOSS_FN, LOSS_FN +
           "    torch.nn.init.constant_(net.hidden2.bias, -50.0)\n"), also="bad-initialisation"),
    source("non-finite-values", "log of a sigmoid", (LOSS_FN, "    def loss_fn(z, y):\n"
           "        p = torch.sigmoid(60 * z)\n"
           "        return -(y * p.log() + (1 - y) * (1 - p).log()).mean()\n\n")),
    *(table("label-errors", f"{share:.0%}", flipped(share), level)
      for level, share in ((1, 0.15), (2, 0.3), (3, 0.45))),
    table("labels-unrelated-to-inputs", "labels of other rows", lambda r: np.column_stack(
        [r[np.random.default_rng(4).permutation(len(r)), :-1], r[:, -1]]), 3),
    *(copied(share) for share in (0.2, 0.5, 1.0)),
    *(table("majority-answer", f"{keep} malignant", rare(keep), level)
      for level, keep in ((1, 20), (2, 6), (3, 2))),
    table("bad-split", "no malignant in training", rare(0), 3, also="majority-answer"),
    table("bad-features", "a hole", at(4, float("nan")), also="non-finite-values"),
    table("bad-features", "infinite", at(4, float("inf")), also="non-finite-values shape-mismatch"),
    table("targets-miscoded", "1 and 2", lambda r: np.column_stack([r[:, :-1], r[:, -1] + 1]),
          by_definition="the loss has no lowest value", also="non-finite-values"),
    table("targets-miscoded", "0 and 255", lambda r: np.column_stack([r[:, :-1], 255 * r[:, -1]]),
          by_definition="the loss has no lowest value", also="non-finite-values"),
    table("train-test-preprocessing-differs", "test in metres", lambda r: np.column_stack(
        [r[:, :-1] / 1000, r[:, -1]]), 3, file=TEST),
    data("train-test-preprocessing-differs", "five columns in percent", several(
        *(column(TEST, name, lambda v: 100 * v) for name in (
            "mean_smoothness", "mean_compactness", "mean_concavity", "worst_smoothness",
            "worst_concavity"))), 2),
    table("overfitting", "20 rows", lambda r: r[np.linspace(0, 399, 20).astype(int)]),
]  # fmt: skip
