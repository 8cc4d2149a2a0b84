"""What users record: names, indices, and networks that are not plain."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as f
from torch.utils.checkpoint import checkpoint

from pellucid.base.errors import WrongUse
from pellucid.explain.explained import Explained, NotCovered
from pellucid.explain.record import record
from pellucid.explain.recorded import Recorded

X = torch.linspace(-1, 1, 12).reshape(3, 4)


def line(outside: int = 4) -> nn.Linear:
    torch.manual_seed(outside)
    return nn.Linear(4, outside)


def squares(answer: Tensor) -> Tensor:
    return answer.square().mean()


class Made(nn.Module):
    """A module with the given parts that does what a function says."""

    def __init__(self, does: Callable[..., Any], **parts: nn.Module) -> None:
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)
        self.does = does

    def forward(self, *inputs: Any, **named: Any) -> Any:
        return self.does(self, *inputs, **named)


def agree(recording: Recorded, count: int = 200, least: float = 1.0) -> None:
    """Of the drawn numbers at least this share is explained, and all of those agree."""
    told = [number.explain() for number in recording.sample(count, seed=1)]
    explained = [one for one in told if isinstance(one, Explained)]
    assert len(explained) >= least * count, [str(one) for one in told if one not in explained][:3]
    for one in explained:
        assert one.agrees, one


def without_gradients(part: nn.Module, x: Tensor) -> Tensor:
    with torch.no_grad():
        answer: Tensor = part(x)
    return answer


def in_bfloat16(part: nn.Module, x: Tensor) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16):
        answer: Tensor = part(x)
    return answer.float()


def written_by_pieces(part: nn.Module, x: Tensor) -> Tensor:
    answer = torch.zeros(3, 4)
    answer[:, :2] = part(x)[:, :2]
    answer[:, 2:] = part(x)[:, 2:].exp()
    answer.data.mul_(2)
    return answer


def deep() -> nn.Module:
    return nn.Sequential(line(), nn.ReLU(), nn.Dropout(0.5), line(5), nn.LayerNorm(5))


ODD: dict[str, Callable[[], Recorded]] = {
    "a module called twice": lambda: record(
        Made(lambda m, x: m.a(torch.tanh(m.a(x))), a=line()), X, loss=squares),
    "answers in a dictionary": lambda: record(
        Made(lambda m, x: {"y": m.a(x), "z": (x * 2, m.a(x) + 1)}, a=line()), X,
        loss=lambda answer: squares(answer["y"]) + squares(answer["z"][1])),
    "inputs in a dictionary": lambda: record(
        Made(lambda m, given, more: m.a(given["x"]) + more, a=line()), {"x": X},
        more=torch.ones(4), loss=squares),
    "parts without gradients": lambda: record(
        Made(lambda m, x: m.a(m.b(x).detach()) + without_gradients(m.b, x), a=line(), b=line()),
        X, loss=squares),
    "checkpoints": lambda: record(
        Made(lambda m, x: m.b(checkpoint(m.a, x, use_reentrant=False)),
             a=nn.Sequential(line(), nn.Dropout(0.5)), b=line()), X, loss=squares),
    "reentrant checkpoints": lambda: record(
        Made(lambda m, x: m.b(checkpoint(m.a, x, use_reentrant=True)),
             a=nn.Sequential(line(), nn.ReLU()), b=line()), X.clone().requires_grad_(),
        loss=squares),
    "16 bits by autocast": lambda: record(
        Made(lambda m, x: in_bfloat16(m.a, x), a=deep()), X, loss=squares,
        optimiser=None),
    "half precision": lambda: record(
        nn.Sequential(line(), nn.ReLU(), line()).half(), X.half(), loss=squares),
    "a compiled network": lambda: record(
        torch.compile(nn.Sequential(line(), nn.ReLU()), backend="eager"), X, loss=squares),
    "a traced network": lambda: record(torch.jit.trace(deep().eval(), X), X, loss=squares),
    "many devices": lambda: record(nn.DataParallel(line()), X, loss=squares),
    "vmap": lambda: record(Made(lambda m, x: torch.vmap(m.a)(x), a=line()), X, loss=squares),
    "a gradient in the loss": lambda: record(
        nn.Sequential(line(), nn.Tanh(), line()), INPUT,
        loss=lambda y: squares(y) + squares(
            torch.autograd.grad(y.sum(), INPUT, create_graph=True)[0])),
    "writing into pieces": lambda: record(
        Made(lambda m, x: written_by_pieces(m.a, x), a=line()), X, loss=squares),
    "numbers from NumPy": lambda: record(
        Made(lambda m, x: m.a(torch.from_numpy(x.numpy() * 2)), a=line()), X, loss=squares),
    "numbers that are none": lambda: record(
        nn.Sequential(line(), nn.ReLU(), nn.BatchNorm1d(4), nn.Softmax(1)), X * float("nan"),
        loss=squares),
    "numbers too large": lambda: record(
        nn.Sequential(line(), nn.ReLU(), nn.LogSoftmax(1)), X * 1e38, loss=squares),
    "data-dependent ways": lambda: record(
        Made(lambda m, x: m.a(x) if x.sum() > 9 else m.b(x[: int(x.abs().sum()) % 3 + 1]),
             a=line(), b=line()), X, loss=squares),
}  # fmt: skip
INPUT = X.clone().requires_grad_()


@pytest.mark.parametrize("name", ODD)
def test_networks_that_are_not_plain_are_explained(name: str) -> None:
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        agree(ODD[name]())


HONEST: dict[str, tuple[Callable[[], Recorded], str]] = {
    "complex": (lambda: record(Made(lambda m, x: torch.fft.fft(m.a(x)).abs(), a=line()), X,
                               loss=squares), "complex"),
    "sparse": (lambda: record(Made(lambda m, x: torch.sparse.mm(x.to_sparse(), m.a.weight),
                                   a=line()), X, loss=squares), "sparse"),
    "sparse gradients": (
        lambda: record(nn.Embedding(5, 3, sparse=True), torch.tensor([1, 2, 2]), loss=squares),
        "sparse"),
    "quantised": (lambda: record(Made(
        lambda m, x: torch.quantize_per_tensor(x, 0.1, 0, torch.qint8).dequantize()), X),
        "no rule"),
    "without numbers": (lambda: record(line().to("meta"), X.to("meta"), loss=squares), "meta"),
}  # fmt: skip


@pytest.mark.parametrize("name", HONEST)
def test_what_cannot_be_explained_is_said_plainly(name: str) -> None:
    make, word = HONEST[name]
    recording = make()
    told = [number.explain() for number in recording.sample(100, seed=0)]
    missing = [one for one in told if isinstance(one, NotCovered)]
    assert any(word in str(one) for one in missing), [str(one) for one in missing][:3]
    assert all(one.agrees for one in told if isinstance(one, Explained))
    for kept in recording.named:
        recording.at(kept, (0,) * len(recording.names()[kept])).explain()


def test_weights_that_are_shared_have_one_gradient_from_both_uses() -> None:
    network = Made(lambda m, x: m.b(torch.tanh(m.a(x))), a=line(), b=line())
    network.b.weight = network.a.weight
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
    recording = record(network, X, loss=squares, optimiser=optimiser)
    told = recording.gradient("a.weight", (1, 2)).explain()
    assert isinstance(told, Explained)
    assert told.agrees
    assert len(told.terms) == 2  # one from each use, added
    assert told.recompute() == pytest.approx(float(network.a.weight.grad[1, 2]), rel=1e-6)
    agree(recording)


def test_gradients_of_two_passes_are_added() -> None:
    network, other = line(), torch.ones(2, 4)
    recording = record(network, X, loss=lambda y: squares(y) + squares(network(other)))
    told = recording.gradient("weight", (0, 1)).explain()
    assert isinstance(told, Explained)
    assert told.agrees
    assert told.value == float(network.weight.grad[0, 1])


def test_names_are_the_modules_own_paths_and_calls_are_counted() -> None:
    network = nn.Sequential(nn.Sequential(line(), nn.Sequential(nn.ReLU())), line())
    names = record(network, X, loss=squares).names()
    for wanted in ("0.0", "0.1.0", "1", "0.0.weight", "gradient of 0.0.bias", "loss", "input"):
        assert wanted in names, wanted
    assert names["0.0.weight"] == (4, 4)
    twice = record(Made(lambda m, x: m.a(m.a(x)), a=line()), X).names()
    assert {"a", "a@1", "network"} <= set(twice)


def test_an_unknown_name_is_told_with_the_near_misses() -> None:
    recording = record(nn.Sequential(line()), X)
    with pytest.raises(WrongUse) as told:
        recording.at("0.wieght", (0, 0))
    assert "0.weight" in str(told.value)
    with pytest.raises(WrongUse):
        recording.at("#999", ())


def test_an_index_out_of_range_is_told_with_the_valid_ranges() -> None:
    recording = record(nn.Sequential(line()), X, loss=squares)
    for name, index in (("0", (3, 0)), ("0", (0,)), ("0", (0, 0, 0)), ("0", (0, -5))):
        with pytest.raises(WrongUse) as told:
            recording.at(name, index)
        assert "0 … 2" in told.value.expected
        assert "0 … 3" in told.value.expected
        assert told.value.fix
    with pytest.raises(WrongUse, match="one number"):
        recording.at("loss", (0,))
    assert recording.at("0", (-1, -1)).index == (2, 3)


def test_asking_for_what_was_not_recorded_says_what_to_record() -> None:
    recording = record(line(), X)
    with pytest.raises(WrongUse, match="loss="):
        recording.gradient("weight", (0, 0))
    with pytest.raises(WrongUse, match="optimiser="):
        recording.update("weight", (0, 0))
    with pytest.raises(WrongUse, match="no recorded numbers"):
        record(nn.Identity(), X).sample(3)


def test_what_came_from_outside_is_said_so() -> None:
    told = record(line(), X).at("weight", (0, 0)).explain()
    assert isinstance(told, NotCovered)
    assert "from outside" in told.reason


def test_whole_numbers_and_truths_are_explained() -> None:
    recording = record(
        Made(lambda m, x: (m.a(x).argmax(1), m.a(x) > 0, (m.a(x) * 9).long() // 2), a=line()), X
    )
    for name, index in (("network", (1,)), ("network:1", (1, 2)), ("network:2", (1, 2))):
        told = recording.at(name, index).explain()
        assert isinstance(told, Explained), told
        assert told.agrees
        assert told.bound == 0
        assert told.difference == 0


def test_a_sample_is_uniform_over_all_recorded_numbers_and_the_same_for_a_seed() -> None:
    recording = record(nn.Sequential(line(), nn.ReLU()), X, loss=squares)
    drawn = recording.sample(500, seed=3)
    assert [number.name for number in drawn] == [n.name for n in recording.sample(500, seed=3)]
    large = sum(number.kept.numel() >= 12 for number in drawn)
    assert large > 400  # single numbers such as the loss are few among all


def test_the_running_mean_of_a_batch_norm_is_explained() -> None:
    network = nn.Sequential(nn.BatchNorm1d(4))
    recording = record(network, X)
    call = recording.calls[-1]
    kept = call.outputs[3]
    assert kept is not None
    told = recording.explain(kept, (2,))
    assert isinstance(told, Explained)
    assert told.agrees
    assert told.recompute() == pytest.approx(0.1 * float(X[:, 2].mean()), rel=1e-6)
    assert told.value == float(network[0].running_mean[2])


def test_attention_is_not_covered_where_pytorch_hides_it_and_says_how_to_see_it() -> None:
    network = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True).eval()
    with torch.inference_mode():
        recording = record(network, X[None])
    told = recording.at("network", (0, 1, 2)).explain()
    assert isinstance(told, NotCovered)
    assert "set_fastpath_enabled(False)" in told.reason
    agree(record(network, X[None]))


def test_inference_mode_is_recorded_call_by_call() -> None:
    network = nn.Sequential(line(), nn.Dropout(0.1), nn.LayerNorm(4), nn.Hardswish()).eval()
    with torch.inference_mode():
        recording = record(network, X)
    agree(recording)
    assert torch.equal(recording.recording.answers["network"][0][0].tensor(), network(X))


def test_a_weight_with_a_norm_of_its_own_is_explained() -> None:
    network = nn.utils.parametrizations.weight_norm(line())
    recording = record(network, X, loss=lambda y: f.mse_loss(y, X))
    agree(recording)


def test_a_long_sequence_is_worked_out_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    network, x = nn.LSTM(4, 3, bidirectional=True), torch.randn(7, 2, 4, requires_grad=True)
    recording = record(network, x, loss=lambda answer: squares(answer[0]) + answer[1][1].sum())
    monkeypatch.setattr("pellucid.explain.lstm.BLOCK", 4 * 2 * 3 * 2)  # two times in a piece
    fused = [call for call in recording.calls if "mkldnn_rnn_layer" in call.name]
    asked = 0
    for call in fused:
        for _, kept in call.results():
            if kept.dtype.is_floating_point and kept.numel():
                for place in range(0, kept.numel(), 5):
                    at = torch.unravel_index(torch.tensor(place), kept.shape)
                    told = recording.explain(kept, tuple(map(int, at)))
                    assert isinstance(told, Explained), told
                    assert told.agrees, told
                    asked += 1
    assert asked > 60
