"""A walk through a network counts what PyTorch computes, and says what it cannot count."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from pellucid.base.catalog import Catalog
from pellucid.nets._walk import Walk, walk

NETS = Catalog("net", "nets")
PICTURE, ROW, SYMBOLS = (3, 20, 20), (12,), 11
CASES = [(name, PICTURE) for name in NETS.names()] + [
    (name, ROW) for name in ("recurrent", "transformer")
]


class Calls(nn.Module):
    """A network of one part, called in a way of its own."""

    def __init__(self, part: nn.Module, call: Callable[[nn.Module, Tensor], Tensor]) -> None:
        super().__init__()
        self.part, self.call = part, call

    def forward(self, x: Tensor) -> Tensor:
        return self.call(self.part, x)


def first(part: nn.Module, x: Tensor) -> Tensor:
    answer: Tensor = part(x)[0]
    return answer


def only(found: Walk, name: str) -> int | None:
    (layer,) = (layer for layer in found.layers if layer.name == name)
    return layer.multiply_adds


# ------------------------------------------------------------------- against another counter


@pytest.mark.filterwarnings("ignore:TF32")
@pytest.mark.parametrize(("name", "shape"), CASES, ids=lambda value: str(value))
def test_every_net_agrees_with_torchs_own_counter(name: str, shape: tuple[int, ...]) -> None:
    symbols = SYMBOLS if shape == ROW else 0
    network = NETS.load(name).build(shape, symbols or 7, symbols).eval()
    inputs = torch.zeros(2, *ROW, dtype=torch.int64) if symbols else torch.rand(2, *shape)
    found = walk(network, inputs)
    # Without oneDNN an LSTM runs as plain products, which torch's counter sees.
    with torch.backends.mkldnn.flags(enabled=False), torch.no_grad():
        counter = FlopCounterMode(display=False)
        with counter:
            network(inputs)
    assert found.not_counted == ()
    assert 2 * 2 * found.multiply_adds == counter.get_total_flops()  # 2 examples, 2 flops each
    assert found.parameters == sum(weight.numel() for weight in network.parameters())


# ----------------------------------------------------------------------------- worked by hand


@pytest.mark.parametrize(
    ("network", "shape", "expected"),
    [
        (nn.Linear(3, 4), (3,), 3 * 4),
        (nn.Linear(3, 4), (5, 3), 5 * 3 * 4),
        (nn.Conv1d(4, 8, 3, groups=2), (4, 9), 8 * 7 * (4 // 2) * 3),
        (nn.Conv2d(2, 6, 3, padding=1), (2, 5, 5), 6 * 5 * 5 * 2 * 3 * 3),
        (nn.ConvTranspose2d(2, 6, 4, stride=2), (2, 5, 5), 2 * 5 * 5 * 6 * 4 * 4),
        (nn.BatchNorm2d(2), (2, 5, 5), 0),
        (nn.GELU(), (7,), 0),
        (nn.MaxPool2d(2), (2, 4, 4), 0),
        (Calls(nn.RNN(4, 6, batch_first=True), first), (5, 4), 5 * 6 * (4 + 6)),
        (Calls(nn.GRU(4, 6, batch_first=True), first), (5, 4), 5 * 3 * 6 * (4 + 6)),
        (Calls(nn.LSTM(4, 6, batch_first=True), first), (5, 4), 5 * 4 * 6 * (4 + 6)),
        (
            Calls(nn.LSTM(4, 6, 2, bidirectional=True, batch_first=True), first),
            (5, 4),
            5 * 2 * 4 * 6 * (4 + 6) + 5 * 2 * 4 * 6 * (12 + 6),
        ),
        (  # four projections of 8 × 8 at 5 places; 2 heads of 4: scores and mixture 5 × 5
            Calls(nn.MultiheadAttention(8, 2, batch_first=True), lambda part, x: part(x, x, x)[0]),
            (5, 8),
            4 * 5 * 8 * 8 + 2 * 2 * (5 * 5 * 4),
        ),
        (
            Calls(
                nn.Identity(),
                lambda part, x: functional.scaled_dot_product_attention(x, x, x, is_causal=True),
            ),
            (2, 5, 4),
            2 * 2 * (5 * 5 * 4),
        ),
        (Calls(nn.Identity(), lambda part, x: functional.linear(x, torch.ones(9, 3))), (3,), 27),
    ],
    ids=lambda value: type(value).__name__,
)
def test_multiply_adds_are_those_worked_out_by_hand(
    network: nn.Module, shape: tuple[int, ...], expected: int
) -> None:
    found = walk(network, torch.rand(2, *shape))
    assert found.multiply_adds == expected
    assert found.not_counted == ()


def test_an_embedding_multiplies_nothing() -> None:
    found = walk(nn.Embedding(11, 5), torch.zeros(2, 7, dtype=torch.int64))
    (row,) = found.layers
    assert (row.multiply_adds, row.parameters, row.output) == (0, 55, (7, 5))


def test_a_row_tells_shape_parameters_and_memory() -> None:
    found = walk(nn.Sequential(nn.Linear(3, 4), nn.ReLU()), torch.rand(2, 3))
    first, second = found.layers
    assert (first.name, first.kind, first.output) == ("0", "Linear", (4,))
    assert (first.parameters, first.activation_bytes) == (16, 4 * 4)
    assert (second.parameters, second.multiply_adds, second.activation_bytes) == (0, 0, 16)
    assert found.activation_bytes == 32


def test_an_answer_in_the_memory_of_another_takes_none() -> None:
    network = nn.Sequential(nn.Linear(3, 4), nn.ReLU(inplace=True), nn.Flatten(), nn.Dropout())
    found = walk(network, torch.rand(2, 3))
    assert [layer.activation_bytes for layer in found.layers] == [16, 0, 0, 0]


# ------------------------------------------------------------------------ what networks do


def test_a_product_written_out_in_forward_is_booked_on_the_network_itself() -> None:
    network = Calls(nn.Linear(3, 4), lambda part, x: part(x) @ part(x).mT)
    found = walk(network, torch.rand(2, 3))
    assert only(found, "part") == 2 * 12  # called twice
    assert only(found, "") == 2 * 4 * 2 / 2  # (2, 4) @ (4, 2), half of it for each example


def test_a_layer_used_twice_has_its_parameters_once() -> None:
    shared = nn.Linear(4, 4)
    found = walk(nn.Sequential(shared, nn.ReLU(), shared), torch.rand(2, 4))
    assert found.parameters == 20
    assert found.multiply_adds == 32


def test_tied_weights_count_once() -> None:
    network = nn.Sequential(nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False))
    network[1].weight = network[0].weight
    assert [layer.parameters for layer in walk(network, torch.rand(2, 4)).layers] == [16, 0]


def test_a_layer_that_is_never_called_is_listed_with_its_parameters() -> None:
    network = Calls(nn.Linear(3, 4), lambda part, x: part(x))
    network.forgotten = nn.Linear(5, 5)
    last = walk(network, torch.rand(2, 3)).layers[-1]
    assert (last.name, last.output, last.parameters) == ("forgotten", None, 30)


# ------------------------------------------------------------------- what cannot be counted


@torch.library.custom_op("pellucid_test::mystery", mutates_args=())
def mystery(x: Tensor) -> Tensor:
    return x * 2


UNKNOWN: dict[str, Callable[[nn.Module, Tensor], Tensor]] = {
    "_cdist_forward": lambda part, x: torch.cdist(x, x),
    "_trilinear": lambda part, x: functional.bilinear(x, x, torch.ones(2, 3, 3)),
    "linalg_qr": lambda part, x: torch.linalg.qr(x)[0],
    "_fft_r2c": lambda part, x: torch.fft.rfft(x),
    "grid_sampler_2d": lambda part, x: functional.grid_sample(
        torch.ones(1, 1, 4, 4), torch.zeros(1, 2, 2, 2), align_corners=False
    ),
    "pellucid_test::mystery": lambda part, x: mystery(x),
}


@pytest.mark.parametrize("operation", UNKNOWN)
def test_an_unknown_operation_is_marked_and_not_counted_as_nothing(operation: str) -> None:
    found = walk(Calls(nn.Linear(3, 4), UNKNOWN[operation]), torch.rand(2, 3))
    assert found.not_counted == ("",)
    (row,) = (layer for layer in found.layers if layer.name == "")
    assert row.multiply_adds is None
    assert operation in row.uncounted


# ----------------------------------------------------------------------- nothing is changed


def test_the_network_is_left_as_it_was() -> None:
    network = nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 2))
    network[1].eval()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    walk(network, torch.rand(4, 3))
    assert [module.training for module in network.modules()] == [True, True, False]
    assert all(torch.equal(network.state_dict()[name], kept) for name, kept in before.items())
    assert not any(module._forward_hooks for module in network.modules())
    assert not any(module._forward_pre_hooks for module in network.modules())
    assert torch.backends.mha.get_fastpath_enabled()


def test_a_network_that_raises_is_left_as_it_was_too() -> None:
    network = nn.Sequential(nn.Linear(3, 2), nn.Linear(3, 2))
    with pytest.raises(RuntimeError, match="shapes"):
        walk(network, torch.rand(2, 3))
    assert network.training
    assert not any(module._forward_hooks for module in network.modules())
