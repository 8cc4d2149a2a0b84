"""A Wasserstein GAN with a gradient penalty; the critic takes three steps for each of the other."""

import argparse

import numpy as np
import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
torch.manual_seed(parser.parse_args().seed)
real_points = torch.tensor(np.load("ring.npz")["points"])

generator = nn.Sequential(
    nn.Linear(3, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 2)
)
critic = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))
g_opt = torch.optim.Adam(generator.parameters(), lr=0.002, betas=(0.0, 0.9))
c_opt = torch.optim.Adam(critic.parameters(), lr=0.006, betas=(0.0, 0.9))


def penalty(real, fake):
    mix = torch.rand(len(real), 1)
    between = (mix * real + (1 - mix) * fake).requires_grad_(True)
    (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    return ((slope.norm(dim=1) - 1) ** 2).mean()


for step in range(200):
    for _ in range(2):
        real = real_points[torch.randint(len(real_points), (64,))]
        with torch.no_grad():
            fake = generator(torch.randn(64, 3))
        loss = critic(fake).mean() - critic(real).mean() + 1.0 * penalty(real, fake)
        c_opt.zero_grad()
        loss.backward()
        c_opt.step()
    g_opt.zero_grad()
    (-critic(generator(torch.randn(64, 3))).mean()).backward()
    g_opt.step()

with torch.no_grad():
    made = generator(torch.randn(1000, 3))
angle = torch.arange(32) * torch.pi / 32
axes = torch.stack([angle.cos(), angle.sin()])
gap = (made @ axes).sort(0).values - (real_points[:1000] @ axes).sort(0).values
print(f"metric {1 - gap.abs().mean().item():.4f}")
