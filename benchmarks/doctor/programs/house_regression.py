"""Regression on a table read from CSV; rows picked by hand, the loss written by hand."""

import argparse
import csv
import json

import numpy as np
import torch
from torch import nn


def load(path):
    with open(path) as f:
        reader = csv.reader(f)
        names = next(reader)
        table = np.array([[float(cell) for cell in row] for row in reader])
    return names, table[:, :-1], table[:, -1]


def build(inputs, width):
    return nn.Sequential(
        nn.Linear(inputs, width),
        nn.ReLU(),
        nn.Linear(width, width),
        nn.ReLU(),
        nn.Linear(width, 1),
    )


def mse(prediction, target):
    return ((prediction - target) ** 2).mean()


def train(model, x, y, config):
    optimizer = torch.optim.SGD(model.parameters(), lr=config["lr"], momentum=config["momentum"])
    n = len(x)
    for epoch in range(config["epochs"]):
        order = torch.randperm(n)
        losses = []
        for start in range(0, n, config["batch"]):
            rows = order[start : start + config["batch"]]
            prediction = model(x[rows])
            loss = mse(prediction, y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        if epoch % 5 == 0:
            print("epoch", epoch, "mse", round(float(np.mean(losses)), 4))


def r2(model, x, y):
    with torch.no_grad():
        residual = ((model(x) - y) ** 2).sum()
    total = ((y - y.mean()) ** 2).sum()
    return float(1 - residual / total)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    config = json.load(open("config.json"))

    _, train_x, train_y = load("houses_train.csv")
    _, test_x, test_y = load("houses_test.csv")
    mean, std = train_x.mean(0), train_x.std(0)
    train_x = (train_x - mean) / std
    test_x = (test_x - mean) / std
    y_mean, y_std = train_y.mean(), train_y.std()
    train_y = (train_y - y_mean) / y_std
    test_y = (test_y - y_mean) / y_std

    x = torch.tensor(train_x, dtype=torch.float32)
    y = torch.tensor(train_y, dtype=torch.float32).unsqueeze(1)
    xt = torch.tensor(test_x, dtype=torch.float32)
    yt = torch.tensor(test_y, dtype=torch.float32).unsqueeze(1)

    model = build(x.shape[1], config["width"])
    train(model, x, y, config)
    np.savez("weights.npz", **{k: v.numpy() for k, v in model.state_dict().items()})
    print(f"metric {r2(model, xt, yt):.4f}")
