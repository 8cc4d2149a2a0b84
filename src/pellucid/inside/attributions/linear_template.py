"""The network at this picture as one linear template: pixel times weight, summing to the score.

A network of ReLU, max pooling and linear layers is linear around each picture. Its weights there
are the gradient; its constant is worked out from the biases on their own, so that the sum is a
check and not a definition. Source: Montúfar et al. 2014, On the number of linear regions.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pellucid.inside.attribution import Attribution, DoesNotApply, Question

PLAIN = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.ConvTranspose2d)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
CLOSE = 1e-7
"""How far float64 may miss the score, as a share of the terms' sizes, in a linear network."""


def attribute(question: Question) -> Attribution:
    """(pixel − black) · template; the error is by how much all terms together miss the score.

    Raises `DoesNotApply` for a network that is not linear around the picture.
    """
    exact = question.in_double()
    slope, constant, score = _pieces(exact)
    terms = slope * exact.picture[0]
    residual = abs(float(terms.sum()) + constant - score)
    size = float(terms.abs().sum()) + abs(constant) + abs(score)
    if not residual <= CLOSE * size:
        raise DoesNotApply(
            "The network is not made of linear pieces alone (such as ReLU, max pooling, linear "
            f"layers): a linear template misses its score by {residual:.3g}."
        )
    of_black = float((slope * exact.black).sum()) + constant
    values = slope * (exact.picture[0] - exact.black)
    facts = {
        "score": score,
        "pixels": float(values.sum()),
        "constant": of_black,
        "residual": residual,
    }
    shown = values.to(question.picture.dtype)
    return Attribution(shown, residual, facts, {"template": slope.to(question.picture.dtype)})


def _pieces(question: Question) -> tuple[Tensor, float, float]:
    """The slope (c, h, w), the constant from the biases, and the score itself."""
    shifts = _shifts(question)
    with torch.enable_grad():
        given = question.picture.detach().clone().requires_grad_()
        biases = {name: question.weights[name].detach().clone().requires_grad_() for name in shifts}
        weights = {**question.weights, **biases}
        outputs = torch.func.functional_call(question.network, weights, (given,))
        score = outputs[0, question.target]
        if question.against is not None:
            score = score - outputs[0, question.against]
        slopes = torch.autograd.grad(
            score, [given, *biases.values()], allow_unused=True, materialize_grads=True
        )
    pairs = zip(shifts.values(), slopes[1:], strict=True)
    constant = sum(float((shift * slope).sum()) for shift, slope in pairs)
    return slopes[0][0], constant, float(score.detach())


def _shifts(question: Question) -> dict[str, Tensor]:
    """Name of each bias → what its layer adds to every unit, whatever the input is."""
    found: dict[str, Tensor] = {}
    for name, module in question.network.named_modules():
        key = f"{name}.bias" if name else "bias"
        if key not in question.weights:
            continue
        bias = question.weights[key]
        if isinstance(module, PLAIN):
            found[key] = bias
        elif isinstance(module, NORMS):
            before = key.removesuffix("bias")
            mean, spread, scale = (
                question.weights[before + part]
                for part in ("running_mean", "running_var", "weight")
            )
            found[key] = bias - scale * mean / (spread + module.eps).sqrt()
    return found
