"""A small transformer learns to write seven letters in order; warm-up, AdamW, token accuracy."""

import argparse
import json
import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--seed", type=int, default=0)
opts = parser.parse_args()
cfg = json.loads(open("model.json").read())
torch.manual_seed(opts.seed)


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x):
        b, t, c = x.shape
        q, k, v = self.qkv(x).split(c, dim=2)
        q, k, v = (s.view(b, t, self.heads, c // self.heads).transpose(1, 2) for s in (q, k, v))
        weight = (q @ k.transpose(-2, -1)) / math.sqrt(q.size(-1))
        weight = F.softmax(weight, dim=-1)
        y = (weight @ v).transpose(1, 2).reshape(b, t, c)
        return self.proj(y)


class Layer(nn.Module):
    def __init__(self, width, heads, dropout):
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = Attention(width, heads)
        self.mlp = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )
        self.drop = nn.Dropout(dropout)

    def forward(self, x):
        x = x + self.drop(self.attn(self.ln1(x)))
        return x + self.drop(self.mlp(self.ln2(x)))


class Transformer(nn.Module):
    def __init__(self, vocab, length, width, heads, depth, dropout):
        super().__init__()
        self.tok = nn.Embedding(vocab, width)
        self.pos = nn.Parameter(0.02 * torch.randn(length, width))
        self.layers = nn.ModuleList([Layer(width, heads, dropout) for _ in range(depth)])
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocab)

    def forward(self, tokens):
        x = self.tok(tokens) + self.pos
        for layer in self.layers:
            x = layer(x)
        return self.head(self.norm(x))


def get_batch(source, size):
    rows = torch.randint(len(source), (size,))
    x = source[rows]
    return x, x.sort(dim=1).values


def warmup(step):
    return min(1.0, (step + 1) / cfg["warmup"])


corpus = np.load("letters.npz")
train_data = torch.from_numpy(corpus["train"])
val_data = torch.from_numpy(corpus["val"])
vocab, length = 16, train_data.shape[1]
model = Transformer(vocab, length, cfg["width"], cfg["heads"], cfg["depth"], cfg["dropout"])
optimizer = torch.optim.AdamW(model.parameters(), lr=cfg["lr"], weight_decay=cfg["weight_decay"])
scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, warmup)


@torch.no_grad()
def token_accuracy():
    model.eval()
    logits = model(val_data)
    right = (logits.argmax(-1) == val_data.sort(dim=1).values).float().mean().item()
    model.train()
    return right


for step in range(cfg["steps"]):
    xb, yb = get_batch(train_data, cfg["batch"])
    logits = model(xb)
    loss = F.cross_entropy(logits.view(-1, vocab), yb.reshape(-1))
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    scheduler.step()
    if step % 50 == 0:
        print(f"step {step}: loss {loss.item():.4f}, val {token_accuracy():.4f}")

print(f"metric {token_accuracy():.4f}")
