"""Many small steps along the slope, none beyond the budget in any value (PGD, ℓ∞).

Formula:  x ← cut(x + step · sign(∂ loss / ∂ x)), from a random start
Settings: steps (40), step (budget / 4), restarts (1); what failed is tried again from elsewhere
Source:   Madry et al. 2018, Towards deep learning models resistant to adversarial attacks
"""

import torch
from torch import Tensor

from pellucid.fool.attack import Task, within

NORM = "linf"
BUDGET = 0.1


def attack(task: Task) -> Tensor:
    """The first changed picture of each that is answered otherwise, else the last one tried."""
    steps = int(task.settings.get("steps", 40))
    step = float(task.settings.get("step", task.budget / 4))
    best = task.pictures.clone()
    open_ = torch.ones(len(best), dtype=torch.bool)
    for restart in range(int(task.settings.get("restarts", 1))):
        chance = task.chance("pgd", str(restart))
        start = (2 * torch.rand(best.shape, generator=chance).double() - 1) * task.budget
        found = within(task.pictures + start, task, NORM)
        for _ in range(steps):
            found = within(found + step * task.slope(found).sign(), task, NORM)
        best[open_] = found[open_]
        open_ &= task.lead(best) >= 0
    return best
