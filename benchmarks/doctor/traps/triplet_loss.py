"""A metric is learnt from triplets; the nearest neighbour answers."""

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

model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 16))
optimizer = torch.optim.Adam(model.parameters(), lr=0.002)
criterion = nn.TripletMarginLoss(margin=1.0)
by_class = [torch.nonzero(train_y == c).flatten() for c in range(10)]
for step in range(300):
    anchor = torch.randint(len(train_x), (48,))
    same = torch.stack(
        [by_class[c][torch.randint(len(by_class[c]), ())] for c in train_y[anchor].tolist()]
    )
    other = (train_y[anchor] + torch.randint(1, 10, (48,))) % 10
    differs = torch.stack(
        [by_class[c][torch.randint(len(by_class[c]), ())] for c in other.tolist()]
    )
    loss = criterion(model(train_x[anchor]), model(train_x[same]), model(train_x[differs]))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

model.eval()
with torch.no_grad():
    nearest = torch.cdist(model(test_x), model(train_x)).argmin(1)
print(f"metric {(train_y[nearest] == test_y).float().mean().item():.4f}")
