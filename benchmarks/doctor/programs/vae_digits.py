"""A variational autoencoder on digits; the loss is written by hand."""

import argparse
import json
import os

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

HERE = os.path.dirname(os.path.abspath(__file__))


class VAE(nn.Module):
    def __init__(self, latent, hidden):
        super().__init__()
        self.fc1 = nn.Linear(64, hidden)
        self.fc_mu = nn.Linear(hidden, latent)
        self.fc_logvar = nn.Linear(hidden, latent)
        self.fc3 = nn.Linear(latent, hidden)
        self.fc4 = nn.Linear(hidden, 64)

    def encode(self, x):
        h = torch.relu(self.fc1(x))
        return self.fc_mu(h), self.fc_logvar(h)

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        return mu + torch.randn_like(std) * std

    def decode(self, z):
        return torch.sigmoid(self.fc4(torch.relu(self.fc3(z))))

    def forward(self, x):
        mu, logvar = self.encode(x)
        z = self.reparameterize(mu, logvar)
        return self.decode(z), mu, logvar


def loss_function(recon, x, mu, logvar, beta):
    bce = F.binary_cross_entropy(recon, x, reduction="sum")
    kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return bce + beta * kld


def train(model, optimizer, x, cfg):
    model.train()
    total = 0.0
    for rows in torch.randperm(len(x)).split(cfg["batch_size"]):
        batch = x[rows]
        optimizer.zero_grad()
        recon, mu, logvar = model(batch)
        loss = loss_function(recon, batch, mu, logvar, cfg["beta"])
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total / len(x)


def test(model, x):
    """The bound on a test picture's log-likelihood, in nats."""
    model.eval()
    with torch.no_grad():
        recon, mu, logvar = model(x)
        return -loss_function(recon, x, mu, logvar, 1.0).item() / len(x)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--seed", type=int, default=1)
    arguments = arguments.parse_args()
    torch.manual_seed(arguments.seed)
    cfg = json.load(open(os.path.join(HERE, "vae.json")))
    data = np.load(os.path.join(HERE, "pixels.npz"))
    x_train, x_test = torch.tensor(data["train"]), torch.tensor(data["test"])
    model = VAE(cfg["latent"], cfg["hidden"])
    optimizer = torch.optim.Adam(model.parameters(), lr=cfg["lr"])
    for epoch in range(1, cfg["epochs"] + 1):
        loss = train(model, optimizer, x_train, cfg)
        print(f"====> Epoch: {epoch} Average loss: {loss:.4f}")
    torch.save(model.state_dict(), os.path.join(HERE, "vae.pt"))
    print(f"metric {test(model, x_test):.4f}")
