"""Pictures and labels of two rows are mixed."""

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

optimizer = torch.optim.Adam(model.parameters(), lr=0.004)
beta = torch.distributions.Beta(0.4, 0.4)
for epoch in range(12):
    model.train()
    for rows in torch.randperm(len(train_x)).split(32):
        share = beta.sample()
        other = rows[torch.randperm(len(rows))]
        mixed = share * train_x[rows] + (1 - share) * train_x[other]
        scores = model(mixed)
        loss = share * F.cross_entropy(scores, train_y[rows])
        loss = loss + (1 - share) * F.cross_entropy(scores, train_y[other])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

model.eval()
with torch.no_grad():
    accuracy = (model(test_x).argmax(1) == test_y).float().mean().item()
print(f"metric {accuracy:.4f}")
