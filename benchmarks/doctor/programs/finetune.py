"""Fine-tuning: a backbone that knows the digits 0 to 4 learns 5 to 9 from 250 pictures."""

import argparse
import json

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset


class Backbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 12, 3, padding=1),
            nn.BatchNorm2d(12),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(12, 24, 3, padding=1),
            nn.BatchNorm2d(24),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(2),
        )
        self.fc = nn.Linear(96, 5)

    def forward(self, x):
        return self.fc(self.features(x).flatten(1))


def load_pretrained(path):
    net = Backbone()
    net.load_state_dict(torch.load(path, weights_only=True))
    return net


def freeze(module):
    for parameter in module.parameters():
        parameter.requires_grad = False
    module.eval()


def loaders(path, batch_size):
    arrays = np.load(path)

    def tensors(part):
        pictures = torch.from_numpy(arrays[f"{part}_x"]).float().div(16).sub(0.3).div(0.37)
        return TensorDataset(pictures[:, None], torch.from_numpy(arrays[f"{part}_y"]))

    train = DataLoader(tensors("train"), batch_size=batch_size, shuffle=True)
    return train, DataLoader(tensors("test"), batch_size=128)


def evaluate(net, loader):
    net.eval()
    with torch.no_grad():
        hits = [(net(x).argmax(1) == y).float() for x, y in loader]
    return torch.cat(hits).mean().item()


def main():
    cli = argparse.ArgumentParser()
    cli.add_argument("--seed", type=int, default=0)
    cli.add_argument("--weights", default="backbone.pt")
    cli = cli.parse_args()
    torch.manual_seed(cli.seed)
    cfg = json.load(open("finetune.json"))

    net = load_pretrained(cli.weights)
    for name in cfg["freeze"]:
        freeze(net.get_submodule(name))
    if cfg["new_head"]:
        net.fc = nn.Linear(96, 5)
    trainable = [p for p in net.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(trainable, lr=cfg["lr"], momentum=0.9)
    train_loader, test_loader = loaders("new_digits.npz", cfg["batch_size"])
    criterion = nn.CrossEntropyLoss()

    for epoch in range(cfg["epochs"]):
        net.train()
        for name in cfg["freeze"]:
            net.get_submodule(name).eval()
        for x, y in train_loader:
            optimizer.zero_grad()
            loss = criterion(net(x), y)
            loss.backward()
            optimizer.step()
        if epoch % 5 == 4:
            print(f"epoch {epoch + 1}: accuracy {evaluate(net, test_loader):.4f}")
    print(f"metric {evaluate(net, test_loader):.4f}")


if __name__ == "__main__":
    main()
