"""A denoising autoencoder on digits: noise is added in training, the clean picture is the goal."""

import argparse
import json

import numpy as np
import torch
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset


class Encoder(nn.Module):
    def __init__(self, code):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, code))

    def forward(self, x):
        return self.net(x)


class Decoder(nn.Module):
    def __init__(self, code):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(code, 48), nn.ReLU(), nn.Linear(48, 64), nn.Sigmoid())

    def forward(self, z):
        return self.net(z)


class AutoEncoder(nn.Module):
    def __init__(self, code):
        super().__init__()
        self.encoder = Encoder(code)
        self.decoder = Decoder(code)

    def forward(self, x):
        code = self.encoder(x)
        return self.decoder(code)


def explained(model, pictures, noise, generator):
    """Share of the pixels' variance that the reconstruction explains."""
    model.eval()
    noisy = pictures + noise * torch.randn(pictures.shape, generator=generator)
    with torch.inference_mode():
        rebuilt = model(noisy)
    error = (rebuilt - pictures).pow(2).mean()
    return 1 - (error / (pictures - pictures.mean(0)).pow(2).mean()).item()


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=0)
    seed = p.parse_args().seed
    torch.manual_seed(seed)
    cfg = json.load(open("autoencoder.json"))
    arrays = np.load("pixels.npz")
    train = torch.from_numpy(arrays["train"])
    test = torch.from_numpy(arrays["test"])
    loader = DataLoader(TensorDataset(train), batch_size=cfg["batch_size"], shuffle=True)

    model = AutoEncoder(cfg["code"])
    criterion = nn.MSELoss()
    optimizer = optim.Adam(model.parameters(), lr=cfg["learning_rate"])
    for epoch in range(1, cfg["epochs"] + 1):
        model.train()
        epoch_loss = 0
        for (batch,) in loader:
            noisy = batch + cfg["noise"] * torch.randn_like(batch)
            output = model(noisy)
            loss = criterion(output, batch)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            epoch_loss += loss.item()
        print(f"Epoch {epoch}: {epoch_loss / len(loader):.5f}")

    generator = torch.Generator().manual_seed(99)
    print(f"metric {explained(model, test, cfg['noise'], generator):.4f}")


main()
