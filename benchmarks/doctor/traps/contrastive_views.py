"""Two views of each picture are to lie together; a linear probe judges."""

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

encoder = nn.Sequential(nn.Linear(64, 96), nn.BatchNorm1d(96), nn.ReLU(), nn.Linear(96, 32))
optimizer = torch.optim.Adam(encoder.parameters(), lr=0.002)


def view(x):
    shifted = torch.roll(x.view(-1, 8, 8), torch.randint(-1, 2, (1,)).item(), dims=2).flatten(1)
    return shifted * (torch.rand_like(x) > 0.1) + 0.1 * torch.randn_like(x)


for step in range(250):
    rows = torch.randint(len(train_x), (96,))
    first = F.normalize(encoder(view(train_x[rows])), dim=1)
    second = F.normalize(encoder(view(train_x[rows])), dim=1)
    similarity = first @ second.T / 0.2
    partner = torch.arange(len(rows))
    loss = (F.cross_entropy(similarity, partner) + F.cross_entropy(similarity.T, partner)) / 2
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

encoder.eval()
with torch.no_grad():
    codes, test_codes = encoder(train_x), encoder(test_x)
probe = nn.Linear(32, 10)
optimizer = torch.optim.Adam(probe.parameters(), lr=0.03)
for step in range(200):
    rows = torch.randint(len(codes), (96,))
    optimizer.zero_grad()
    F.cross_entropy(probe(codes[rows]), train_y[rows]).backward()
    optimizer.step()

with torch.no_grad():
    accuracy = (probe(test_codes).argmax(1) == test_y).float().mean().item()
print(f"metric {accuracy:.4f}")
