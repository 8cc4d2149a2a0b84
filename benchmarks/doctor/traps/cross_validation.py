"""Five-fold cross-validation: each row is held out once, and trained on in other folds."""

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

folds = torch.randperm(len(train_x)).chunk(5)
scores = []
for number, held_out in enumerate(folds):
    rows_in = torch.cat([fold for other, fold in enumerate(folds) if other != number])
    model = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
    for epoch in range(6):
        for part in torch.randperm(len(rows_in)).split(40):
            rows = rows_in[part]
            optimizer.zero_grad()
            F.cross_entropy(model(train_x[rows]), train_y[rows]).backward()
            optimizer.step()
    model.eval()
    with torch.no_grad():
        hits = model(train_x[held_out]).argmax(1) == train_y[held_out]
    scores.append(hits.float().mean().item())
    print(f"fold {number}: {scores[-1]:.4f}")

print(f"metric {sum(scores) / 5:.4f}")
