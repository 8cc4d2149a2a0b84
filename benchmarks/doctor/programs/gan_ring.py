"""A GAN on points of a ring: two networks, two optimisers, and how near the made points come."""

import argparse
import json

import numpy as np
import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)
config = json.load(open("gan.json"))
points = torch.from_numpy(np.load("ring.npz")["points"]).float()


def mlp(inputs, outputs, width):
    return nn.Sequential(
        nn.Linear(inputs, width),
        nn.LeakyReLU(0.2),
        nn.Linear(width, width),
        nn.LeakyReLU(0.2),
        nn.Linear(width, outputs),
    )


generator = mlp(config["latent"], 2, config["width"])
discriminator = mlp(2, 1, config["width"])
g_optimizer = torch.optim.Adam(generator.parameters(), lr=config["g_lr"], betas=(0.0, 0.9))
d_optimizer = torch.optim.Adam(discriminator.parameters(), lr=config["d_lr"], betas=(0.0, 0.9))
bce = nn.BCEWithLogitsLoss()


def sliced_distance(made, real, directions=64):
    """Mean distance of the sorted projections onto directions around the circle."""
    angle = torch.arange(directions) * torch.pi / directions
    axes = torch.stack([angle.cos(), angle.sin()])
    return ((made @ axes).sort(0).values - (real @ axes).sort(0).values).abs().mean().item()


for step in range(config["steps"]):
    real = points[torch.randint(len(points), (config["batch"],))]
    noise = torch.randn(config["batch"], config["latent"])
    fake = generator(noise)

    d_optimizer.zero_grad()
    real_loss = bce(discriminator(real), torch.ones(config["batch"], 1))
    fake_loss = bce(discriminator(fake.detach()), torch.zeros(config["batch"], 1))
    d_loss = real_loss + fake_loss
    d_loss.backward()
    d_optimizer.step()

    g_optimizer.zero_grad()
    g_loss = bce(discriminator(fake), torch.ones(config["batch"], 1))
    g_loss.backward()
    g_optimizer.step()

    if step % 100 == 0:
        print(f"step {step} d_loss {d_loss.item():.3f} g_loss {g_loss.item():.3f}")

with torch.no_grad():
    made = generator(torch.randn(1000, config["latent"]))
print(f"metric {1 - sliced_distance(made, points[:1000]):.4f}")
