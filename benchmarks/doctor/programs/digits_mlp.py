"""Handwritten digits with a small MLP: a flat script with argparse and a config file."""

import argparse
import json

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--config", default="config.json")
args = parser.parse_args()
torch.manual_seed(args.seed)

with open(args.config) as f:
    config = json.load(f)

data = np.load("digits.npz")
train_x = torch.tensor(data["train_x"], dtype=torch.float32) / config["pixel_max"]
train_y = torch.tensor(data["train_y"], dtype=torch.long)
test_x = torch.tensor(data["test_x"], dtype=torch.float32) / config["pixel_max"]
test_y = torch.tensor(data["test_y"], dtype=torch.long)

train_loader = DataLoader(
    TensorDataset(train_x, train_y), batch_size=config["batch_size"], shuffle=config["shuffle"]
)
test_loader = DataLoader(TensorDataset(test_x, test_y), batch_size=100)

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "none": nn.Identity}


class MLP(nn.Module):
    def __init__(self, hidden, depth, dropout, activation):
        super().__init__()
        layers = [nn.Linear(64, hidden), ACTIVATIONS[activation](), nn.Dropout(dropout)]
        for _ in range(depth - 1):
            layers += [nn.Linear(hidden, hidden), ACTIVATIONS[activation](), nn.Dropout(dropout)]
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(hidden, 10)

    def forward(self, x):
        x = self.body(x)
        return self.head(x)


model = MLP(config["hidden"], config["depth"], config["dropout"], config["activation"])
optimizer = torch.optim.Adam(
    model.parameters(), lr=config["lr"], weight_decay=config["weight_decay"]
)

for epoch in range(config["epochs"]):
    model.train()
    total = 0.0
    for x, y in train_loader:
        optimizer.zero_grad()
        logits = model(x)
        loss = F.cross_entropy(logits, y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
    model.eval()
    correct = 0
    with torch.no_grad():
        for x, y in test_loader:
            correct += (model(x).argmax(dim=1) == y).sum().item()
    print(f"epoch {epoch} loss {total / len(train_x):.4f} accuracy {correct / len(test_x):.4f}")

torch.save(model.state_dict(), "digits_mlp.pt")
print(f"metric {correct / len(test_x):.4f}")
