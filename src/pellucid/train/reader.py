"""A classifier trained on clean pictures, to tell whether restored ones can be read again."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from pellucid.base.seeds import named_seed
from pellucid.data.dataset import Dataset
from pellucid.train.batches import Feed
from pellucid.train.build import build
from pellucid.train.defaults import reader_recipe
from pellucid.train.loop import Loop
from pellucid.train.optimiser import make_optimiser
from pellucid.train.task import channel_constants, make_task, standardise
from pellucid.train.watcher import Progress, Training, Watcher


def train_reader(data: Dataset, device: torch.device) -> nn.Module:
    """The usual classifier for these data, trained on their clean train split, in eval mode.

    Always the same for the same data: its seed is its own. The sources of chance of the training
    around it are left as they were.
    """
    recipe = reader_recipe(data.card.name, data.as_record())
    task = make_task(recipe, data.as_record())
    with torch.random.fork_rng(devices=[]), torch.inference_mode(False), torch.enable_grad():
        torch.manual_seed(named_seed(0, "reader"))
        network = build(recipe.net, task, recipe.options).to(device)
        feed = Feed(data.train, task, recipe, device)
        training = Training(recipe, network, "", feed.steps, Progress())
        loop = Loop(
            recipe=recipe,
            network=network,
            task=task,
            feed=feed,
            optimiser=make_optimiser(network, recipe),
            average=None,
            watchers=Watcher(),
            training=training,
            autocast=None,
            after_step=lambda: False,
        )
        for epoch in range(math.ceil(recipe.epochs)):
            training.progress.epoch, training.progress.done = epoch, 0
            loop.epoch()
    return network.eval()


def read(reader: nn.Module, pictures: Tensor, data: Dataset) -> Tensor:
    """The classes (n,) that the reader sees in pictures (n, c, h, w) with pixels in 0…1."""
    mean, std = (values.to(pictures.device) for values in channel_constants(data.as_record()))
    scores: Tensor = reader(standardise(pictures * 255, mean, std))
    return scores.argmax(dim=1).cpu()
