"""The gradient, with what is negative left out at each ReLU on the way back (through Captum).

It draws the picture's own lines, and hardly depends on the later layers: see its checks.
Source: Springenberg, Dosovitskiy, Brox, Riedmiller 2015, Striving for simplicity.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pellucid.inside.attribution import Attribution, DoesNotApply, Question, rounding
from pellucid.inside.through_captum import Scored, asked, method_of

NEEDS = "captum"


def attribute(question: Question) -> Attribution:
    """Captum's GuidedBackprop; the error is rounding, against float64."""
    scored = Scored(question)
    called, layers = _relus(scored, question.picture)
    if called > layers:
        raise DoesNotApply(
            f"{called - layers} of the network's {called} ReLUs are functions instead of layers, "
            "which Captum does not find."
        )
    values = _guided(scored, question)
    exact = _guided(Scored(question.in_double()), question.in_double())
    return Attribution(values, rounding(values, exact), {"relus": called})


def _guided(scored: nn.Module, question: Question) -> Tensor:
    with asked(question.seed):
        found: Tensor = method_of("GuidedBackprop", scored).attribute(question.picture, target=0)
        return found[0].detach()


def _relus(scored: nn.Module, picture: Tensor) -> tuple[int, int]:
    """ReLUs in the graph of the score, and layers that are ReLUs."""
    with torch.enable_grad():
        score = scored(picture.detach().clone().requires_grad_())
    ahead, seen, called = [score.grad_fn], set(), 0
    while ahead:
        node = ahead.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        called += node.name().startswith("ReluBackward")
        ahead += [before for before, _ in node.next_functions]
    return called, sum(isinstance(part, nn.ReLU) for part in scored.modules())
