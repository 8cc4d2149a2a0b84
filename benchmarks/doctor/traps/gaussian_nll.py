"""Regression with its own uncertainty: the loss falls below 0, as a density's may."""

import argparse

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
torch.manual_seed(parser.parse_args().seed)
points = np.load("curve.npz")
x, y = (torch.tensor(points[name], dtype=torch.float32) for name in ("x", "y"))
x_train, y_train, x_test, y_test = x[:800], y[:800], x[800:], y[800:]

body = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh())
mean, spread = nn.Linear(32, 1), nn.Linear(32, 1)
parameters = [*body.parameters(), *mean.parameters(), *spread.parameters()]
optimizer = torch.optim.Adam(parameters, lr=0.005)
for epoch in range(40):
    for rows in torch.randperm(len(x_train)).split(64):
        h = body(x_train[rows])
        loss = F.gaussian_nll_loss(mean(h), y_train[rows], F.softplus(spread(h)) + 1e-4)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

with torch.no_grad():
    error = (mean(body(x_test)) - y_test).pow(2).mean()
print(f"metric {1 - (error / y_test.var()).item():.4f}")
