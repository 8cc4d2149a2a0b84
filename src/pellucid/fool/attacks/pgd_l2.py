"""Many small steps along the slope, the whole change no longer than the budget (PGD, ℓ2).

Formula:  x ← cut(x + step · slope / |slope|), from a random start
Settings: steps (40), step (budget / 5), restarts (1)
Source:   Madry et al. 2018, Towards deep learning models resistant to adversarial attacks
"""

from torch import Tensor

from pellucid.fool.attack import Task, climbed

NORM = "l2"
BUDGET = 1.0
STEPS = 40
RESTARTS = 1


def attack(task: Task) -> Tensor:
    """The first changed picture of each that is answered otherwise, else the last one tried."""
    return climbed(task, NORM, task.budget / 5, STEPS, RESTARTS)
