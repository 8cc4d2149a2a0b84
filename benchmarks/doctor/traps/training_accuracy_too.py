"""Accuracy on training rows is printed beside that on test rows."""

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

from torch.utils.data import DataLoader, TensorDataset

train_loader = DataLoader(TensorDataset(train_x, train_y), 32, shuffle=True)
test_loader = DataLoader(TensorDataset(test_x, test_y), 100)
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)


def score(loader):
    model.eval()
    with torch.no_grad():
        return sum((model(x).argmax(1) == y).sum().item() for x, y in loader) / len(loader.dataset)


for epoch in range(8):
    model.train()
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
    print(f"train {score(train_loader):.4f} test {score(test_loader):.4f}")

print(f"metric {score(test_loader):.4f}")
