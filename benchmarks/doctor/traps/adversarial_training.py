"""Training pictures are moved against the network by its own gradient."""

import argparse

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)

data = np.load("digits.npz")
train_x = torch.tensor(data["train_x"]) / 16
train_y = torch.tensor(data["train_y"])
test_x = torch.tensor(data["test_x"]) / 16
test_y = torch.tensor(data["test_y"])

model = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
for step in range(350):
    rows = torch.randint(len(train_x), (40,))
    x = train_x[rows].clone().requires_grad_(True)
    F.cross_entropy(model(x), train_y[rows]).backward()
    attacked = (x + 0.1 * x.grad.sign()).detach().clamp(0, 1)
    optimizer.zero_grad()
    F.cross_entropy(model(attacked), train_y[rows]).backward()
    optimizer.step()

model.eval()
with torch.no_grad():
    accuracy = (model(test_x).argmax(1) == test_y).float().mean().item()
print(f"metric {accuracy:.4f}")
