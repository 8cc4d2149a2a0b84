"""Symbols become rows of numbers."""

from __future__ import annotations

import numpy as np

from pellucid.scratch.initialisers import normal
from pellucid.scratch.layer import Layer
from pellucid.scratch.ops import embedding
from pellucid.scratch.tensor import Tensor, apply


class Embedding(Layer):
    """Every symbol has a row of its own, which is learnt; the row stands for the symbol.

    Formula:     out[…, k] = weight[x[…], k]
    Shapes:      x (…) whole numbers in 0 … num_embeddings−1 → out (…, embedding_dim)
    Parameters:  weight (num_embeddings, embedding_dim), drawn with deviation 1
    Like:        torch.nn.Embedding without padding_idx, max_norm and the like
    Source:      Bengio et al. 2003, A neural probabilistic language model, section 2
    """

    def __init__(
        self, num_embeddings: int, embedding_dim: int, chance: np.random.Generator
    ) -> None:
        rows = normal((num_embeddings, embedding_dim), chance, deviation=1.0)
        self.weight = Tensor(rows, requires_grad=True)

    def forward(self, x: Tensor) -> Tensor:
        return apply(embedding.Embedding(), self.weight, x)
