"""One pixel after the other set to black or white, each time the one that helps most.

The budget is the number of pixels. An attack: two pixels may do together what no pair that begins
with the best single one does.

Source:  greedy coordinate search; compare Narodytska, Kasiviswanathan 2017, Simple black-box
         adversarial attacks on deep neural networks
"""

import torch
from torch import Tensor

from pellucid.fool.attack import Task

NORM = "pixels"
BUDGET = 2


def attack(task: Task) -> Tensor:
    """At most so many changed pixels; fewer where fewer do."""
    return torch.stack([_one(task, place) for place in range(len(task.pictures))])


def _one(task: Task, place: int) -> Tensor:
    picture = task.pictures[place]
    alone = Task(task.victim, picture[None], task.answers[place : place + 1], task.budget)
    for _ in range(int(task.budget)):
        if float(alone.lead(picture[None])[0]) < 0:
            break
        changed = _neighbours(picture)
        many = Task(task.victim, changed, alone.answers.expand(len(changed)), task.budget)
        picture = changed[int(many.lead(changed).argmin())]
    return picture


def _neighbours(picture: Tensor) -> Tensor:
    """The picture with each pixel at each corner of the values: (2^c · h · w, c, h, w)."""
    channels, height, width = picture.shape
    corners = torch.cartesian_prod(*[torch.tensor([0.0, 1.0]).double()] * channels)
    corners = corners.view(-1, channels)
    changed = picture.repeat(len(corners) * height * width, 1, 1, 1)
    place = 0
    for corner in corners:
        for row in range(height):
            for column in range(width):
                changed[place, :, row, column] = corner
                place += 1
    return changed
