"""An LSTM tells which of four kinds of wave a noisy sequence is; gradients are clipped."""

import argparse
import json
import sys

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, random_split


class Waves(torch.utils.data.Dataset):
    def __init__(self, path):
        archive = np.load(path)
        self.series = archive["series"].astype("float32")
        self.kind = archive["kind"]

    def __len__(self):
        return len(self.series)

    def __getitem__(self, i):
        return self.series[i][:, None], self.kind[i]


class WaveLSTM(nn.Module):
    def __init__(self, hidden, layers, kinds):
        super().__init__()
        self.lstm = nn.LSTM(1, hidden, num_layers=layers, batch_first=True)
        self.classifier = nn.Linear(hidden, kinds)

    def forward(self, x):
        states, _ = self.lstm(x)
        return self.classifier(states[:, -1])


def accuracy(net, loader):
    net.eval()
    good = total = 0
    with torch.no_grad():
        for series, kind in loader:
            guess = net(series).argmax(-1)
            good += (guess == kind).sum().item()
            total += kind.numel()
    return good / total


def train_one_epoch(net, loader, criterion, optimizer, clip):
    net.train()
    meter = []
    for series, kind in loader:
        optimizer.zero_grad()
        loss = criterion(net(series), kind)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), clip)
        optimizer.step()
        meter.append(loss.item())
    return sum(meter) / len(meter)


def main(argv):
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", default="waves.npz")
    args = parser.parse_args(argv)
    hp = json.load(open("hparams.json"))
    torch.manual_seed(args.seed)
    np.random.seed(args.seed)

    dataset = Waves(args.data)
    n_test = len(dataset) // 4
    split = torch.Generator().manual_seed(7)
    train_set, test_set = random_split(dataset, [len(dataset) - n_test, n_test], split)
    train_loader = DataLoader(train_set, batch_size=hp["batch_size"], shuffle=True)
    test_loader = DataLoader(test_set, batch_size=256)

    net = WaveLSTM(hp["hidden"], hp["layers"], 4)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(net.parameters(), lr=hp["lr"])
    for epoch in range(hp["epochs"]):
        loss = train_one_epoch(net, train_loader, criterion, optimizer, hp["clip"])
        sys.stdout.write(f"epoch {epoch:2d}  loss {loss:.3f}\n")
    print("metric", round(accuracy(net, test_loader), 4))


if __name__ == "__main__":
    main(sys.argv[1:])
