"""The learning rate over the steps of a training."""

from __future__ import annotations

import math

from pellucid.train.recipe import Recipe

START = 25.0
"""Warm-up begins at 1/25 of the full rate (Smith and Topin 2018, Super-Convergence)."""


def rate_at(step: int, steps: int, recipe: Recipe) -> float:
    """The learning rate for step `step` of 0 … `steps`−1.

    A rise over the share `warmup` of all steps, then
    constant:   rate
    step:       rate · factor^⌊epoch / every⌋
    cosine:     rate · ½(1 + cos π·progress), down to 0
    one-cycle:  rate · (1 − progress), a straight line down to 0
    """
    rising = round(recipe.warmup * steps)
    if step < rising:
        return recipe.learning_rate * (1 + (START - 1) * (step + 1) / rising) / START
    progress = (step - rising) / max(1, steps - rising)
    if recipe.schedule == "one-cycle":
        return recipe.learning_rate * (1 - progress)
    if recipe.schedule == "cosine":
        return recipe.learning_rate * (1 + math.cos(math.pi * progress)) / 2
    if recipe.schedule == "step":
        epoch = int(step * recipe.epochs / steps)
        cuts = epoch // recipe.step_every
        return recipe.learning_rate * math.pow(recipe.step_factor, cuts)
    return recipe.learning_rate
