"""Gates, attention, codes, checkpoints and the loss around them, against other ways to compute."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from pellucid.inside.heads import listening_to_heads
from pellucid.inside.landscape import filter_normalised, row, through, unrolled
from pellucid.inside.looking import measure
from pellucid.inside.subject import Frame, Gallery, Subject
from pellucid.nets import recurrent, transformer


def subject(network: nn.Module, inputs: Tensor, classes: tuple[str, ...] = ("a", "b")) -> Subject:
    labels = torch.arange(len(inputs)) % len(classes)
    many = Gallery(inputs, inputs, labels, labels)
    entries = [{"class": "a", "index": at, "correct": None} for at in range(2)]
    return Subject(
        network.eval(), inputs, tuple(inputs.shape[1:]), inputs[:2], inputs[:2], labels[:2],
        entries, classes=classes, gallery=many, loss=functional.cross_entropy,
    )  # fmt: skip


class Reader(nn.Module):
    """Rows of a picture through a memory; the last state is the answer."""

    def __init__(self, memory: nn.RNNBase) -> None:
        super().__init__()
        self.memory = memory

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = self.memory(x[:, 0])[0][:, -1]
        return answer


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_the_gates_lead_to_pytorchs_own_states(kind: type[nn.RNNBase], bias: bool) -> None:
    torch.manual_seed(0)
    memory = kind(5, 4, 2, batch_first=True, bias=bias)
    pictures = torch.randn(6, 1, 7, 5)
    reading = measure("gates", subject(Reader(memory), pictures))
    assert reading.facts["error"] < 1e-6
    assert [layer["name"] for layer in reading.facts["layers"]] == ["memory.0", "memory.1"]
    gates = reading.tensors["gates.memory.0"]
    assert gates.shape == (len(reading.facts["layers"][0]["gates"]), 7, 4)
    for gate, values in zip(reading.facts["layers"][0]["gates"], gates, strict=True):
        low = -1 if gate == "new" else 0
        assert float(values.min()) > low
        assert float(values.max()) < 1


def test_the_memory_of_an_lstm_is_that_of_pytorchs_cell() -> None:
    torch.manual_seed(1)
    memory = nn.LSTM(3, 4, batch_first=True)
    pictures = torch.randn(2, 1, 6, 3)
    states = measure("gates", subject(Reader(memory), pictures)).tensors["state.memory.0"]
    with torch.no_grad():
        _, (_, cell) = memory(pictures[:1, 0])
    torch.testing.assert_close(states[-1], cell[0, 0], atol=1e-6, rtol=0)


def test_the_gradient_through_time_is_that_of_each_step() -> None:
    torch.manual_seed(1)
    reader = Reader(nn.GRU(3, 4, batch_first=True))
    pictures = torch.randn(2, 1, 6, 3)
    found = measure("gates", subject(reader, pictures)).tensors["slope.memory"]
    given = pictures[:1].clone().requires_grad_()
    (slope,) = torch.autograd.grad(reader(given).max(), given)
    torch.testing.assert_close(found, slope[0, 0].norm(dim=1))


def test_symbols_name_the_steps() -> None:
    network = recurrent.build((6,), 4, 4, hidden=8)
    symbols = torch.tensor([[0, 1, 2, 3, 2, 1], [1, 1, 1, 1, 1, 1]])
    facts = measure("gates", subject(network, symbols, ("a", "b", "c", "d"))).facts
    assert facts["times"] == ["a", "b", "c", "d", "c", "b"]


class Attends(nn.Module):
    """Attention in one of PyTorch's three ways over the rows of a picture."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way = way
        self.whole = nn.MultiheadAttention(6, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        rows = x[:, 0]
        if self.way == "module":
            mixed, _ = self.whole(rows, rows, rows, need_weights=False)
            answer: Tensor = mixed
        else:
            both = functional.linear(rows, self.whole.in_proj_weight, self.whole.in_proj_bias)
            parts = [one.unflatten(2, (2, 3)).transpose(1, 2) for one in both.chunk(3, dim=2)]
            if self.way == "product":
                seen = functional.scaled_dot_product_attention(*parts)
            else:
                seen = (parts[0] @ parts[1].mT / 3**0.5).softmax(dim=-1) @ parts[2]
            answer = self.whole.out_proj(seen.transpose(1, 2).flatten(2))
        return answer.mean(dim=1)


WAYS = ["module", "product", "softmax"]


@pytest.mark.parametrize("way", WAYS)
def test_attention_is_what_pytorch_tells_of_it(way: str) -> None:
    torch.manual_seed(0)
    network = Attends(way).eval()
    pictures = torch.randn(5, 1, 4, 6)
    rows = pictures[:2, 0]
    with torch.no_grad():
        _, expected = network.whole(rows, rows, rows, average_attn_weights=False)
    reading = measure("attention", subject(network, pictures))
    torch.testing.assert_close(reading.tensors["weights.0"], expected, atol=1e-6, rtol=1e-5)
    assert reading.facts["error"] < 1e-6


@pytest.mark.parametrize("way", WAYS)
def test_listening_changes_no_answer_and_a_silent_head_adds_nothing(way: str) -> None:
    torch.manual_seed(0)
    network = Attends(way).eval()
    pictures = torch.randn(3, 1, 4, 6)
    with torch.no_grad():
        plain = network(pictures)
        with listening_to_heads():
            heard = network(pictures)
        with listening_to_heads(frozenset({(0, 0), (0, 1)})):
            silent = network(pictures)
        with listening_to_heads(frozenset({(0, 0)})):
            one = network(pictures)
        with listening_to_heads(frozenset({(0, 1)})):
            other = network(pictures)
    torch.testing.assert_close(heard, plain, atol=1e-6, rtol=1e-5)
    bias = network.whole.out_proj.bias.detach()
    torch.testing.assert_close(silent, bias.expand_as(silent), atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(one + other - silent, plain, atol=1e-6, rtol=1e-5)


def test_our_transformers_heads_have_names_and_an_effect() -> None:
    torch.manual_seed(0)
    network = transformer.build((1, 8, 8), 2, width=8, heads=2, blocks=2)
    pictures = torch.randn(6, 1, 8, 8)
    facts = measure("attention", subject(network, pictures)).facts
    assert [len(one["heads"]) for one in facts["attentions"]] == [2, 2]
    assert facts["attentions"][0]["keys"][5] == "row 1, column 1"
    assert any(head["loss"] != 0 for one in facts["attentions"] for head in one["heads"])


def linear_autoencoder() -> nn.Module:
    """9 pixels through 2 numbers: the first is pixel 0, the second pixel 4 doubled."""
    encode, decode = nn.Linear(9, 2, bias=False), nn.Linear(2, 9, bias=False)
    with torch.no_grad():
        encode.weight.zero_()
        encode.weight[0, 0], encode.weight[1, 4] = 1, 2
        decode.weight.zero_()
        decode.weight[0, 0], decode.weight[4, 1] = 1, 0.5
    return nn.Sequential(nn.Flatten(), encode, decode, nn.Unflatten(1, (1, 3, 3)))


def test_each_number_of_a_linear_code_moves_its_own_pixel() -> None:
    pictures = torch.rand(20, 1, 3, 3, generator=torch.Generator().manual_seed(2))
    reading = measure("codes", subject(linear_autoencoder(), pictures))
    assert (reading.facts["layer"], reading.facts["size"]) == ("1", 2)
    assert reading.facts["error"] == 0
    expected = torch.stack([pictures[:2, 0, 0, 0], 2 * pictures[:2, 0, 1, 1]], dim=1)
    torch.testing.assert_close(reading.tensors["codes"], expected)
    for place, one in enumerate(reading.facts["dimensions"]):
        moved = reading.tensors["along"][place, -1] - reading.tensors["along"][place, 0]
        pixel = {0: 0, 1: 4}[one["number"]]
        weight = {0: 1, 1: 0.5}[one["number"]]
        wanted = torch.zeros(9)
        wanted[pixel] = 4 * one["spread"] * weight
        torch.testing.assert_close(moved.flatten(), wanted, atol=1e-6, rtol=1e-5)
    walk = reading.tensors["walk"]
    torch.testing.assert_close(walk[0, 0, 0, 0], pictures[0, 0, 0, 0])
    torch.testing.assert_close(walk[-1, 0, 1, 1], pictures[1, 0, 1, 1])


def test_a_layer_with_a_way_around_it_is_no_code() -> None:
    class Around(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.middle = linear_autoencoder()

        def forward(self, x: Tensor) -> Tensor:
            answer: Tensor = x + self.middle(x)
            return answer

    facts = measure("codes", subject(Around(), torch.rand(4, 1, 3, 3))).facts
    assert facts["skipped"]


def test_the_weights_as_a_row_come_back_in_their_shapes() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    own = network.state_dict()
    back = unrolled(row(own), own)
    assert all(torch.equal(back[name], value) for name, value in own.items())
    assert all(back[name].dtype == value.dtype for name, value in own.items())
    below = unrolled(-row(own), own)
    assert float(below["1.running_var"].min()) == 0


def test_the_plane_through_checkpoints_holds_what_lies_in_a_plane() -> None:
    """Three checkpoints always lie in a plane; a fourth one beside it takes its share away."""
    rows = [[0.0, 0, 0], [3.0, 0, 0], [0.0, 2, 0]]
    frames = tuple(Frame(at, {"w": torch.tensor(one)}) for at, one in enumerate(rows))
    directions, spots, explained = through(frames)
    assert explained == pytest.approx(1, abs=1e-12)
    back = spots @ directions + row(frames[-1].weights)
    torch.testing.assert_close(back, torch.tensor(rows).double())
    beside = (*frames[:2], Frame(2, {"w": torch.tensor([0.0, 0, 1])}), frames[2])
    assert 0.5 < through(beside)[2] < 0.999


def test_a_random_direction_has_every_filters_own_length() -> None:
    network = nn.Sequential(nn.Conv2d(2, 5, 3), nn.BatchNorm2d(5), nn.Flatten(), nn.Linear(5, 3))
    drawn = filter_normalised(network, torch.Generator().manual_seed(0))
    for name in ("0.weight", "3.weight"):
        own = network.state_dict()[name].flatten(1).norm(dim=1)
        torch.testing.assert_close(drawn[name].flatten(1).norm(dim=1), own)
    assert float(drawn["0.bias"].abs().sum() + drawn["1.weight"].abs().sum()) == 0


def test_a_filter_settles_where_it_stays_and_not_where_it_passes_by() -> None:
    layer = nn.Linear(2, 1, bias=False)
    ways = ([1.0, 0], [0.0, 1], [1.0, 0.1], [1.0, 0])
    film = tuple(Frame(at + 1, {"weight": torch.tensor([one])}) for at, one in enumerate(ways))
    given = subject(layer, torch.rand(4, 2))
    given = Subject(**{**vars(given), "film": film})
    (found,) = measure("through-training", given).facts["layers"]
    assert found["settled"] == [3]
