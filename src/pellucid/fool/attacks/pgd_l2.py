"""Many small steps along the slope, the whole change no longer than the budget (PGD, ℓ2).

Formula:  x ← cut(x + step · slope / |slope|), from a random start
Settings: steps (40), step (budget / 5), restarts (1)
Source:   Madry et al. 2018, Towards deep learning models resistant to adversarial attacks
"""

import torch
from torch import Tensor

from pellucid.fool.attack import Task, within

NORM = "l2"
BUDGET = 1.0


def attack(task: Task) -> Tensor:
    """The first changed picture of each that is answered otherwise, else the last one tried."""
    steps = int(task.settings.get("steps", 40))
    step = float(task.settings.get("step", task.budget / 5))
    best = task.pictures.clone()
    open_ = torch.ones(len(best), dtype=torch.bool)
    for restart in range(int(task.settings.get("restarts", 1))):
        start = torch.randn(best.shape, generator=task.chance("pgd", str(restart))).double()
        found = within(task.pictures + start * task.budget / 10, task, NORM)
        for _ in range(steps):
            found = within(found + step * _direction(task.slope(found)), task, NORM)
        best[open_] = found[open_]
        open_ &= task.lead(best) >= 0
    return best


def _direction(slope: Tensor) -> Tensor:
    length: Tensor = torch.linalg.vector_norm(slope, dim=(1, 2, 3), keepdim=True)
    return slope / length.clamp(min=1e-30)
