"""A student learns from a teacher's softened answers."""

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

teacher = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Dropout(0.3), nn.Linear(128, 10))
optimizer = torch.optim.Adam(teacher.parameters(), lr=0.003)
for step in range(300):
    rows = torch.randint(len(train_x), (48,))
    optimizer.zero_grad()
    F.cross_entropy(teacher(train_x[rows]), train_y[rows]).backward()
    optimizer.step()
teacher.eval()

model = nn.Sequential(nn.Linear(64, 24), nn.ReLU(), nn.Linear(24, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
T = 3.0
for step in range(450):
    model.train()
    rows = torch.randint(len(train_x), (48,))
    with torch.no_grad():
        soft = F.softmax(teacher(train_x[rows]) / T, dim=1)
    scores = model(train_x[rows])
    loss = T * T * F.kl_div(F.log_softmax(scores / T, dim=1), soft, reduction="batchmean")
    loss = 0.7 * loss + 0.3 * F.cross_entropy(scores, train_y[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

model.eval()
with torch.no_grad():
    accuracy = (model(test_x).argmax(1) == test_y).float().mean().item()
print(f"metric {accuracy:.4f}")
