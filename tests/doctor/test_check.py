"""What a network is asked before a run; every expected answer is known by construction."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from pellucid.base.errors import WrongUse
from pellucid.doctor.check.asked import Asked, kept
from pellucid.doctor.check.checking import Checked, ask_lesson, ask_network
from pellucid.doctor.check.lesson import lesson_of
from pellucid.doctor.check.made import make_batch, prepared, read_inputs
from pellucid.doctor.check.told import Told


class Calls(nn.Module):
    """A network of some parts, called in a way of its own."""

    def __init__(self, call: Callable[..., object], **parts: nn.Module) -> None:
        super().__init__()
        self.call = call
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, *inputs: Tensor) -> object:
        return self.call(self, *inputs)


def ask(
    network: nn.Module,
    *inputs: str,
    classes: int | None = None,
    seconds: float = 0.0,
    axis: int = 0,
    part: str = "",
) -> Checked:
    told, made = Told(), read_inputs(inputs or ("10",), None)
    given, named = make_batch(made, 8, axis, torch.device("cpu"), 0)
    asked = Asked("net", network, given, named, 8, axis, part)
    checked = Checked([ask_network(asked, told, 2, users_batch=False)], told)
    if checked.networks[0].answer is not None:
        lesson = lesson_of(asked, classes, made[0].tokens, told)
        if lesson is not None:
            ask_lesson(checked, lesson, seconds)
    return checked


def plain(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(10, 16), nn.ReLU(), nn.Linear(16, 4))


def names(checked: Checked) -> list[str]:
    return [finding.name for finding in checked.told.findings]


# ------------------------------------------------------------------------------------- healthy


HEALTHY: dict[str, tuple[Callable[[], nn.Module], tuple[str, ...]]] = {
    "plain": (plain, ("10",)),
    "a last layer of zeros": (
        lambda: zeroed(plain(), "2.weight", "2.bias"), ("10",),
    ),
    "a last layer of zeros with a bias": (lambda: zeroed(plain(), "2.weight"), ("10",)),
    "batch norm and dropout": (
        lambda: nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(), nn.Flatten(),
            nn.Linear(4 * 36, 3)
        ), ("1x8x8",),
    ),
    "attention": (
        lambda: nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), ("5x8",),
    ),
    "a recurrent layer": (lambda: nn.LSTM(8, 6, batch_first=True), ("5x8",)),
    "tokens and a mask": (
        lambda: Calls(
            lambda self, x, mask: self.out((self.table(x) * mask[..., None]).mean(1)),
            table=nn.Embedding(50, 8), out=nn.Linear(8, 5),
        ), ("7:50", "7"),
    ),
    "two heads, of which one is learnt from": (
        lambda: Calls(
            lambda self, x: {"value": self.v(x.relu()), "logits": self.h(x.relu())},
            v=nn.Linear(10, 1), h=nn.Linear(10, 4),
        ), ("10",),
    ),
    "a bottleneck without a bend": (
        lambda: nn.Sequential(nn.Linear(10, 3), nn.Linear(3, 10)), ("10",),
    ),
    "one linear layer": (lambda: nn.Linear(10, 3), ("10",)),
    "noise on purpose": (
        lambda: Calls(lambda self, x: self.a((x + torch.randn_like(x)).relu()), a=nn.Linear(10, 3)),
        ("10",),
    ),
}  # fmt: skip


def zeroed(network: nn.Module, *weights: str) -> nn.Module:
    for name in weights:
        nn.init.zeros_(network.get_parameter(name))
    return network


@pytest.mark.parametrize("case", HEALTHY)
def test_a_sound_network_has_no_proven_finding(case: str) -> None:
    torch.manual_seed(0)
    make, inputs = HEALTHY[case]
    checked = ask(make(), *inputs)
    assert [f.name for f in checked.told.findings if f.grade == "proven"] == []
    assert checked.told.not_asked == []
    assert checked.cost is not None


# ---------------------------------------------------------------------------------------- sick


SICK: dict[str, tuple[str, Callable[[], nn.Module], str]] = {
    "a layer that expects other features": (
        "shape-mismatch",
        lambda: nn.Sequential(nn.Linear(10, 16), nn.Linear(15, 4)),
        "make in_features 16",
    ),
    "a batch size written out": (
        "shape-mismatch",
        lambda: Calls(lambda self, x: self.a(x).view(64, -1), a=nn.Linear(10, 4)),
        "write x.size(0) in the place of 64",
    ),
    "a softmax over the batch": (
        "samples-mixed",
        lambda: Calls(lambda self, x: self.a(x).softmax(0), a=nn.Linear(10, 4)),
        "axis 0",
    ),
    "an input that is not used": (
        "samples-mixed",
        lambda: Calls(lambda self, x: self.a(torch.ones_like(x)), a=nn.Linear(10, 4)),
        "not used",
    ),
    "dropout that eval does not switch off": (
        "evaluation-not-repeatable",
        lambda: Calls(lambda self, x: functional.dropout(self.a(x).relu(), 0.5), a=plain()),
        "training=self.training",
    ),
    "two linear layers in a row": (
        "no-nonlinearity",
        lambda: nn.Sequential(nn.Linear(10, 12), nn.Linear(12, 4), nn.Softmax(1)),
        "nn.ReLU()",
    ),
    "equal weights": (
        "bad-initialisation",
        lambda: constant(plain(), 0.1),
        "random",
    ),
    "a detach on the way": (
        "graph-cut",
        lambda: Calls(
            lambda self, x: self.b(self.a(x).relu().detach()), a=nn.Linear(10, 8), b=nn.Linear(8, 3)
        ),
        ".detach()",
    ),
    "layers in a plain list": (
        "parameters-outside-optimiser",
        lambda: listed(),
        "nn.ModuleList",
    ),
    "all frozen": ("frozen-by-mistake", lambda: plain().requires_grad_(False), "requires_grad"),
    "the logarithm of a negative number": (
        "non-finite-values",
        lambda: Calls(lambda self, x: self.a(x).log(), a=plain()),
        "logarithms of 0",
    ),
}


def constant(network: nn.Module, value: float) -> nn.Module:
    for weight in network.parameters():
        nn.init.constant_(weight, value)
    return network


def listed() -> nn.Module:
    def call(self: nn.Module, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x).relu()
        return self.out(x)

    network = Calls(call, out=nn.Linear(10, 3))
    network.layers = [nn.Linear(10, 10), nn.Linear(10, 10)]
    return network


@pytest.mark.parametrize("case", SICK)
def test_a_fault_is_proven_by_its_name_and_nothing_else_is(case: str) -> None:
    torch.manual_seed(0)
    name, make, mend = SICK[case]
    checked = ask(make())
    proven = [finding for finding in checked.told.findings if finding.grade == "proven"]
    assert [finding.name for finding in proven] == [name]
    assert mend in proven[0].prescription


def test_a_lost_batch_axis_is_suspected_with_the_first_layer_that_shows_it() -> None:
    network = Calls(
        lambda self, x: self.b(self.c(x).relu().view(-1, 16)),
        c=nn.Conv2d(1, 4, 3, padding=1), b=nn.Linear(16, 3),
    )  # fmt: skip
    (finding,) = ask(network, "1x8x8").told.findings
    assert (finding.name, finding.grade) == ("shape-mismatch", "suspected")
    # 2 examples of 4 · 8 · 8 = 256 numbers are 32 rows of 16
    assert "2 examples give an answer (32, 3)" in finding.evidence[0]
    assert "is b, with (32, 16)" in finding.evidence[0]


def test_a_squeeze_that_takes_a_batch_of_one_away_is_noted() -> None:
    network = Calls(lambda self, x: self.a(x.relu()).squeeze(), a=nn.Linear(10, 1))
    checked = ask(network, classes=2)
    assert names(checked) == []
    assert any("squeeze(1)" in remark for remark in checked.told.remarks)


def test_a_recurrent_layer_that_takes_places_first_mixes_unless_it_is_said() -> None:
    torch.manual_seed(0)
    layer = nn.GRU(8, 6)
    checked = ask(layer, "5x8")
    assert names(checked) == ["samples-mixed"]
    assert "batch_first=True" in checked.told.findings[0].prescription
    assert names(ask(layer, "5x8", axis=1)) == []


# ----------------------------------------------------------------------------- worked by hand


def test_the_walk_agrees_with_torchs_own_counter_and_with_counting_by_hand() -> None:
    network = nn.Sequential(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.Flatten(), nn.Linear(6 * 16, 3))
    walk = ask(network, "1x8x8").networks[0].walk
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        network(torch.zeros(1, 1, 8, 8))
    assert 2 * walk.multiply_adds == counter.get_total_flops()
    assert walk.parameters == (6 * 25 + 6) + (96 * 3 + 3)
    assert [row.given for row in ask(network, "1x8x8").networks[0].rows] == [
        (1, 8, 8), (6, 4, 4), (6, 4, 4), (96,),
    ]  # fmt: skip


def test_memory_is_counted_by_what_holds_it() -> None:
    cost = ask(nn.Sequential(nn.Linear(10, 16), nn.ReLU(), nn.Linear(16, 4))).cost
    numbers = (10 * 16 + 16) + (16 * 4 + 4)
    assert cost is not None
    assert (cost.parameters, cost.gradients) == (4 * numbers, 4 * numbers)
    assert cost.optimiser == 2 * 4 * numbers + 4 * 4  # Adam: two moments, and a step for each of 4
    # for the way back: the batch (8, 10), ReLU's answer (8, 16), the log-softmax (8, 4), labels
    # (8) of 8 bytes each, and the sum of cross entropy's class weights, one number
    assert cost.activations == 4 * 8 * (10 + 16 + 4) + 8 * 8 + 4
    assert cost.batch_size == 8


def test_a_loss_of_a_network_that_answers_zeros_begins_at_ln_c() -> None:
    checked = ask(zeroed(plain(), "2.weight", "2.bias"))
    assert checked.start is not None
    assert checked.start.loss == pytest.approx(math.log(4), abs=1e-6)
    assert checked.start.expected == math.log(4)


def test_scores_that_are_far_too_large_are_suspected() -> None:
    network = plain()
    with torch.no_grad():
        network[2].weight.mul_(100)
    checked = ask(network)
    assert [(f.name, f.grade) for f in checked.told.findings] == [
        ("bad-initialisation", "suspected")
    ]


def test_eight_examples_are_learnt_in_counted_steps_and_nothing_is_changed() -> None:
    network = plain()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    (one,) = ask(network, seconds=60).by_heart
    assert (one.learnt, one.examples, one.right) == (True, 8, 8)
    assert 1 <= one.steps <= 500
    assert all(torch.equal(network.state_dict()[name], value) for name, value in before.items())
    assert network.training
    assert all(weight.grad is None for weight in network.parameters())


def test_what_cannot_be_learnt_is_said_after_three_rates() -> None:
    network = Calls(lambda self, x: self.a(torch.ones_like(x)), a=nn.Linear(10, 4))
    found = ask(network, seconds=60).by_heart
    assert [one.learnt for one in found] == [False, False, False]
    assert all(one.right is not None and one.right < 8 for one in found)


def test_inputs_that_no_answer_depends_on_are_named() -> None:
    network = Calls(
        lambda self, x: self.b(self.c(x).relu().flatten(1)),
        c=nn.Conv2d(1, 4, 3, stride=3), b=nn.Linear(36, 3),
    )  # fmt: skip
    torch.manual_seed(0)
    checked = ask(network, "1x10x10")  # three steps of 3 leave row and column 9 out: 10 + 9
    assert checked.networks[0].unused == [{"input": 0, "unused": 19, "of": 100}]


def test_a_second_input_that_is_not_used_is_named() -> None:
    network = Calls(lambda self, x, y: self.a(x).relu(), a=nn.Linear(10, 4))
    checked = ask(network, "10", "3")
    assert checked.networks[0].unused == [{"input": 1, "unused": 3, "of": 3}]


@pytest.mark.parametrize(
    ("bend", "affine"), [(nn.Identity(), True), (nn.BatchNorm1d(12), True), (nn.Tanh(), False)]
)
def test_linearity_is_told_from_the_answers(bend: nn.Module, affine: bool) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(10, 12), bend, nn.Linear(12, 4))
    assert ask(network).networks[0].affine is affine


# --------------------------------------------------------------------------------- inputs, parts


def test_inputs_are_read_as_shapes_tokens_and_names() -> None:
    found = read_inputs(["3x32x32", "16:100", "mask=7", ":1000"], None)
    assert [(one.shape, one.tokens, one.name) for one in found] == [
        ((3, 32, 32), None, None), ((16,), 100, None), ((7,), None, "mask"), ((), 1000, None),
    ]  # fmt: skip
    (tokens,) = read_inputs(["16"], 100)
    assert tokens.tokens == 100
    given, named = make_batch(found, 5, 0, torch.device("cpu"), 0)
    assert [tuple(one.shape) for one in given] == [(5, 3, 32, 32), (5, 16), (5,)]
    assert tuple(named["mask"].shape) == (5, 7)
    assert int(given[1].max()) < 100


@pytest.mark.parametrize("written", ["", "3xx", "3x0", "16:0", "a b", "3,32"])
def test_what_is_no_shape_is_refused(written: str) -> None:
    with pytest.raises(WrongUse, match="--input"):
        read_inputs([written], None)


def test_a_part_of_an_answer_can_be_chosen() -> None:
    network = Calls(
        lambda self, x: (self.a(x.relu()), self.b(x.relu())), a=nn.Linear(10, 4), b=nn.Linear(10, 6)
    )
    assert ask(network).networks[0].answer == (8, 4)
    assert ask(network, part="1").networks[0].answer == (8, 6)
    with pytest.raises(WrongUse, match="0, 1"):
        ask(network, part="2")


def test_an_answer_of_other_classes_is_a_misfit() -> None:
    (finding,) = ask(plain(), classes=7).told.findings
    assert finding.name == "shape-mismatch"
    assert finding.prescription == "make out_features of layer 2 7"


def test_lazy_layers_take_their_sizes_from_the_batch() -> None:
    network = nn.Sequential(nn.LazyLinear(6), nn.ReLU(), nn.LazyLinear(3))
    assert prepared(network, (torch.zeros(2, 10),), {}, "net") == ["0", "2"]
    assert ask(network).networks[0].walk.parameters == (60 + 6) + (18 + 3)


def test_everything_is_put_back_after_a_question() -> None:
    network = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)).eval()
    optimiser = torch.optim.Adam(network.parameters(), lr=0.1)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    torch.manual_seed(7)
    chance = torch.get_rng_state()
    with kept([network], optimiser):
        network.train()
        network(torch.randn(4, 3)).sum().backward()
        optimiser.step()
        assert not torch.equal(network[0].weight, before["0.weight"])
    assert all(torch.equal(network.state_dict()[name], value) for name, value in before.items())
    assert [part.training for part in network.modules()] == [False, False, False]
    assert torch.equal(torch.get_rng_state(), chance)
    assert all(weight.grad is None for weight in network.parameters())
    assert optimiser.state_dict()["state"] == {}
