"""Forecasting a series: windows stay in the order of time, and the last part is the test."""

import argparse

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
torch.manual_seed(parser.parse_args().seed)

series = torch.tensor(np.load("series.npz")["values"], dtype=torch.float32)
cut = 1100
series = (series - series[:cut].mean()) / series[:cut].std()
windows = series.unfold(0, 13, 1)
train, test = windows[: cut - 12], windows[cut:]
loader = DataLoader(TensorDataset(train[:, :12], train[:, 12]), batch_size=32, shuffle=False)


class Forecaster(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(1, 16, batch_first=True)
        self.out = nn.Linear(16, 1)

    def forward(self, x):
        _, state = self.gru(x.unsqueeze(-1))
        return self.out(state[-1]).squeeze(-1)


model = Forecaster()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
criterion = nn.HuberLoss()
for epoch in range(7):
    for x, y in loader:
        optimizer.zero_grad()
        criterion(model(x), y).backward()
        optimizer.step()

model.eval()
with torch.no_grad():
    error = (model(test[:, :12]) - test[:, 12]).pow(2).mean()
print(f"metric {1 - (error / test[:, 12].var()).item():.4f}")
