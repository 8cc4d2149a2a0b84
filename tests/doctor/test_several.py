"""Trainings of several networks, of several passes a loss, and of several optimisers.

Their steps are repeated on copies too: a planted fault gets its name, the same without is silent.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from pellucid.doctor.bench import Bench
from pellucid.doctor.examination import diagnosis, examine
from pellucid.doctor.finding import Finding
from pellucid.doctor.game import GameJudge
from pellucid.doctor.script import run_script

DATA = """\
import torch
from torch import nn
from torch.nn import functional

torch.manual_seed(0)
inputs = torch.randn(256, 12)
labels = (inputs[:, 0] + inputs[:, 1] > 0).long() + (inputs[:, 2] > 0).long()
"""

ENCODER_AND_DECODER = (
    DATA
    + """\
encoder = nn.Sequential(nn.Linear(12, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.1))
decoder = nn.Linear(32, 3)
optimiser = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=RATE)
for step in range(120):
    rows = torch.randint(0, 192, (32,))
    optimiser.zero_grad()
    functional.cross_entropy(decoder(encoder(inputs[rows])), labels[rows]).backward()
    optimiser.step()
"""
)
PARTS_CALLED_APART = (
    DATA
    + """\
class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(12, 32), nn.Linear(32, 3)
        self.scale = nn.Parameter(torch.ones(3))

    def encode(self, x):
        return torch.relu(self.first(x))

    def decode(self, code):
        return self.scale * self.last(code + 0.1 * torch.randn_like(code))


network, shift = Network(), torch.zeros(3, requires_grad=True)
optimiser = torch.optim.AdamW([*network.parameters(), shift], lr=RATE)
for step in range(120):
    rows = torch.randint(0, 192, (32,))
    answer = network.decode(network.encode(inputs[rows])) + shift
    optimiser.zero_grad()
    functional.cross_entropy(answer, labels[rows]).backward()
    optimiser.step()
"""
)
TWO_PASSES = (
    DATA
    + """\
network = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 8))
optimiser = torch.optim.Adam(network.parameters(), lr=RATE)
for step in range(120):
    one, other = torch.randint(0, 192, (2, 32))
    near = (labels[one] == labels[other]).float()
    noisy = inputs[one] + 0.01 * torch.randn(32, 12)
    apart = (network(noisy) - network(inputs[other])).pow(2).sum(1).clamp_min(1e-6)
    loss = (near * apart + (1 - near) * functional.relu(1 - apart.sqrt()) ** 2).mean()
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
"""
)
PENALTY_ON_SLOPES = (
    DATA
    + """\
network = nn.Sequential(nn.Linear(12, 32), nn.Tanh(), nn.Linear(32, 3))
optimiser = torch.optim.Adam(network.parameters(), lr=RATE)
for step in range(120):
    rows = torch.randint(0, 192, (32,))
    x = inputs[rows].clone().requires_grad_(True)
    answer = network(x)
    (slope,) = torch.autograd.grad(answer.sum(), x, create_graph=True)
    again = functional.cross_entropy(network(x + 0.1), labels[rows])
    loss = functional.cross_entropy(answer, labels[rows]) + again + 0.01 * slope.pow(2).mean()
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
"""
)
WORD_BY_WORD = (
    DATA
    + """\
class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.table, self.cell = nn.Embedding(8, 16), nn.GRU(16, 32, batch_first=True)

    def forward(self, words):
        return self.cell(self.table(words))[1]


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.table, self.cell = nn.Embedding(8, 16), nn.GRU(16, 32, batch_first=True)
        self.last = nn.Linear(32, 8)

    def forward(self, word, state):
        answer, state = self.cell(self.table(word), state)
        return functional.log_softmax(self.last(answer[:, 0]), 1), state


encoder, decoder = Encoder(), Decoder()
first = torch.optim.Adam(encoder.parameters(), lr=RATE)
second = torch.optim.Adam(decoder.parameters(), lr=RATE)
for step in range(120):
    words = torch.randint(1, 8, (32, 3))
    goal, word, state = words.flip(1), torch.zeros(32, 1).long(), encoder(words)
    kept = torch.zeros(32, 3, 8)
    for place in range(3):
        answer, state = decoder(word, state)
        kept[:, place] = answer
        word = goal[:, place : place + 1] if step % 2 else answer.argmax(1, keepdim=True)
    loss = functional.nll_loss(kept.flatten(0, 1), goal.flatten())
    first.zero_grad()
    second.zero_grad()
    loss.backward()
    first.step()
    second.step()
"""
)
GAME = (
    DATA
    + """\
