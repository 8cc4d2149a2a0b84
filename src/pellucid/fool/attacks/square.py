"""Random squares, kept where they help; needs answers alone, no slope (Square, ℓ∞).

Settings: steps (500), each of which asks the network once
Source:   Andriushchenko et al. 2020, Square Attack: a query-efficient black-box adversarial attack
"""

import math

import torch
from torch import Tensor

from pellucid.fool.attack import Task, within

NORM = "linf"
BUDGET = 0.1
STEPS = 500
FIRST = 0.8
"""The share of the picture that the first squares cover, as in the paper for ℓ∞."""
HALVED = (0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)
"""After these shares of the queries the covered share is halved."""


def attack(task: Task) -> Tensor:
    """Stripes at first; then one square a query, at the corners of the budget."""
    queries, chance = int(task.settings.get("steps", STEPS)), task.chance("square")
    count, channels, height, width = task.pictures.shape
    stripes = _signs((count, channels, 1, width), chance) * task.budget
    found = within(task.pictures + stripes, task, NORM)
    lead = task.lead(found)
    for query in range(queries):
        share = FIRST / 2 ** sum(query / queries > one for one in HALVED)
        side = max(1, min(height, width, round(math.sqrt(share * height * width))))
        row = int(torch.randint(height - side + 1, (1,), generator=chance))
        column = int(torch.randint(width - side + 1, (1,), generator=chance))
        tried = found.clone()
        at = (slice(None), slice(None), slice(row, row + side), slice(column, column + side))
        tried[at] = task.pictures[at] + _signs((count, channels, 1, 1), chance) * task.budget
        tried = within(tried, task, NORM)
        new = task.lead(tried)
        better = (new < lead) & (lead >= 0)
        found[better], lead[better] = tried[better], new[better]
    return found


def _signs(shape: tuple[int, ...], chance: torch.Generator) -> Tensor:
    return torch.randint(2, shape, generator=chance).double() * 2 - 1
