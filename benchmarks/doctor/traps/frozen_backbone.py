"""A backbone with batch norm is frozen and kept in eval mode; a head learns."""

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

backbone = nn.Sequential(nn.Linear(64, 128), nn.BatchNorm1d(128), nn.ReLU())
pretraining = torch.optim.Adam(backbone.parameters(), lr=0.003)
decoder = nn.Linear(128, 64)
pretraining.add_param_group({"params": decoder.parameters()})
for step in range(150):
    rows = torch.randint(len(train_x), (64,))
    pretraining.zero_grad()
    F.mse_loss(decoder(backbone(train_x[rows])), train_x[rows]).backward()
    pretraining.step()

for parameter in backbone.parameters():
    parameter.requires_grad_(False)
model = nn.Sequential(backbone, nn.Dropout(0.1), nn.Linear(128, 10))
optimizer = torch.optim.Adam(model[2].parameters(), lr=0.005)
for step in range(400):
    model.train()
    backbone.eval()
    rows = torch.randint(len(train_x), (48,))
    loss = F.cross_entropy(model(train_x[rows]), train_y[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

model.eval()
with torch.no_grad():
    accuracy = (model(test_x).argmax(1) == test_y).float().mean().item()
print(f"metric {accuracy:.4f}")
