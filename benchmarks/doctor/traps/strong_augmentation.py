"""Training pictures are shifted, covered and noisy: validation is better than training."""

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

optimizer = torch.optim.AdamW(model.parameters(), lr=0.003)


def augment(x):
    pictures = x.view(-1, 8, 8)
    shift = [0, int(torch.randint(-1, 2, ()))]
    pictures = torch.roll(pictures, shift, dims=(1, 2))
    cover = (torch.rand(len(x), 8, 8) > 0.1).float()
    return (pictures * cover + 0.1 * torch.randn_like(pictures)).flatten(1)


for epoch in range(16):
    model.train()
    hits = 0
    for rows in torch.randperm(len(train_x)).split(32):
        scores = model(augment(train_x[rows]))
        loss = F.cross_entropy(scores, train_y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        hits += (scores.argmax(1) == train_y[rows]).sum().item()
    print(f"epoch {epoch}: training accuracy {hits / len(train_x):.3f}")

model.eval()
with torch.no_grad():
    accuracy = (model(test_x).argmax(1) == test_y).float().mean().item()
print(f"metric {accuracy:.4f}")
