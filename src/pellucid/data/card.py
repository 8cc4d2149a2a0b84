"""What someone should know before they use a data set; loads no NumPy, so that lists are quick."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Card:
    """What someone should know before they use a data set."""

    name: str
    title: str
    """One line: what is in it."""
    source: str
    """Who made it, where it is described."""
    licence: str
    flaws: tuple[str, ...] = ()
    """What is known to be wrong or odd with it."""
    hashes: dict[str, str] = field(default_factory=dict)
    """File name → SHA-256 of the unpacked content."""
    bright_on_dark: bool | None = None
    """Strokes are bright on a dark ground (True), dark on bright (False), or neither (None)."""
    centred: Literal["mass", "box", "no"] = "no"
    """How the content sits in the frame: `mass` (centre of mass, as MNIST), `box`, or `no`."""
    content_share: float = 1.0
    """The content's longer side as a share of the frame (20 of 28 pixels for MNIST)."""
    stroke: float = 0.0
    """How thick a pen stroke is in the frame, in pixels; 0 where the content is not strokes."""
