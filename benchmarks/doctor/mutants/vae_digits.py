"""Faults of the variational autoencoder."""

from __future__ import annotations

import numpy as np

from doctor.mutant import HONEST, Mutant, array, config, data, graded, several, source

FILE, SETTINGS = "pixels.npz", "vae.json"
CLEAR = "        optimizer.zero_grad()\n"
STEP = "        optimizer.step()\n"
RETURN = "        return self.decode(z), mu, logvar\n"
DECODE = "        return torch.sigmoid(self.fc4(torch.relu(self.fc3(z))))\n"
MADE = '    model = VAE(cfg["latent"], cfg["hidden"])\n'


def both(name: str, label: str, function, severity: int = 0, also: str = "") -> Mutant:
    change = several(array(FILE, "train", function), array(FILE, "test", function))
    return data(name, label, change, severity, also)


def hole(value: float):
    def function(x: np.ndarray) -> np.ndarray:
        x[9, 9] = value
        return x

    return function


MUTANTS: list[Mutant] = [
    *graded("learning-rate-too-high", SETTINGS, "lr", (0.12, 0.4, 4.0),
            also="non-finite-values dead-units saturated-units"),
    *graded("learning-rate-too-low", SETTINGS, "lr", (1.3e-4, 4e-5, 4e-6),
            also="stopped-too-early"),
    *graded("stopped-too-early", SETTINGS, "epochs", (2, 1)),
    *graded("regularisation-too-strong", SETTINGS, "beta", (8.0, 30.0, 300.0)),
    *graded("batch-size-unsuited", SETTINGS, "batch_size", (600, 1347),
            also="stopped-too-early learning-rate-too-low"),
    config("weights-never-change", "rate 0", SETTINGS, lr=0.0, also="learning-rate-too-low"),
    source("gradients-not-cleared", "never", (CLEAR, "")),
    source("weights-never-change", "never steps", (STEP, "")),
    source("graph-cut", "detached code", (
           "        z = self.reparameterize(mu, logvar)\n",
           "        z = self.reparameterize(mu, logvar).detach()\n")),
    source("graph-cut", "numpy draw", (
           "        return mu + torch.randn_like(std) * std\n",
           "        return torch.from_numpy(mu.detach().numpy() + np.random.randn(*std.shape)"
           ".astype(\"f4\") * std.detach().numpy())\n")),
    source("parameters-outside-optimiser", "only the decoder",
           ("torch.optim.Adam(model.parameters()",
            "torch.optim.Adam([*model.fc3.parameters(), *model.fc4.parameters()]")),
    source("frozen-by-mistake", "encoder", (MADE, MADE + "    model.fc1.requires_grad_(False)\n"
           "    model.fc_mu.requires_grad_(False)\n")),
    source("raw-scores-into-probability-loss", "bce of a softplus",
           (DECODE, "        return self.fc4(torch.relu(self.fc3(z)))\n"), also="shape-mismatch"),
    source("sigmoid-twice", "with logits", ("F.binary_cross_entropy(recon",
           "F.binary_cross_entropy_with_logits(recon"),
           ("        return -loss_function(recon, x, mu, logvar, 1.0).item() / len(x)\n",
            "        bce = F.binary_cross_entropy(recon, x, reduction=\"sum\")\n"
            "        kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())\n"
            "        return -(bce + kld).item() / len(x)\n")),
    source("samples-mixed", "softmax over the batch", (
           "        z = self.reparameterize(mu, logvar)\n",
           "        z = self.reparameterize(mu, logvar).softmax(dim=0)\n")),
    source("samples-mixed", "input not used", (
           "        mu, logvar = self.encode(x)\n",
           "        mu, logvar = self.encode(torch.zeros_like(x))\n"),
           also="labels-unrelated-to-inputs"),
    source("labels-unrelated-to-inputs", "another batch", (
           "        recon, mu, logvar = model(batch)\n",
           "        recon, mu, logvar = model(batch.flip(0))\n")),
    source("non-finite-values", "log of the variance is the variance",
           ("logvar.exp())", "(logvar - 1).log())"), also="learning-rate-too-high"),
    source("non-finite-values", "exp of 300", ("std = torch.exp(0.5 * logvar)",
           "std = torch.exp(0.5 * logvar + 300 * logvar.abs())")),
    source("bad-initialisation", "zero", (MADE, MADE + "    for p in model.parameters():\n"
           "        nn.init.zeros_(p)\n"), also="dead-units"),
    source("bad-initialisation", "constant", (MADE, MADE + "    for p in model.parameters():\n"
           "        nn.init.constant_(p, 0.05)\n")),
    source("dead-units", "bias -30", (MADE, MADE +
           "    nn.init.constant_(model.fc3.bias, -30)\n"), also="bad-initialisation"),
    source("no-nonlinearity", "no relu", ("h = torch.relu(self.fc1(x))", "h = self.fc1(x)"),
           ("torch.relu(self.fc3(z))", "self.fc3(z)")),
    source("loss-unsuited-to-task", "sum of products", (
           'bce = F.binary_cross_entropy(recon, x, reduction="sum")',
           'bce = -(recon * x).sum()'), ("logvar, 1.0).item()", "logvar, 1.0).item() - "
           "F.binary_cross_entropy(recon, x, reduction=\"sum\").item()")),
    source("optimiser-unsuited", "Adadelta", ("torch.optim.Adam(", "torch.optim.Adadelta("),
           also="learning-rate-too-low"),
    source("tested-on-training-data", "train", ("{test(model, x_test):.4f}",
           "{test(model, x_train):.4f}"), by_definition=HONEST),
    source("metric-wrong", "without the divergence", ("mu, logvar, 1.0).item()",
           "mu, logvar, 0.0).item()"), by_definition=HONEST),
    source("shape-mismatch", "latent", ("self.fc3 = nn.Linear(latent,",
           "self.fc3 = nn.Linear(latent + 2,")),
    both("targets-miscoded", "-1 to 1", lambda x: 2 * x - 1, 2,
         also="output-cannot-reach-targets raw-scores-into-probability-loss"),
    both("targets-miscoded", "0 to 16", lambda x: x * 16, 3,
         also="output-cannot-reach-targets raw-scores-into-probability-loss"),
    *(data("train-test-preprocessing-differs", label, array(FILE, "test", function), level)
      for level, label, function in ((1, "test half as bright", lambda x: x * 0.5),
                                     (2, "test inverted", lambda x: 1 - x))),
    data("bad-features", "a hole", array(FILE, "train", hole(float("nan"))),
         also="non-finite-values shape-mismatch"),
    data("overfitting", "30 pictures", array(FILE, "train", lambda x: np.repeat(x[:30], 40, 0))),
    data("tested-on-training-data", "copied", several(
        array(FILE, "train", lambda x: x),
        lambda files: files[FILE].update(test=files[FILE]["train"][:450])), 3,
        by_definition=HONEST),
]  # fmt: skip