def layers(inputs, outputs):
    first, second = nn.Linear(inputs, 32), nn.Linear(32, 32)
    last = nn.Linear(32, outputs)
    return nn.Sequential(first, nn.LeakyReLU(0.2), second, nn.LeakyReLU(0.2), last)


blob, generator, judge = 1 + 0.5 * torch.randn(512, 2), layers(4, 2), layers(2, 1)
g_optimiser = torch.optim.Adam(generator.parameters(), lr=RATE, betas=(0.0, 0.9))
j_optimiser = torch.optim.Adam(judge.parameters(), lr=0.002, betas=(0.0, 0.9))
loss_of = functional.binary_cross_entropy_with_logits
yes, no = torch.ones(64, 1), torch.zeros(64, 1)
for step in range(200):
    fake = generator(torch.randn(64, 4))
    j_optimiser.zero_grad()
    loss_of(judge(blob[torch.randint(0, 512, (64,))]), yes).backward()
    loss_of(judge(fake.detach()), no).backward()
    j_optimiser.step()
    g_optimiser.zero_grad()
    loss_of(judge(fake), yes).backward()
    g_optimiser.step()
"""
)

TRAININGS = {
    "an encoder and a decoder have one optimiser": (ENCODER_AND_DECODER, 0.01, 1e-6),
    "parts of a network are called apart": (PARTS_CALLED_APART, 0.01, 1e-6),
    "a loss compares two passes": (TWO_PASSES, 0.01, 1e-6),
    "a loss is made of slopes and of a second pass": (PENALTY_ON_SLOPES, 0.03, 1e-6),
    "words are decoded one by one, with two optimisers": (WORD_BY_WORD, 0.01, 1e-6),
    "a generator works against a judge": (GAME, 0.002, 1e-6),
}


def written(text: str, rate: float, folder: Path) -> Path:
    path = folder / "train.py"
    path.write_text(text.replace("RATE", f"{rate:g}"))
    return path


@pytest.mark.parametrize("name", TRAININGS)
def test_its_steps_done_again_give_the_same_losses_where(name: str, tmp_path: Path) -> None:
    text, rate, _ = TRAININGS[name]
    outcome = run_script(written(text, rate, tmp_path), [])
    bench = Bench(outcome.trace, outcome.captured)
    assert bench.why_not == ""
    said = [entry.loss for entry in outcome.trace.backwards if entry.step < 10]
    again = bench.run(steps=10).losses
    assert sum(again) == pytest.approx(sum(said), rel=1e-6)
    assert len(said) >= 5


@pytest.mark.parametrize("name", TRAININGS)
def test_a_rate_far_too_low_is_named_where(name: str, tmp_path: Path) -> None:
    text, _, low = TRAININGS[name]
    outcome = run_script(written(text, low, tmp_path), [])
    found = examine(outcome.trace, outcome.captured, seconds=600)
    assert "learning-rate-too-low" in [finding.name for finding in found.findings]
    assert [f.name for f in found.alarms if f.name != "learning-rate-too-low"] == []


@pytest.mark.parametrize("name", TRAININGS)
def test_nothing_is_said_of_a_healthy_training_where(name: str, tmp_path: Path) -> None:
    text, rate, _ = TRAININGS[name]
    outcome = run_script(written(text, rate, tmp_path), [])
    found = examine(outcome.trace, outcome.captured, seconds=600)
    assert found.not_tried == ""
    assert [str(finding) for finding in found.alarms] == []


def test_points_that_were_made_without_a_graph_are_not_taken_for_real(tmp_path: Path) -> None:
    """At first points are made near 0; the real ones lie around 1 along each axis."""
    aside = "    with torch.no_grad():\n        aside = generator(torch.randn(64, 4))\n"
    text = GAME.replace("range(200)", "range(30)").replace("judge(fake.detach())", "judge(aside)")
    text = text.replace("    j_optimiser.zero_grad()\n", f"    j_optimiser.zero_grad()\n{aside}")
    outcome = run_script(written(text, 0.002, tmp_path), [])
    bench = Bench(outcome.trace, outcome.captured)
    assert bench.why_not == ""
    assert isinstance(bench.judge, GameJudge)
    made, real = bench.judge.met(bench.first(), bench.judge.judges[0])
    assert real.mean().item() == pytest.approx(1, abs=0.05)
    assert made.mean().item() < 0.5


RING = GAME.replace("1 + 0.5 * torch.randn(512, 2)", "functional.normalize(torch.randn(512, 2))")
SICK_GAMES = {
    "output-cannot-reach-targets": RING.replace(
        "layers(4, 2), layers(2, 1)", "nn.Sequential(layers(4, 2), nn.Sigmoid()), layers(2, 1)"
    ),
    "samples-mixed": RING.replace("torch.randn(64, 4)", "torch.zeros(64, 4)"),
    "no-nonlinearity": RING.replace("nn.LeakyReLU(0.2), second, nn.LeakyReLU(0.2)", "second"),
}
"""In each the points that are made cannot become like the real ones."""


def probed(name: str, text: str, folder: Path) -> Finding | None:
    outcome = run_script(written(text, 0.002, folder), [])
    bench = Bench(outcome.trace, outcome.captured)
    assert bench.is_game
    return diagnosis(name)().probe(outcome.trace, bench)


@pytest.mark.parametrize("name", ["samples-mixed", "no-nonlinearity"])
def test_nothing_of_the_kind_is_said_of_a_sound_game(name: str, tmp_path: Path) -> None:
    assert probed(name, RING, tmp_path) is None


@pytest.mark.parametrize("name", SICK_GAMES)
def test_what_a_generator_can_never_make_is_proven(name: str, tmp_path: Path) -> None:
    found = probed(name, SICK_GAMES[name], tmp_path)
    assert found is not None
    assert (found.name, found.grade, found.kind) == (name, "proven", "fault")


def test_an_end_that_reaches_what_is_real_is_meant_so(tmp_path: Path) -> None:
    text = SICK_GAMES["output-cannot-reach-targets"].replace(
        "functional.normalize(torch.randn(512, 2))", "torch.rand(512, 2)"
    )
    assert probed("output-cannot-reach-targets", text, tmp_path) is None


AN_AGENT = (
    DATA
    + """\
