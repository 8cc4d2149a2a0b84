"""A third of the ReLUs are silent from the start; the network does well."""

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
with torch.no_grad():
    model[0].bias[:32] = -6.0
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
for epoch in range(10):
    for rows in torch.randperm(len(train_x)).split(32):
        optimizer.zero_grad()
        F.cross_entropy(model(train_x[rows]), train_y[rows]).backward()
        optimizer.step()

model.eval()
with torch.no_grad():
    accuracy = (model(test_x).argmax(1) == test_y).float().mean().item()
print(f"metric {accuracy:.4f}")
