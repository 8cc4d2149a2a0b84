"""A convolutional network with batch norm, trained by a Trainer class with a cosine schedule."""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


@dataclass
class Settings:
    lr: float
    momentum: float
    weight_decay: float
    batch_size: int
    epochs: int
    bn_momentum: float
    dropout: float
    schedule_epochs: int
    mean: float
    std: float
    optimizer: str = "sgd"


class PictureDataset(Dataset):
    def __init__(self, pictures, labels, mean, std):
        self.pictures = (pictures.astype(np.float32) - mean) / std
        self.labels = labels.astype(np.int64)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return torch.from_numpy(self.pictures[index]), int(self.labels[index])


class Block(nn.Module):
    def __init__(self, inputs, outputs, bn_momentum):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(outputs, momentum=bn_momentum)

    def forward(self, x):
        return torch.relu(self.norm(self.conv(x)))


class SmallCNN(nn.Module):
    def __init__(self, settings, classes=10):
        super().__init__()
        self.block1 = Block(1, 12, settings.bn_momentum)
        self.block2 = Block(12, 24, settings.bn_momentum)
        self.pool = nn.MaxPool2d(2)
        self.dropout = nn.Dropout(settings.dropout)
        self.fc = nn.Linear(24 * 2 * 2, classes)

    def forward(self, x):
        x = self.pool(self.block1(x))
        x = self.pool(self.block2(x))
        x = x.flatten(1)
        x = self.dropout(x)
        return self.fc(x)


class Trainer:
    def __init__(self, settings, folder):
        self.settings = settings
        with np.load(folder / "pictures.npz") as data:
            train = PictureDataset(data["train_x"], data["train_y"], settings.mean, settings.std)
            test = PictureDataset(data["test_x"], data["test_y"], settings.mean, settings.std)
        self.train_loader = DataLoader(train, settings.batch_size, shuffle=True, drop_last=True)
        self.test_loader = DataLoader(test, 90)
        self.model = SmallCNN(settings)
        self.criterion = nn.CrossEntropyLoss()
        if settings.optimizer == "sgd":
            self.optimizer = torch.optim.SGD(
                self.model.parameters(),
                lr=settings.lr,
                momentum=settings.momentum,
                weight_decay=settings.weight_decay,
            )
        else:
            kind = getattr(torch.optim, settings.optimizer)
            self.optimizer = kind(self.model.parameters(), lr=settings.lr)
        self.scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(
            self.optimizer, T_max=settings.schedule_epochs
        )

    def train_epoch(self):
        self.model.train()
        running = 0.0
        for images, labels in self.train_loader:
            outputs = self.model(images)
            loss = self.criterion(outputs, labels)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            running += loss.item()
        self.scheduler.step()
        return running / len(self.train_loader)

    @torch.no_grad()
    def evaluate(self):
        self.model.eval()
        hits, seen = 0, 0
        for images, labels in self.test_loader:
            predictions = self.model(images).argmax(1)
            hits += int((predictions == labels).sum())
            seen += len(labels)
        return hits / seen

    def fit(self):
        accuracy = 0.0
        for epoch in range(self.settings.epochs):
            loss = self.train_epoch()
            accuracy = self.evaluate()
            print(f"[{epoch + 1}/{self.settings.epochs}] loss={loss:.4f} acc={accuracy:.4f}")
        return accuracy


def main():
    parser = argparse.ArgumentParser(description="train the small CNN")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    folder = Path(__file__).resolve().parent
    settings = Settings(**json.loads((folder / "settings.json").read_text()))
    trainer = Trainer(settings, folder)
    accuracy = trainer.fit()
    torch.save(trainer.model.state_dict(), folder / "cnn.pt")
    print(f"metric {accuracy:.4f}")


if __name__ == "__main__":
    main()
