"""One step of the whole budget along the sign of the slope (FGSM).

Formula:  x + budget · sign(∂ loss / ∂ x)
Source:   Goodfellow, Shlens, Szegedy 2015, Explaining and harnessing adversarial examples
"""

from torch import Tensor

from pellucid.fool.attack import Task

NORM = "linf"
BUDGET = 0.1


def attack(task: Task) -> Tensor:
    """Pictures one step further."""
    return task.pictures + task.budget * task.slope(task.pictures).sign()
