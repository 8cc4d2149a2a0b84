"""Which number to change where a layer and its input do not fit, worked out by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from pellucid.doctor.misfit import hard_coded_batch, mend, of_words

ADVICE = {
    "a linear layer, after flattening": (
        nn.Linear(256, 10), (2, 400), (2, 16, 5, 5),
        "Linear expects 256 features, gets 400 = 16 × 5 × 5: make in_features 400",
    ),
    "a linear layer, flattening forgotten": (
        nn.Linear(400, 10), (2, 16, 5, 5), (),
        "put nn.Flatten() before it",
    ),
    "a convolution": (
        nn.Conv2d(3, 8, 3), (2, 1, 9, 9), (), "expects 3 channels, gets 1: make in_channels 1",
    ),
    "a convolution, the channels last": (
        nn.Conv2d(3, 8, 3), (2, 9, 8, 3), (), "x.permute(0, 3, 1, 2)",
    ),
    "a convolution, no axis for the channel": (
        nn.Conv2d(1, 8, 3), (2, 9, 9), (), "x.unsqueeze(1)",
    ),
    "batch norm": (nn.BatchNorm1d(6), (2, 5), (), "make num_features 5"),
    "group norm": (nn.GroupNorm(2, 6), (2, 4, 3), (), "make num_channels 4"),
    "layer norm": (nn.LayerNorm(6), (2, 4, 5), (), "make normalized_shape 5"),
    "a recurrent layer": (nn.GRU(6, 4), (2, 3, 5), (), "make input_size 5"),
    "attention": (nn.MultiheadAttention(6, 2), (2, 3, 5), (), "make embed_dim 5"),
}  # fmt: skip


@pytest.mark.parametrize("case", ADVICE)
def test_the_number_to_change_is_named(case: str) -> None:
    part, shape, before, said = ADVICE[case]
    assert said in mend(part, [shape], before)


def test_a_layer_that_fits_gets_no_advice() -> None:
    assert mend(nn.Linear(5, 2), [(3, 5)]) == ""
    assert mend(nn.Conv2d(1, 2, 3), [(3, 1, 5, 5)]) == ""


def raised(call) -> str:
    with pytest.raises((RuntimeError, IndexError)) as caught:
        call()
    return str(caught.value)


def test_what_pytorch_says_of_a_reshape_is_understood() -> None:
    x = torch.zeros(2, 16, 7, 7)  # 784 numbers an example
    said = of_words(raised(lambda: x.view(-1, 401)), 2)
    assert "each example has 784 numbers" in said
    assert "fixes the batch at 64" in of_words(raised(lambda: x.view(64, 784)), 2)
    assert hard_coded_batch(raised(lambda: x.view(64, 784)), 2) == 64
    assert hard_coded_batch(raised(lambda: x.view(2, 401)), 2) is None


def test_what_pytorch_says_of_tensors_that_meet_is_understood() -> None:
    a, b = torch.zeros(2, 16, 7), torch.zeros(2, 16, 5)
    assert "7 and 5 along axis 2" in of_words(raised(lambda: a + b), 2)
    assert "have 7 and 5 along another axis" in of_words(raised(lambda: torch.cat([a, b], 1)), 2)
    small = raised(lambda: nn.Conv2d(1, 1, 5)(torch.zeros(1, 1, 3, 3)))
    assert "shrunk to 3 x 3, smaller than the kernel 5 x 5" in of_words(small, 1)
    token = raised(lambda: nn.Embedding(4, 2)(torch.tensor([4])))
    assert "num_embeddings larger" in of_words(token, 1)


def test_words_without_sizes_give_no_advice() -> None:
    assert of_words("the sea is blue", 2) == ""
