"""How far a cell sees, against what is worked out by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from pellucid.inside.receptive import receptive_fields


def field_of(network: nn.Module, name: str, shape: tuple[int, int, int]) -> tuple[int, int]:
    torch.manual_seed(0)
    with torch.no_grad():
        return receptive_fields(network.eval(), [name], torch.rand(shape))[name]


@pytest.mark.parametrize(
    ("layers", "name", "expected"),
    [
        ([nn.Conv2d(1, 4, 5)], "0", (5, 5)),
        ([nn.Conv2d(1, 4, (3, 5))], "0", (3, 5)),
        # a 3 × 3 on a 3 × 3 sees 5
        ([nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 3, padding=1)], "2", (5, 5)),
        # 5, pooled by 2: 6; a 3 × 3 on steps of 2 adds 4: 10
        ([nn.Conv2d(1, 4, 5), nn.MaxPool2d(2), nn.Conv2d(4, 4, 3)], "2", (10, 10)),
        # dilation 3: 1 + 2 · 3
        ([nn.Conv2d(1, 2, 3, dilation=3)], "0", (7, 7)),
        # stride 2 with kernel 4, twice: 4 + 3 · 2
        ([nn.Conv2d(1, 2, 4, 2, 1), nn.BatchNorm2d(2), nn.Conv2d(2, 2, 4, 2, 1)], "2", (10, 10)),
        # a transposed convolution with kernel 4 and stride 2: two cells of the layer below
        ([nn.AvgPool2d(2), nn.ConvTranspose2d(1, 1, 4, 2, 1)], "1", (4, 4)),
    ],
)
def test_it_is_what_is_worked_out_by_hand(
    layers: list[nn.Module], name: str, expected: tuple[int, int]
) -> None:
    assert field_of(nn.Sequential(*layers), name, (1, 28, 26)) == expected


def test_it_ends_at_the_border_of_the_picture() -> None:
    network = nn.Sequential(nn.Conv2d(1, 1, 9, padding=4))
    assert field_of(network, "0", (1, 6, 20)) == (6, 9)


class Branches(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.near = nn.Conv2d(1, 2, 1)
        self.far = nn.Conv2d(1, 2, 7, padding=3)
        self.mix = nn.Conv2d(2, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        mixed: Tensor = self.mix(self.near(x) + self.far(x))
        return mixed


def test_of_branches_the_farthest_counts() -> None:
    assert field_of(Branches(), "mix", (1, 20, 20)) == (9, 9)


class Pooled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.look = nn.Conv2d(1, 2, 3)
        self.gate = nn.Conv2d(2, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        gated: Tensor = self.gate(self.look(x).mean(dim=(2, 3), keepdim=True))
        return gated


def test_behind_a_global_mean_it_is_the_whole_picture() -> None:
    assert field_of(Pooled(), "gate", (1, 12, 15)) == (12, 15)
