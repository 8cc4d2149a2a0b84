"""Warm-up and cosine restarts: the loss rises at each restart."""

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

optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9)
warmup = torch.optim.lr_scheduler.LinearLR(optimizer, 0.01, total_iters=40)
restarts = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=120)
scheduler = torch.optim.lr_scheduler.SequentialLR(optimizer, [warmup, restarts], [40])
for step in range(400):
    model.train()
    rows = torch.randint(len(train_x), (32,))
    loss = F.cross_entropy(model(train_x[rows]), train_y[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()

model.eval()
with torch.no_grad():
    accuracy = (model(test_x).argmax(1) == test_y).float().mean().item()
print(f"metric {accuracy:.4f}")
