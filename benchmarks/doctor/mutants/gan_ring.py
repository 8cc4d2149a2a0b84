"""Faults of the GAN."""

from __future__ import annotations

import numpy as np

from doctor.mutant import Mutant, array, config, data, graded, source

FILE, SETTINGS = "ring.npz", "gan.json"
BCE = "bce = nn.BCEWithLogitsLoss()\n"

MUTANTS: list[Mutant] = [
    *graded("learning-rate-too-high", SETTINGS, "g_lr", (0.1, 1.0, 10.0), also="dead-units"),
    *graded("learning-rate-too-low", SETTINGS, "g_lr", (3e-5, 1e-5, 1e-6),
            also="stopped-too-early"),
    *graded("learning-rate-too-high", SETTINGS, "d_lr", (0.2, 2.0)),
    config("weights-never-change", "generator's rate 0", SETTINGS, g_lr=0.0,
           also="learning-rate-too-low"),
    config("stopped-too-early", "40 steps", SETTINGS, steps=40),
    source("graph-cut", "generator's loss of detached points", (
           "g_loss = bce(discriminator(fake), ", "g_loss = bce(discriminator(fake.detach()), "),
           also="weights-never-change"),
    source("weights-never-change", "generator never steps", ("    g_optimizer.step()\n", "")),
    source("parameters-outside-optimiser", "only the generator's last layer", (
           "torch.optim.Adam(generator.parameters()",
           "torch.optim.Adam(generator[4].parameters()")),
    source("gradients-not-cleared", "generator", ("    g_optimizer.zero_grad()\n", "")),
    source("gradients-not-cleared", "both", ("    g_optimizer.zero_grad()\n", ""),
           ("    d_optimizer.zero_grad()\n", "")),
    source("sigmoid-twice", "discriminator ends in a sigmoid", (
           "discriminator = mlp(2, 1, config[\"width\"])",
           "discriminator = nn.Sequential(mlp(2, 1, config[\"width\"]), nn.Sigmoid())")),
    source("softmax-over-one-unit", "softmax", (
           "discriminator = mlp(2, 1, config[\"width\"])",
           "discriminator = nn.Sequential(mlp(2, 1, config[\"width\"]), nn.Softmax(dim=1))"),
           also="weights-never-change"),
    source("output-cannot-reach-targets", "relu at the end of the generator", (
           "generator = mlp(config[\"latent\"], 2, config[\"width\"])",
           "generator = nn.Sequential(mlp(config[\"latent\"], 2, config[\"width\"]), nn.ReLU())"),
           also="dead-units"),
    source("samples-mixed", "noise not used", (
           "    fake = generator(noise)\n", "    fake = generator(0 * noise)\n")),
    source("bad-initialisation", "zero", (BCE, BCE + "for p in [*generator.parameters(), "
           "*discriminator.parameters()]:\n    nn.init.zeros_(p)\n"), also="dead-units"),
    source("no-nonlinearity", "identity", (
           "        nn.LeakyReLU(0.2),\n        nn.Linear(width, width),\n"
           "        nn.LeakyReLU(0.2),\n", "        nn.Linear(width, width),\n")),
    source("shape-mismatch", "latent", ("generator = mlp(config[\"latent\"], 2,",
           "generator = mlp(config[\"latent\"] - 1, 2,")),
    source("targets-miscoded", "both called real", (
           "fake_loss = bce(discriminator(fake.detach()), torch.zeros(",
           "fake_loss = bce(discriminator(fake.detach()), torch.ones(")),
    data("inputs-not-normalised", "x 1000", array(FILE, "points", lambda x: x * 1000), 3),
    data("inputs-not-normalised", "x 30", array(FILE, "points", lambda x: x * 30), 2),
    data("bad-features", "holes", array(
        FILE, "points", lambda x: np.where(x[:, :1] > -1.1, x, np.inf)),
         also="non-finite-values"),
]  # fmt: skip
