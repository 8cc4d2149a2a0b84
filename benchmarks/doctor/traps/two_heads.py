"""Two tasks share a body; one head learns from it without changing it."""

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


class TwoHeads(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(64, 64), nn.ReLU())
        self.digit = nn.Linear(64, 10)
        self.brightness = nn.Linear(64, 1)

    def forward(self, x):
        h = self.body(x)
        return self.digit(h), self.brightness(h.detach()).squeeze(1)


model = TwoHeads()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
for epoch in range(10):
    for rows in torch.randperm(len(train_x)).split(32):
        scores, brightness = model(train_x[rows])
        loss = F.cross_entropy(scores, train_y[rows])
        loss = loss + F.mse_loss(brightness, train_x[rows].mean(1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

model.eval()
with torch.no_grad():
    accuracy = (model(test_x)[0].argmax(1) == test_y).float().mean().item()
print(f"metric {accuracy:.4f}")
