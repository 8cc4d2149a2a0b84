"""Tumours from measurements: a CSV through scikit-learn, one logit for two classes."""

import argparse
import json

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.preprocessing import StandardScaler

TARGET = "malignant"


def read_table(path):
    with open(path) as handle:
        columns = handle.readline().strip().split(",")
        values = np.loadtxt(handle, delimiter=",")
    target = columns.index(TARGET)
    return np.delete(values, target, axis=1), values[:, target]


def prepare(scale):
    X_train, y_train = read_table("train.csv")
    X_test, y_test = read_table("test.csv")
    if scale:
        scaler = StandardScaler()
        X_train = scaler.fit_transform(X_train)
        X_test = scaler.transform(X_test)
    return [torch.as_tensor(a, dtype=torch.float32) for a in (X_train, y_train, X_test, y_test)]


class TumourNet(torch.nn.Module):
    def __init__(self, n_features, n_hidden, p):
        super().__init__()
        self.hidden1 = torch.nn.Linear(n_features, n_hidden)
        self.hidden2 = torch.nn.Linear(n_hidden, n_hidden)
        self.out = torch.nn.Linear(n_hidden, 1)
        self.p = p

    def forward(self, x):
        x = F.relu(self.hidden1(x))
        x = F.dropout(x, self.p, training=self.training)
        x = F.relu(self.hidden2(x))
        return self.out(x).squeeze(1)


def balanced_accuracy(predicted, actual):
    sensitivity = (predicted[actual == 1] == 1).float().mean()
    specificity = (predicted[actual == 0] == 0).float().mean()
    return ((sensitivity + specificity) / 2).item()


def evaluate(net, X, y):
    net.eval()
    with torch.no_grad():
        score = net(X)
    net.train()
    return balanced_accuracy((score > 0).float(), y)


def run(seed, cfg):
    torch.manual_seed(seed)
    X_train, y_train, X_test, y_test = prepare(cfg["scale"])
    net = TumourNet(X_train.shape[1], cfg["hidden"], cfg["dropout"])
    opt = torch.optim.AdamW(net.parameters(), lr=cfg["lr"], weight_decay=cfg["weight_decay"])
    loss_fn = torch.nn.BCEWithLogitsLoss()
    n = X_train.shape[0]
    for epoch in range(cfg["epochs"]):
        permutation = torch.randperm(n) if cfg["shuffle"] else torch.arange(n)
        for i in range(0, n, cfg["batch_size"]):
            index = permutation[i : i + cfg["batch_size"]]
            opt.zero_grad()
            loss = loss_fn(net(X_train[index]), y_train[index])
            loss.backward()
            opt.step()
        if (epoch + 1) % 5 == 0:
            print(f"epoch {epoch + 1}: train loss {loss.item():.4f}")
    return evaluate(net, X_test, y_test)


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    cli = ap.parse_args()
    with open("params.json") as handle:
        params = json.load(handle)
    print(f"metric {run(cli.seed, params):.4f}")
