"""Rare digits weigh more in the loss, and more rows of them are drawn."""

import argparse

import numpy as np
import torch
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

from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

kept = (train_y < 5) | (torch.rand(len(train_y)) < 0.3)
train_x, train_y = train_x[kept], train_y[kept]
counts = torch.bincount(train_y, minlength=10).float()
sampler = WeightedRandomSampler((1 / counts.sqrt())[train_y], len(train_y))
loader = DataLoader(TensorDataset(train_x, train_y), batch_size=32, sampler=sampler)
model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
criterion = nn.CrossEntropyLoss(weight=(counts.mean() / counts).sqrt())
optimizer = torch.optim.Adam(model.parameters(), lr=0.004)
for epoch in range(14):
    for x, y in loader:
        optimizer.zero_grad()
        criterion(model(x), y).backward()
        optimizer.step()

model.eval()
with torch.no_grad():
    accuracy = (model(test_x).argmax(1) == test_y).float().mean().item()
print(f"metric {accuracy:.4f}")
