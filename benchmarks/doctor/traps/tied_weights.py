"""A next-letter model whose embedding is also its last layer."""

import argparse

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
torch.manual_seed(parser.parse_args().seed)

text = torch.tensor(np.load("text.npz")["letters"])
train, test = text[:8000], text[8000:]


class NextLetter(nn.Module):
    def __init__(self, letters, width):
        super().__init__()
        self.embedding = nn.Embedding(letters, width)
        self.gru = nn.GRU(width, width, batch_first=True)
        self.head = nn.Linear(width, letters, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, x):
        states, _ = self.gru(self.embedding(x))
        return self.head(states)


model = NextLetter(12, 24)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for step in range(250):
    start = torch.randint(len(train) - 17, (32,))
    block = train[start[:, None] + torch.arange(17)]
    loss = F.cross_entropy(model(block[:, :-1]).flatten(0, 1), block[:, 1:].flatten())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

with torch.no_grad():
    scores = model(test[None, :-1])[0]
print(f"metric {(scores.argmax(1) == test[1:]).float().mean().item():.4f}")
