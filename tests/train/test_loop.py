from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional

from pellucid.base.errors import WrongUse
from pellucid.base.seeds import named_seed
from pellucid.data.dataset import Dataset
from pellucid.train.fit import Sitting
from pellucid.train.recipe import Recipe
from pellucid.train.schedule import rate_at
from pellucid.train.watcher import Training, Watcher, Watchers

RECIPE = Recipe(dataset="bars", net="dense", batch_size=16, epochs=2, warmup=0.0)


def weights(network: nn.Module) -> torch.Tensor:
    """All weights in one row, in the order of their names."""
    named = sorted(network.state_dict().items())
    return torch.cat([value.flatten() for _, value in named])


def test_the_loop_ends_in_the_bits_of_a_loop_written_by_hand(
    dataset: Dataset, tmp_path: Path
) -> None:
    recipe = RECIPE.with_changes({"optimiser": "momentum", "learning_rate": 0.05, "clip": 0.5})
    run = Sitting(recipe, dataset).start(tmp_path, None, [], look_at_test=False)

    sitting = Sitting(recipe, dataset)
    network, feed = sitting.network.train(), sitting.feed
    decayed = [value for value in network.parameters() if value.ndim > 1]
    plain = [value for value in network.parameters() if value.ndim <= 1]
    optimiser = torch.optim.SGD(
        [{"params": decayed, "weight_decay": 0.01}, {"params": plain}], lr=0.05, momentum=0.9,
        fused=True,
    )  # fmt: skip
    step = 0
    for epoch in range(2):
        for inputs, targets in feed.epoch(epoch):
            for group in optimiser.param_groups:
                group["lr"] = rate_at(step, 12, recipe)
            optimiser.zero_grad()
            functional.cross_entropy(network(inputs), targets).backward()
            nn.utils.clip_grad_norm_(network.parameters(), 0.5)
            optimiser.step()
            step += 1
    trained = load_last(run.folder)
    assert torch.equal(trained, weights(network))


def load_last(folder: Path) -> torch.Tensor:
    from pellucid.train.checkpoint import load_tensors, part

    tensors, _ = load_tensors(folder / "checkpoints" / "last.safetensors")
    return torch.cat([value.flatten() for _, value in sorted(part(tensors, "network").items())])


class Everything(Watcher):
    """Notes every moment, and looks at what it is given without changing it."""

    def __init__(self) -> None:
        self.moments: list[str] = []

    def on_start(self, training: Training) -> None:
        self.moments.append("start")

    def on_batch(self, training: Training, inputs: torch.Tensor, targets: torch.Tensor) -> None:
        self.moments.append("batch")

    def on_loss(self, training: Training, output: torch.Tensor, loss: torch.Tensor) -> None:
        self.moments.append("loss")

    def on_backward(self, training: Training) -> None:
        assert all(value.grad is not None for value in training.network.parameters())
        self.moments.append("backward")

    def on_step(self, training: Training) -> None:
        self.moments.append("step")

    def on_epoch(self, training: Training, row: dict[str, object]) -> None:
        self.moments.append("epoch")

    def on_end(self, training: Training, result: dict[str, object]) -> None:
        self.moments.append("end")


def test_watchers_are_called_at_their_moments_and_change_nothing(
    dataset: Dataset, tmp_path: Path
) -> None:
    watcher = Everything()
    watched = Sitting(RECIPE, dataset).start(tmp_path, "watched", [watcher], look_at_test=False)
    alone = Sitting(RECIPE, dataset).start(tmp_path, "alone", [], look_at_test=False)
    one_step = ["batch", "loss", "backward", "step"]
    assert watcher.moments == ["start", *(one_step * 6 + ["epoch"]) * 2, "end"]
    assert torch.equal(load_last(watched.folder), load_last(alone.folder))


def test_the_same_recipe_gives_the_same_bits_and_another_seed_does_not(
    dataset: Dataset, tmp_path: Path
) -> None:
    first, again, other = (
        Sitting(RECIPE.with_changes({"seed": seed}), dataset).start(tmp_path, name, [], True)
        for name, seed in (("first", 0), ("again", 0), ("other", 1))
    )
    assert torch.equal(load_last(first.folder), load_last(again.folder))
    assert not torch.equal(load_last(first.folder), load_last(other.folder))
    strip = [{**row, "seconds": 0} for row in first.metrics]
    assert strip == [{**row, "seconds": 0} for row in again.metrics]


def test_the_training_loss_is_the_mean_over_the_epochs_batches(
    dataset: Dataset, tmp_path: Path
) -> None:
    losses: list[float] = []

    class Note(Watcher):
        def on_loss(self, training: Training, output: torch.Tensor, loss: torch.Tensor) -> None:
            losses.append(loss.item())

    run = Sitting(RECIPE, dataset).start(tmp_path, None, [Note()], look_at_test=False)
    assert [row["train"]["loss"] for row in run.metrics] == [
        pytest.approx(sum(losses[:6]) / 6),
        pytest.approx(sum(losses[6:]) / 6),
    ]


def test_a_loss_that_explodes_ends_with_the_rate_and_the_step(
    dataset: Dataset, tmp_path: Path
) -> None:
    recipe = RECIPE.with_changes({"optimiser": "sgd", "learning_rate": 1e6, "net": "linear"})
    recipe = recipe.with_changes({"weight_decay": 10.0, "epochs": 40})
    with pytest.raises(WrongUse, match="learning rate 1e"):
        Sitting(recipe, dataset).start(tmp_path, None, [], look_at_test=False)


def test_watchers_that_override_nothing_cost_no_call() -> None:
    calls = Watchers([Watcher(), Watcher()]).on_step.__closure__
    assert calls is not None
    assert calls[0].cell_contents == []


def test_named_seeds_keep_the_weights_apart_from_the_order() -> None:
    assert named_seed(0, "weights") != named_seed(0, "order", 0)
