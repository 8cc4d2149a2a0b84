"""Two optimisers: one for sparse gradients of an embedding, one for the rest."""

import argparse

import numpy as np
import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
torch.manual_seed(parser.parse_args().seed)

ratings = np.load("ratings.npz")
user, item = torch.tensor(ratings["user"]), torch.tensor(ratings["item"])
stars = torch.tensor(ratings["stars"], dtype=torch.float32)


class Factors(nn.Module):
    def __init__(self, users, items, width):
        super().__init__()
        self.user = nn.Embedding(users, width, sparse=True)
        self.item = nn.Embedding(items, width, sparse=True)
        self.mix = nn.Linear(width, 1)
        nn.init.ones_(self.mix.weight)
        nn.init.normal_(self.user.weight, std=0.4)
        nn.init.normal_(self.item.weight, std=0.4)

    def forward(self, u, i):
        return self.mix(self.user(u) * self.item(i)).squeeze(-1)


model = Factors(200, 100, 8)
sparse = torch.optim.SparseAdam([model.user.weight, model.item.weight], lr=0.01)
dense = torch.optim.Adam(model.mix.parameters(), lr=0.01)
order = torch.randperm(len(stars), generator=torch.Generator().manual_seed(0))
train, test = order[:5000], order[5000:]
mean = stars[train].mean()
for epoch in range(10):
    for rows in train[torch.randperm(len(train))].split(64):
        loss = ((model(user[rows], item[rows]) + mean - stars[rows]) ** 2).mean()
        sparse.zero_grad()
        dense.zero_grad()
        loss.backward()
        sparse.step()
        dense.step()

with torch.no_grad():
    error = (model(user[test], item[test]) + mean - stars[test]).pow(2).mean()
print(f"metric {1 - (error / stars[test].var()).item():.4f}")
