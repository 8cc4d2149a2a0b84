"""Dropout stays on in evaluation: the mean of thirty draws answers."""

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

model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 10))

optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
for epoch in range(10):
    model.train()
    for rows in torch.randperm(len(train_x)).split(32):
        optimizer.zero_grad()
        F.cross_entropy(model(train_x[rows]), train_y[rows]).backward()
        optimizer.step()


def enable_dropout(network):
    """Monte Carlo dropout: only the dropout layers are put into training mode."""
    network.eval()
    for part in network.modules():
        if isinstance(part, nn.Dropout):
            part.train()


enable_dropout(model)
with torch.no_grad():
    draws = torch.stack([model(test_x).softmax(1) for _ in range(30)])
accuracy = (draws.mean(0).argmax(1) == test_y).float().mean().item()
print(f"spread of the draws {draws.std(0).mean().item():.4f}")
print(f"metric {accuracy:.4f}")