policy = nn.Sequential(nn.Linear(12, 16), nn.Tanh(), nn.Linear(16, 3))
critic = nn.Linear(12, 1)
optimiser = torch.optim.Adam([*policy.parameters(), *critic.parameters()], lr=0.01)
for game in range(40):
    losses = []
    for turn in range(4):
        state = inputs[torch.randint(0, 192, (8,))]
        chosen = torch.distributions.Categorical(logits=policy(state))
        action = chosen.sample()
        gain = (action == 1).float() - critic(state)[:, 0]
        losses.append((-chosen.log_prob(action) * gain.detach() + gain**2).mean())
    optimiser.zero_grad()
    torch.stack(losses).sum().backward()
    optimiser.step()
"""
)
A_CRITIC_OF_ACTIONS = (
    DATA
    + """\
actor, critic = nn.Linear(12, 2), nn.Sequential(nn.Linear(14, 32), nn.ReLU(), nn.Linear(32, 1))
first = torch.optim.Adam(actor.parameters(), lr=0.01)
second = torch.optim.Adam(critic.parameters(), lr=0.01)
for step in range(60):
    states = inputs[torch.randint(0, 192, (32,))]
    with torch.no_grad():
        actions = actor(states) + 0.3 * torch.randn(32, 2)
    gains = -(actions - states[:, :2]).pow(2).sum(1, keepdim=True)
    second.zero_grad()
    functional.mse_loss(critic(torch.cat([states, actions], 1)), gains).backward()
    second.step()
    first.zero_grad()
    (-critic(torch.cat([states, actor(states)], 1)).mean()).backward()
    first.step()
"""
)
REFUSED = {
    "a critic of actions is no judge": (
        A_CRITIC_OF_ACTIONS, "its optimisers follow different losses"
    ),
    "an agent learns from its own actions": (AN_AGENT, "it learns from what its own answers"),
    "one training follows another": (
        ENCODER_AND_DECODER.replace("RATE", "0.01") + """\
probe = nn.Linear(32, 3)
optimiser = torch.optim.Adam(probe.parameters(), lr=0.01)
for step in range(40):
    rows = torch.randint(0, 192, (32,))
    optimiser.zero_grad()
    functional.cross_entropy(probe(encoder(inputs[rows]).detach()), labels[rows]).backward()
    optimiser.step()
""",
        "another optimiser came after the first 60 steps",
    ),
    "optimisers follow losses of their own": (
        ENCODER_AND_DECODER.replace("RATE", "0.01").replace("for step", """\
second = torch.optim.Adam(decoder.parameters(), lr=0.01)
for step""") + """\
    second.zero_grad()
    decoder(encoder(inputs[rows])).pow(2).mean().backward()
    second.step()
""",
        "its optimisers follow different losses",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_said_that_nothing_is_tried_where(name: str, tmp_path: Path) -> None:
    text, reason = REFUSED[name]
    path = tmp_path / "train.py"
    path.write_text(text)
    outcome = run_script(path, [])
    assert outcome.exit_code == 0, outcome.trace.crash
    found = examine(outcome.trace, outcome.captured, seconds=600)
    assert found.not_tried.startswith(reason)
    assert [str(finding) for finding in found.alarms] == []
