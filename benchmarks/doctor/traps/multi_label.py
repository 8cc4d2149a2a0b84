"""Three yes-or-no questions about each digit at once."""

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


def questions(y):
    return torch.stack([y % 2 == 0, y > 4, (y == 2) | (y == 3) | (y == 5) | (y == 7)], 1).float()


model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 3))
optimizer = torch.optim.Adam(model.parameters(), lr=0.004)
targets = questions(train_y)
for epoch in range(11):
    for rows in torch.randperm(len(train_x)).split(32):
        loss = F.binary_cross_entropy_with_logits(model(train_x[rows]), targets[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

with torch.no_grad():
    right = ((model(test_x) > 0).float() == questions(test_y)).float().mean().item()
print(f"metric {right:.4f}")
