"""A VAE with squared error whose divergence term is warmed up; sampled in evaluation, too."""

import argparse

import numpy as np
import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
torch.manual_seed(parser.parse_args().seed)
data = np.load("digits.npz")
train, test = (torch.tensor(data[name]) / 16 for name in ("train_x", "test_x"))

encoder = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 16))
decoder = nn.Sequential(nn.Linear(8, 48), nn.ReLU(), nn.Linear(48, 64))
optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=0.004)


def pass_through(x):
    mu, logvar = encoder(x).chunk(2, dim=1)
    z = mu + torch.randn_like(mu) * (0.5 * logvar).exp()
    kl = -0.5 * (1 + logvar - mu**2 - logvar.exp()).sum(1).mean()
    return decoder(z), kl


step = 0
for epoch in range(11):
    for rows in torch.randperm(len(train)).split(32):
        rebuilt, kl = pass_through(train[rows])
        weight = min(1.0, step / 300)
        loss = 30 * (rebuilt - train[rows]).pow(2).sum(1).mean() + weight * kl
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        step += 1

with torch.no_grad():
    rebuilt, _ = pass_through(test)
error = (rebuilt - test).pow(2).mean() / (test - test.mean(0)).pow(2).mean()
print(f"metric {1 - error.item():.4f}")
