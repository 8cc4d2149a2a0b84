"""Points that mutate by each other's differences: the one-pixel attack as published.

Each candidate is for every allowed pixel a row, a column and a value a channel. A child is one
candidate plus half the difference of two others; it replaces its parent if the answer's
probability is lower. The budget is the number of pixels.

Settings: population (400), steps (75), which are its generations
Source:   Su, Vargas, Sakurai 2019, One pixel attack for fooling deep neural networks, section III
"""

import torch
from torch import Tensor

from pellucid.fool.attack import Task

NORM = "pixels"
BUDGET = 1
STEPS = 75
MUTATION = 0.5


def attack(task: Task) -> Tensor:
    """The best candidate of each picture."""
    return torch.stack([_one(task, place) for place in range(len(task.pictures))])


def _one(task: Task, place: int) -> Tensor:
    population = int(task.settings.get("population", 400))
    picture, chance = task.pictures[place], task.chance("evolution", str(place))
    answer = int(task.answers[place])
    many = torch.rand(
        population, int(task.budget), 2 + len(picture), generator=chance, dtype=torch.float64
    )
    fitness = _belief(task, picture, many, answer)
    for _ in range(int(task.settings.get("steps", STEPS))):
        a, b, c = (torch.randint(population, (population,), generator=chance) for _ in range(3))
        children = (many[a] + MUTATION * (many[b] - many[c])).clamp(0, 1)
        new = _belief(task, picture, children, answer)
        better = new < fitness
        many[better], fitness[better] = children[better], new[better]
        best = _changed(picture, many[fitness.argmin()][None])
        if int(task.scores(best)[0].argmax()) != answer:
            break
    return _changed(picture, many[fitness.argmin()][None])[0]


def _belief(task: Task, picture: Tensor, many: Tensor, answer: int) -> Tensor:
    scores = task.scores(_changed(picture, many))
    return torch.softmax(scores, dim=1)[:, answer]


def _changed(picture: Tensor, many: Tensor) -> Tensor:
    """Candidates (n, pixel, 2 + c) in 0…1 as pictures."""
    _, height, width = picture.shape
    changed = picture.repeat(len(many), 1, 1, 1)
    rows = (many[:, :, 0] * height).long().clamp(max=height - 1)
    columns = (many[:, :, 1] * width).long().clamp(max=width - 1)
    for pixel in range(many.shape[1]):
        place = torch.arange(len(many))
        changed[place, :, rows[:, pixel], columns[:, pixel]] = many[:, pixel, 2:]
    return changed
