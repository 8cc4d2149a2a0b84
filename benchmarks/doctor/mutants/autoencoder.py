"""Faults of the denoising autoencoder."""

from __future__ import annotations

import numpy as np

from doctor.material import Files
from doctor.mutant import HONEST, Mutant, array, config, data, graded, several, source

FILE, SETTINGS = "pixels.npz", "autoencoder.json"
CLEAR = "            optimizer.zero_grad(set_to_none=True)\n"
STEP = "            optimizer.step()\n"
LOSS = "criterion(output, batch)"
MODEL = '    model = AutoEncoder(cfg["code"])\n'
CODE = "        code = self.encoder(x)\n"
DECODER = "nn.Linear(48, 64), nn.Sigmoid()"


def both(name: str, label: str, function, severity: int = 0, also: str = "") -> Mutant:
    change = several(array(FILE, "train", function), array(FILE, "test", function))
    return data(name, label, change, severity, also)


def copied(files: Files) -> None:
    files[FILE]["test"] = files[FILE]["train"][:450]


def hole(value: float):
    def function(x: np.ndarray) -> np.ndarray:
        x[9, 9] = value
        return x

    return function


MUTANTS: list[Mutant] = [
    *graded("learning-rate-too-high", SETTINGS, "learning_rate", (0.15, 0.5, 5.0),
            also="dead-units saturated-units"),
    *graded("learning-rate-too-low", SETTINGS, "learning_rate", (2e-4, 5e-5, 5e-6),
            also="stopped-too-early"),
    *graded("stopped-too-early", SETTINGS, "epochs", (3, 1)),
    *graded("batch-size-unsuited", SETTINGS, "batch_size", (600, 1347),
            also="stopped-too-early learning-rate-too-low"),
    config("weights-never-change", "rate 0", SETTINGS, learning_rate=0.0,
           also="learning-rate-too-low"),
    source("gradients-not-cleared", "never", (CLEAR, "")),
    source("weights-never-change", "cleared after backward", (CLEAR, ""), (STEP, CLEAR + STEP)),
    source("weights-never-change", "never steps", (STEP, "")),
    source("graph-cut", "detached code", (CODE, "        code = self.encoder(x).detach()\n")),
    source("graph-cut", "code made anew", (CODE,
           "        code = torch.tensor(self.encoder(x).tolist())\n")),
    source("parameters-outside-optimiser", "only the decoder",
           ("optim.Adam(model.parameters()", "optim.Adam(model.decoder.parameters()")),
    source("parameters-outside-optimiser", "encoder in a list",
           ("self.encoder = Encoder(code)", "self.encoder = [Encoder(code)][0].net.forward")),
    source("frozen-by-mistake", "encoder", (MODEL, MODEL +
           "    model.encoder.requires_grad_(False)\n")),
    source("output-cannot-reach-targets", "tanh, half", (DECODER, "nn.Linear(48, 64), nn.Tanh()"),
           ("        return self.net(z)\n\n\nclass Auto",
            "        return self.net(z) / 2\n\n\nclass Auto")),
    source("output-cannot-reach-targets", "softmax", (DECODER,
           "nn.Linear(48, 64), nn.Softmax(dim=1)")),
    source("loss-unsuited-to-task", "cross entropy of pixels", (LOSS,
           "nn.functional.cross_entropy(output, batch.argmax(1))"),
           also="softmax-before-cross-entropy"),  # of the answers of a sigmoid
    source("loss-unsuited-to-task", "l1", (LOSS, "(output - batch).abs().mean()")),
    source("target-broadcast", "one picture as the target", (LOSS, "criterion(output, batch[:1])")),
    source("sigmoid-twice", "bce with logits", ("criterion = nn.MSELoss()",
           "criterion = nn.BCEWithLogitsLoss()")),
    source("samples-mixed", "softmax over the batch", (CODE,
           "        code = self.encoder(x).softmax(dim=0)\n")),
    source("samples-mixed", "input not used", (CODE,
           "        code = self.encoder(torch.ones_like(x))\n"),
           also="labels-unrelated-to-inputs"),
    source("labels-unrelated-to-inputs", "another order of targets",
           (LOSS, "criterion(output, batch[torch.randperm(len(batch))])")),
    source("no-nonlinearity", "no relu", ("nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, code)",
           "nn.Linear(64, 48), nn.Linear(48, code)"), (
           "nn.Linear(code, 48), nn.ReLU(), nn.Linear(48, 64), nn.Sigmoid()",
           "nn.Linear(code, 48), nn.Linear(48, 64)")),
    source("bad-initialisation", "zero", (MODEL, MODEL +
           "    for p in model.parameters():\n        nn.init.zeros_(p)\n"), also="dead-units"),
    source("bad-initialisation", "constant", (MODEL, MODEL +
           "    for p in model.parameters():\n        nn.init.constant_(p, 0.1)\n")),
    source("bad-initialisation", "std 5", (MODEL, MODEL +
           "    for p in model.parameters():\n        nn.init.normal_(p, std=5)\n"),
           also="saturated-units"),
    source("saturated-units", "last layer x 100", (MODEL, MODEL + "    with torch.no_grad():\n"
           "        model.decoder.net[2].bias.sub_(40)\n"), also="bad-initialisation"),
    source("dead-units", "bias -20", (MODEL, MODEL +
           "    nn.init.constant_(model.decoder.net[0].bias, -20)\n"),
           also="bad-initialisation"),
    source("vanishing-gradients", "ten sigmoid layers", (
           "nn.Linear(code, 48), nn.ReLU(),", "nn.Linear(code, 48), *[part for _ in range(10) "
           "for part in (nn.Sigmoid(), nn.Linear(48, 48))],"), also="saturated-units"),
    source("optimiser-unsuited", "plain sgd", ("optim.Adam(", "optim.SGD("),
           also="learning-rate-too-low"),
    source("non-finite-values", "root of a difference", (LOSS,
           "criterion(output, batch) + 0.01 * (output - batch).sqrt().mean()")),
    source("tested-on-training-data", "train", ("explained(model, test,",
           "explained(model, train,"), by_definition=HONEST),
    source("metric-wrong", "against the noisy picture",
           ("    error = (rebuilt - pictures)", "    error = (rebuilt - noisy)"),
           by_definition=HONEST),
    source("shape-mismatch", "code", ("nn.Linear(48, code))", "nn.Linear(48, code + 1))")),
    data("tested-on-training-data", "copied", copied, 3, by_definition=HONEST),
    both("targets-miscoded", "0 to 16", lambda x: x * 16, 2,
         also="output-cannot-reach-targets inputs-not-normalised"),
    both("targets-miscoded", "-1 to 1", lambda x: 2 * x - 1, 1,
         also="output-cannot-reach-targets"),
    both("targets-miscoded", "0 to 255", lambda x: x * 255, 3,
         also="output-cannot-reach-targets inputs-not-normalised"),
    *(data("train-test-preprocessing-differs", label, array(FILE, "test", function), level)
      for level, label, function in (
          (1, "test half as bright", lambda x: x * 0.4),
          (2, "test inverted", lambda x: 1 - x),
          (3, "test 0 to 16", lambda x: x * 16))),
    data("bad-features", "a hole", array(FILE, "train", hole(float("nan"))),
         also="non-finite-values"),
    both("shape-mismatch", "60 pixels", lambda x: x[:, :60]),
    data("overfitting", "40 pictures", several(
        array(FILE, "train", lambda x: np.repeat(x[:40], 30, 0)))),
    data("bad-split", "other pictures", array(FILE, "train", lambda x: x[x[:, 28] > 0.9])),
]  # fmt: skip
