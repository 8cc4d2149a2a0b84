"""REINFORCE on a small walk: the loss is not to be read, the return is."""

import argparse

import torch
from torch import nn
from torch.distributions import Categorical

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
torch.manual_seed(parser.parse_args().seed)

policy = nn.Sequential(nn.Linear(2, 24), nn.Tanh(), nn.Linear(24, 3))
optimizer = torch.optim.Adam(policy.parameters(), lr=0.02)


def play(walkers, learn):
    """Walk to a goal on a line; the reward is how near each step ends."""
    place, goal = torch.zeros(walkers), torch.empty(walkers).uniform_(-1, 1)
    logs, rewards = [], []
    for _ in range(8):
        choice = Categorical(logits=policy(torch.stack([place, goal], 1)))
        action = choice.sample() if learn else choice.probs.argmax(1)
        place = place + 0.25 * (action - 1)
        logs.append(choice.log_prob(action))
        rewards.append(-(place - goal).abs())
    return torch.stack(logs), torch.stack(rewards)


baseline = 0.0
for episode in range(150):
    logs, rewards = play(32, learn=True)
    returns = rewards.flip(0).cumsum(0).flip(0)
    baseline = 0.9 * baseline + 0.1 * returns.mean(1, keepdim=True)
    loss = -(logs * (returns - baseline)).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

with torch.no_grad():
    _, rewards = play(200, learn=False)
print(f"metric {1 + rewards[3:].mean().item():.4f}")
