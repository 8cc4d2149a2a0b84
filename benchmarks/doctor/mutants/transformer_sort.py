"""Faults of the small transformer."""

from __future__ import annotations

import numpy as np

from doctor.material import Files
from doctor.mutant import HONEST, Mutant, array, config, data, graded, several, source

FILE, SETTINGS = "letters.npz", "model.json"
CLEAR = "    optimizer.zero_grad(set_to_none=True)\n"
STEP = "    optimizer.step()\n"
HEAD = "        return self.head(self.norm(x))\n"
LOSS = "loss = F.cross_entropy(logits.view(-1, vocab), yb.reshape(-1))"
OPTIMISER = "optimizer = torch.optim.AdamW(model.parameters(), "


def before(text: str) -> tuple[str, str]:
    """Lines put before the optimiser is made."""
    return (OPTIMISER, text + OPTIMISER)


def copied(share: float) -> Mutant:
    def change(files: Files) -> None:
        files[FILE]["val"][: int(500 * share)] = files[FILE]["train"][: int(500 * share)]

    return data("tested-on-training-data", f"{share:.0%} copied", change, round(3 * share),
                by_definition=HONEST)  # fmt: skip


MUTANTS: list[Mutant] = [
    *graded("learning-rate-too-high", SETTINGS, "lr", (0.15, 0.5, 5.0), also="non-finite-values"),
    *graded("learning-rate-too-low", SETTINGS, "lr", (1.7e-4, 5e-5, 5e-6),
            also="stopped-too-early"),
    *graded("schedule-mismatch", SETTINGS, "warmup", (1000, 5000, 100_000),
            also="learning-rate-too-low stopped-too-early"),
    *graded("stopped-too-early", SETTINGS, "steps", (80, 30)),
    *graded("regularisation-too-strong", SETTINGS, "dropout", (0.7, 0.85, 0.95)),
    *graded("regularisation-too-strong", SETTINGS, "weight_decay", (10.0, 30.0, 100.0)),
    config("batch-size-unsuited", "1", SETTINGS, batch=1, also="learning-rate-too-high"),
    config("weights-never-change", "rate 0", SETTINGS, lr=0.0, also="learning-rate-too-low"),
    source("eval-forgotten", "with much dropout", ("    model.eval()\n    logits", "    logits"),
           ('cfg["depth"], cfg["dropout"])', 'cfg["depth"], 0.2)'), by_definition=HONEST),
    source("gradients-not-cleared", "never", (CLEAR, "")),
    source("weights-never-change", "never steps", (STEP, "")),
    source("weights-never-change", "cleared after backward", (CLEAR, ""), (STEP, CLEAR + STEP)),
    source("graph-cut", "detached block", ("x = x + self.drop(self.attn(self.ln1(x)))",
           "x = x + self.drop(self.attn(self.ln1(x))).detach()")),
    source("graph-cut", "no_grad in a layer", (
           "        for layer in self.layers:\n            x = layer(x)\n",
           "        for layer in self.layers:\n            with torch.no_grad():\n"
           "                x = layer(x)\n")),
    source("parameters-outside-optimiser", "layers in a list", (
           "nn.ModuleList([Layer(width, heads, dropout) for _ in range(depth)])",
           "[Layer(width, heads, dropout) for _ in range(depth)]")),
    source("parameters-outside-optimiser", "position is a tensor", (
           "nn.Parameter(0.02 * torch.randn(length, width))",
           "(0.02 * torch.randn(length, width)).requires_grad_()")),
    source("frozen-by-mistake", "layers", before("model.layers.requires_grad_(False)\n")),
    source("frozen-by-mistake", "all but the norms", before(
           "for name, p in model.named_parameters():\n"
           "    p.requires_grad_(\"ln\" in name or \"norm\" in name)\n")),
    source("softmax-before-cross-entropy", "in the network", (HEAD,
           "        return F.softmax(self.head(self.norm(x)), dim=-1)\n")),
    source("raw-scores-into-probability-loss", "nll", (LOSS, LOSS.replace("cross_entropy",
           "nll_loss")), also="non-finite-values"),
    source("samples-mixed", "attention over the batch", (
           "weight = F.softmax(weight, dim=-1)", "weight = F.softmax(weight, dim=0)")),
    source("samples-mixed", "view instead of transpose", (
           ".transpose(1, 2).reshape(b, t, c)", ".reshape(t, b, c).transpose(0, 1)")),
    source("labels-unrelated-to-inputs", "targets of another batch", (
           "    return x, x.sort(dim=1).values\n",
           "    return x, x.roll(1, 0).sort(dim=1).values\n")),
    source("targets-miscoded", "sorted the other way", (
           "    return x, x.sort(dim=1).values\n",
           "    return x, x.sort(dim=1, descending=True).values\n"),
           also="train-test-preprocessing-differs"),
    source("schedule-mismatch", "decays by a half each step", (
           "    return min(1.0, (step + 1) / cfg[\"warmup\"])\n", "    return 0.9**step\n"),
           also="learning-rate-too-low stopped-too-early"),
    source("bad-initialisation", "std 3", before(
           "for p in model.parameters():\n    nn.init.normal_(p, std=3.0)\n"),
           also="exploding-gradients"),
    source("bad-initialisation", "zero", before(
           "for p in model.parameters():\n    nn.init.zeros_(p)\n")),
    source("optimiser-unsuited", "plain sgd", (OPTIMISER, OPTIMISER.replace("AdamW", "SGD")),
           also="learning-rate-too-low"),
    source("vanishing-gradients", "eight sigmoids", (HEAD,
           "        x = self.norm(x)\n        for _ in range(8):\n"
           "            x = torch.sigmoid(x)\n"
           "        return self.head(x)\n"), also="saturated-units"),
    source("non-finite-values", "root of the loss at zero", (LOSS,
           "loss = F.cross_entropy(logits.view(-1, vocab), yb.reshape(-1))\n"
           "    loss = loss + (logits - logits).norm()")),
    source("tested-on-training-data", "train rows", ("    logits = model(val_data)\n",
           "    val_data = train_data\n    logits = model(val_data)\n"), by_definition=HONEST),
    source("metric-wrong", "argmax over the positions", ("logits.argmax(-1) == val_data",
           "logits.argmax(1)[:, :7] == val_data"), by_definition=HONEST),
    source("shape-mismatch", "positions", ("torch.randn(length, width)",
           "torch.randn(length - 1, width)")),
    source("loss-unsuited-to-task", "mse to letter number", (LOSS,
           "loss = F.mse_loss(logits.mean(-1), yb.float())")),
    *(copied(share) for share in (0.5, 1.0)),
    data("targets-miscoded", "letters 1 to 16", several(
        array(FILE, "train", lambda x: x + 1), array(FILE, "val", lambda x: x + 1)),
        also="shape-mismatch"),
    data("shape-mismatch", "nine letters", several(
        array(FILE, "train", lambda x: np.concatenate([x, x[:, :2]], 1)),
        array(FILE, "val", lambda x: x))),
    *(data("overfitting", f"{rows} rows", array(FILE, "train", lambda x, n=rows: x[:n]), level)
      for level, rows in ((1, 100), (2, 20))),
    data("train-test-preprocessing-differs", "other letters in validation", several(
        array(FILE, "train", lambda x: x % 8)), 2, also="bad-split"),
]  # fmt: skip
