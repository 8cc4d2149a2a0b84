"""A linear autoencoder, as principal components: affine on purpose."""

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

mean = train_x.mean(0)
encoder, decoder = nn.Linear(64, 12, bias=False), nn.Linear(12, 64, bias=False)
parameters = [*encoder.parameters(), *decoder.parameters()]
optimizer = torch.optim.Adam(parameters, lr=0.01)
for epoch in range(12):
    for rows in torch.randperm(len(train_x)).split(32):
        x = train_x[rows] - mean
        loss = F.mse_loss(decoder(encoder(x)), x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

with torch.no_grad():
    x = test_x - mean
    explained = 1 - (F.mse_loss(decoder(encoder(x)), x) / x.pow(2).mean()).item()
print(f"metric {explained:.4f}")
