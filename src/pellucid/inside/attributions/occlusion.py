"""How much the score falls when a pixel, or a small square, turns black: tried one by one.

Source: Zeiler, Fergus 2014, Visualizing and understanding convolutional networks.
"""

from __future__ import annotations

import math

import torch

from pellucid.inside.attribution import Attribution, Question

MOST = 1_024
"""Squares that are tried: of pictures up to 32 × 32 every single pixel."""


def attribute(question: Question) -> Attribution:
    """score(picture) − score(picture with the square black), for all pixels of the square.

    A pixel's channels turn black together; the fall is shared among them evenly. The error is how
    far the score of the picture itself moves with the size of the batch that it is part of.
    """
    picture = question.picture
    _, channels, height, width = picture.shape
    side = math.ceil(math.sqrt(height * width / MOST))
    squares = [(row, column) for row in range(0, height, side) for column in range(0, width, side)]
    changed = picture.repeat(len(squares) + 1, 1, 1, 1)
    for place, (row, column) in enumerate(squares):
        here = (slice(None), slice(row, row + side), slice(column, column + side))
        changed[place][here] = question.black[here]
    scores = question.scores(changed).double()
    whole = scores[-1]
    values = torch.zeros(height, width, dtype=torch.float64)
    for score, (row, column) in zip(scores, squares, strict=False):
        part = values[row : row + side, column : column + side]
        part.fill_(float(whole - score) / (part.numel() * channels))
    alone = question.scores(picture).double()[0]
    facts = {"side": side, "squares": len(squares)}
    shown = values.expand(channels, height, width).to(picture.dtype).contiguous()
    return Attribution(shown, float((whole - alone).abs()), facts)
