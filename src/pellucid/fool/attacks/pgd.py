"""Many small steps along the slope, none beyond the budget in any value (PGD, ℓ∞).

Formula:  x ← cut(x + step · sign(∂ loss / ∂ x)), from a random start
Settings: steps (40), step (budget / 4), restarts (1); what failed is tried again from elsewhere
Source:   Madry et al. 2018, Towards deep learning models resistant to adversarial attacks
"""

from torch import Tensor

from pellucid.fool.attack import Task, climbed

NORM = "linf"
BUDGET = 0.1
STEPS = 40
RESTARTS = 1


def attack(task: Task) -> Tensor:
    """The first changed picture of each that is answered otherwise, else the last one tried."""
    return climbed(task, NORM, task.budget / 4, STEPS, RESTARTS)
