"""Each place looks at all places, and takes most from those that answer best."""

from __future__ import annotations

import numpy as np

from pellucid.base.errors import WrongUse
from pellucid.scratch.initialisers import xavier, zeros
from pellucid.scratch.layer import Layer
from pellucid.scratch.layers.activation import ReLU
from pellucid.scratch.layers.dropout import Dropout
from pellucid.scratch.layers.linear import Linear
from pellucid.scratch.layers.norms import LayerNorm
from pellucid.scratch.ops.attention import ScaledDotProductAttention
from pellucid.scratch.tensor import Tensor, apply


class MultiheadAttention(Layer):
    """Several heads look around at once, each with its own question.

    Formula:     out = concat(head₁, …) @ out_proj.weightᵀ + out_proj.bias, headᵢ the operation
                 `ScaledDotProductAttention` of queries, keys and values that in_proj makes
    Shapes:      query (n, places, embed_dim), key and value (n, others, embed_dim), and a mask
                 added to the scores, (places, others) or none → out (n, places, embed_dim)
    Parameters:  in_proj_weight (3·embed_dim, embed_dim), the rows for queries, keys, values;
                 in_proj_bias (3·embed_dim,) at 0; out_proj.weight, out_proj.bias
    Like:        torch.nn.MultiheadAttention(batch_first=True, dropout=0), the answer without the
                 shares; `causal` (nobody looks ahead) is said here, not at each call
    Source:      Vaswani et al. 2017, Attention is all you need, section 3.2.2
    """

    def __init__(
        self, embed_dim: int, num_heads: int, chance: np.random.Generator, causal: bool = False
    ) -> None:
        if embed_dim % num_heads:
            raise WrongUse(
                "MultiheadAttention",
                f"embed_dim {embed_dim} with {num_heads} heads",
                "a width that the heads can share evenly",
                "choose a number of heads that divides the width",
            )
        self.num_heads = num_heads
        self.causal = causal
        blocks = [xavier((embed_dim, embed_dim), chance) for _ in range(3)]
        self.in_proj_weight = Tensor(np.concatenate(blocks), requires_grad=True)
        self.in_proj_bias = Tensor(zeros((3 * embed_dim,)), requires_grad=True)
        self.out_proj = Linear(embed_dim, embed_dim, chance, initial=xavier)

    def forward(self, query: Tensor, key: Tensor, value: Tensor, *mask: Tensor) -> Tensor:
        heads = [self._heads(x, part) for part, x in enumerate((query, key, value))]
        seen = apply(ScaledDotProductAttention(self.causal), *heads, *mask)
        joined = seen.transpose(0, 2, 1, 3).reshape(*query.shape)
        mixed: Tensor = self.out_proj(joined)
        return mixed

    def _heads(self, x: Tensor, part: int) -> Tensor:
        """Queries, keys or values: (n, places, width) → (n, heads, places, width / heads)."""
        n, places, width = x.shape
        rows = slice(part * width, (part + 1) * width)
        made = x @ self.in_proj_weight[rows].transpose() + self.in_proj_bias[rows]
        split = made.reshape(n, places, self.num_heads, width // self.num_heads)
        return split.transpose(0, 2, 1, 3)


class TransformerEncoderLayer(Layer):
    """The transformer block: look around, then think; each adds to what is there.

    Formula:     x ← norm1(x + self_attn(x, x, x)), x ← norm2(x + linear2(relu(linear1(x)))); with
                 norm_first x ← x + self_attn(norm1(x)), x ← x + linear2(relu(linear1(norm2(x))))
    Shapes:      x (n, places, d_model) → the same
    Parameters:  those of self_attn (`MultiheadAttention`), of linear1 and linear2, which lead to
                 dim_feedforward numbers and back, and of norm1 and norm2 (d_model,)
    Modes:       training leaves out a share `dropout` of what self_attn, relu and linear2 give
    Like:        torch.nn.TransformerEncoderLayer(batch_first=True), but no dropout on the shares of
                 attention; with `causal`, a place looks only at itself and at earlier ones
    Source:      Vaswani et al. 2017, Attention is all you need, section 3.1; norm first: Xiong et
                 al. 2020, On layer normalization in the transformer architecture
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int,
        chance: np.random.Generator,
        dropout: float = 0.0,
        norm_first: bool = False,
        causal: bool = False,
    ) -> None:
        self.norm_first = norm_first
        self.self_attn = MultiheadAttention(d_model, nhead, chance, causal)
        self.linear1 = Linear(d_model, dim_feedforward, chance)
        self.relu = ReLU()
        self.linear2 = Linear(dim_feedforward, d_model, chance, initial=xavier)
        self.norm1 = LayerNorm(d_model)
        self.norm2 = LayerNorm(d_model)
        self.dropout = Dropout(dropout, chance)

    def forward(self, x: Tensor) -> Tensor:
        if self.norm_first:
            x = x + self._look(self.norm1(x))
            return x + self._think(self.norm2(x))
        x = self.norm1(x + self._look(x))
        done: Tensor = self.norm2(x + self._think(x))
        return done

    def _look(self, x: Tensor) -> Tensor:
        seen: Tensor = self.dropout(self.self_attn(x, x, x))
        return seen

    def _think(self, x: Tensor) -> Tensor:
        inner = self.dropout(self.relu(self.linear1(x)))
        found: Tensor = self.dropout(self.linear2(inner))
        return found
