"""Long loops, most of whose steps are noted briefly: what is said of them stays right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional

from pellucid.watch import brief, losses
from pellucid.watch.follower import Follower
from pellucid.watch.trace import Trace

ROWS, BATCH, STEPS = 4_000, 10, 300
INPUTS = torch.randn(ROWS, 6, generator=torch.Generator().manual_seed(1))
LABELS = torch.randint(3, (ROWS,), generator=torch.Generator().manual_seed(2))
Each = Callable[[int, nn.Module], None]


class Loop:
    """A training of 300 steps, one row after the other; `after` is called behind each step."""

    def __init__(self, after: Each = lambda step, network: None, forgets: int = STEPS) -> None:
        torch.manual_seed(0)
        self.network = nn.Sequential(nn.Linear(6, 8), nn.Dropout(0.1), nn.Linear(8, 3))
        self.optimiser = torch.optim.SGD(self.network.parameters(), lr=0.1)
        self.loss = nn.CrossEntropyLoss()
        self.after, self.forgets = after, forgets
        self.values: list[float] = []
        self.rates: list[float] = []

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        rows = slice(step * BATCH, (step + 1) * BATCH)
        return INPUTS[rows].clone(), LABELS[rows]

    def run(self) -> Loop:
        for step in range(STEPS):
            inputs, labels = self.batch(step)
            if step < self.forgets:
                self.optimiser.zero_grad()
            loss = self.loss(self.network(inputs), labels)
            loss.backward()
            for group in self.optimiser.param_groups:
                group["lr"] = 0.1 / (1 + step)
            self.optimiser.step()
            self.values.append(loss.item())
            self.rates.append(0.1 / (1 + step))
            self.after(step, self.network)
        return self


@contextmanager
def followed() -> Iterator[Trace]:
    follower = Follower()
    with follower.watching():
        yield follower.trace
    assert follower.trace.stumbled == ""


def test_most_steps_of_a_long_loop_are_noted_briefly() -> None:
    with followed() as trace:
        Loop().run()
    assert brief.SURE < len(trace.losses) < STEPS / 2  # else the rest of this file shows nothing


def test_every_step_has_its_loss_its_rate_and_its_examples() -> None:
    with followed() as trace:
        loop = Loop().run()
    assert [entry.loss for entry in trace.backwards] == loop.values
    assert [entry.step for entry in trace.backwards] == list(range(STEPS))
    assert [step.rates for step in trace.steps] == [(rate,) for rate in loop.rates]
    assert [step.number for step in trace.steps] == list(range(STEPS))
    assert [entry.step for entry in trace.passes] == list(range(STEPS))
    assert {entry.examples for entry in trace.passes} == {BATCH}
    assert {entry.known for entry in trace.passes} == {0}
    assert trace.models[0].learnt_from == STEPS * BATCH
    lines = {str(e.line) for e in (*trace.passes, *trace.backwards, *trace.steps)}
    assert len(lines) == 3
    assert len({entry.line for entry in trace.passes}) == 1


def test_a_long_loop_ends_in_the_same_bits() -> None:
    bare = Loop().run().network.state_dict()
    with followed():
        same = Loop().run().network.state_dict()
    assert all(torch.equal(bare[name], same[name]) for name in bare)


def test_an_evaluation_amid_brief_steps_is_seen_whole() -> None:
    def evaluate(step: int, network: nn.Module) -> None:
        if step == 207:
            network.eval()
            with torch.no_grad():
                network(INPUTS[1_000:1_050])  # learnt from at steps 100 to 104
                network(INPUTS[3_900:3_950])  # never learnt from
            network.train()

    with followed() as trace:
        Loop(evaluate).run()
    seen = [entry for entry in trace.passes if not entry.with_graph]
    assert [(e.step, e.training, e.dropping, e.examples, e.known) for e in seen] == [
        (208, False, 0, 50, 50), (208, False, 0, 50, 0),
    ]  # fmt: skip
    learnt = [entry for entry in trace.passes if entry.with_graph]
    assert {(entry.training, entry.dropping) for entry in learnt} == {(True, 1)}


def test_a_training_that_stays_in_eval_mode_is_seen_at_once() -> None:
    def forget(step: int, network: nn.Module) -> None:
        if step == 207:
            network.eval()

    with followed() as trace:
        Loop(forget).run()
    assert [entry.step for entry in trace.passes if not entry.training] == list(range(208, STEPS))
    assert {entry.dropping for entry in trace.passes[208:]} == {0}


def test_gradients_that_are_no_more_cleared_are_found_within_the_steps_between_full_ones() -> None:
    with followed() as trace:
        Loop(forgets=207).run()
    used = [step.number for step in trace.steps if step.reused]
    assert 207 <= used[0] <= 207 + brief.EACH
    assert used == list(range(used[0], STEPS))


def test_gradients_that_are_gathered_over_steps_are_not_taken_for_left_over() -> None:
    network = nn.Linear(6, 3)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
    with followed() as trace:
        for step in range(800):
            rows = slice(step, step + 5)
            functional.cross_entropy(network(INPUTS[rows]), LABELS[rows]).backward()
            if step % 4 == 3:
                optimiser.step()
                optimiser.zero_grad()
    assert len(trace.steps) == 200
    assert not any(step.reused for step in trace.steps)


def test_rows_are_known_again_in_a_second_epoch() -> None:
    class Epochs(Loop):
        def batch(self, step: int) -> tuple[Tensor, Tensor]:
            return super().batch(step % 150)

    with followed() as trace:
        Epochs().run()
    assert [entry.known for entry in trace.passes] == [0] * 150 + [BATCH] * 150
    assert trace.models[0].learnt_from == 150 * BATCH


def test_a_batch_that_is_written_over_is_not_taken_for_what_it_was() -> None:
    room = torch.empty(BATCH, 6)

    class Reused(Loop):
        def batch(self, step: int) -> tuple[Tensor, Tensor]:
            inputs, labels = super().batch(step)
            return room.copy_(inputs), labels

    with followed() as trace:
        Reused().run()
    assert all(entry.known == 0 for entry in trace.passes)
    assert sum(entry.examples for entry in trace.passes) == (STEPS - 1) * BATCH  # all but the first
    assert trace.models[0].learnt_from == (STEPS - 1) * BATCH  # that was to be looked at later


def test_a_loss_of_other_shapes_is_noted_also_amid_brief_steps() -> None:
    def compare(step: int, network: nn.Module) -> None:
        if step == 207:
            functional.l1_loss(torch.zeros(7, 2), torch.zeros(7, 2))

    with followed() as trace:
        Loop(compare).run()
    found = [call for call in trace.losses if call.name == "l1_loss"]
    assert [(call.step, call.shape, call.target_shape) for call in found] == [(208, (7, 2), (7, 2))]
    looked = [call.step for call in trace.losses if call.target_high is not None]
    assert looked[: losses.LOOKED_AT] == list(range(losses.LOOKED_AT))
    assert len(looked) >= losses.LOOKED_AT + STEPS // (losses.AGAIN + brief.EACH)


def test_a_loss_that_is_no_number_is_seen_at_its_step() -> None:
    def spoil(step: int, network: nn.Module) -> None:
        if step == 207:
            with torch.no_grad():
                next(network.parameters()).fill_(float("nan"))

    with followed() as trace:
        Loop(spoil).run()
    assert trace.not_finite is not None
    assert trace.not_finite.step == 208
    assert trace.not_finite.where == "0.weight"
