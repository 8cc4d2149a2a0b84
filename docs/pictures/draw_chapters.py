"""Draw the pictures of docs/chapters: run `python docs/pictures/draw_chapters.py`.

Every point is computed with the engine that the chapters are about. Colours are Okabe and Ito's,
which all kinds of colour blindness tell apart; nothing is told by colour alone.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from pellucid.scratch.optimisers import SGD, Adam, Momentum, Optimiser
from pellucid.scratch.tensor import Tensor

INK, GREY, BLUE, ORANGE = "#222222", "#8a8a8a", "#0072B2", "#D55E00"
Point = tuple[float, float]


class Panel:
    """A plot: from numbers to places on the page (in pixels, y downwards)."""

    def __init__(self, left: float, top: float, size: Point, xs: Point, ys: Point) -> None:
        self.left, self.top, self.size, self.xs, self.ys = left, top, size, xs, ys
        self.parts: list[str] = []

    def at(self, x: float, y: float) -> Point:
        """Where the point (x, y) stands."""
        (x0, x1), (y0, y1), (width, height) = self.xs, self.ys, self.size
        across, up = (x - x0) / (x1 - x0), (y - y0) / (y1 - y0)
        return self.left + width * across, self.top + height * (1 - up)

    def line(self, points: list[Point], colour: str, style: str = "") -> None:
        placed = " ".join(f"{x:.1f},{y:.1f}" for x, y in (self.at(*point) for point in points))
        self.parts.append(f'<polyline points="{placed}" fill="none" stroke="{colour}" {style}/>')

    def dots(self, points: list[Point], colour: str) -> None:
        for x, y in (self.at(*point) for point in points):
            self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>')

    def text(self, x: float, y: float, words: str, where: str = "start", colour: str = INK) -> None:
        """`x` and `y` in pixels; `where` is start, middle or end."""
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{where}" fill="{colour}">{words}</text>'
        )

    def note(self, point: Point, words: str, shift: Point = (8, -6), where: str = "start") -> None:
        x, y = self.at(*point)
        self.text(x + shift[0], y + shift[1], words, where)

    def axes(self, x_name: str, y_name: str, x_ticks: list[float], y_ticks: list[float]) -> None:
        """A frame below and on the left, its ticks, the names, and thin lines through 0."""
        (x0, x1), (y0, y1) = self.xs, self.ys
        self.line([(x0, y1), (x0, y0), (x1, y0)], INK)
        for tick in x_ticks:
            x, y = self.at(tick, y0)
            self.text(x, y + 16, f"{tick:g}", "middle")
        for tick in y_ticks:
            x, y = self.at(x0, tick)
            self.text(x - 6, y + 4, f"{tick:g}", "end")
        thin = 'stroke-width="0.6" stroke-dasharray="2 3"'
        self.line([(0, y0), (0, y1)], GREY, thin)
        self.line([(x0, 0), (x1, 0)], GREY, thin)
        end, _ = self.at(x1, y0)
        self.text(end + 6, self.at(x1, y0)[1] + 4, x_name)
        self.text(self.left - 4, self.top - 8, y_name)


def page(width: int, height: int, title: str, panels: list[Panel]) -> str:
    inner = "\n".join(part for panel in panels for part in panel.parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" font-family="sans-serif" font-size="13">\n'
        f'<title>{title}</title>\n<rect width="100%" height="100%" fill="white"/>\n'
        f"{inner}\n</svg>\n"
    )


def descend(
    loss_of: Callable[[Tensor], Tensor],
    start: list[float],
    optimiser_of: Callable[[list[Tensor]], Optimiser],
    steps: int,
) -> list[list[float]]:
    """The weights before the first step and after each."""
    w = Tensor(start, requires_grad=True)
    optimiser = optimiser_of([w])
    way = [w.data.tolist()]
    for _ in range(steps):
        optimiser.zero_grad()
        loss_of(w).backward()
        optimiser.step()
        way.append(w.data.tolist())
    return way


def descent() -> str:
    """Five steps with rate 0.1 down (w − 5)², from w = 1."""

    def loss_of(w: Tensor) -> Tensor:
        return ((w - 5.0) ** 2.0).sum()

    panel = Panel(50, 40, (470, 260), (0, 10), (0, 25))
    panel.axes("w", "loss (w − 5)²", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [0, 5, 10, 15, 20, 25])
    panel.line([(w, (w - 5) ** 2) for w in np.linspace(0, 10, 101)], GREY, 'stroke-width="1.5"')
    panel.line([(0.3, 21.6), (2.6, 3.2)], ORANGE, 'stroke-width="1.5" stroke-dasharray="6 4"')
    way = descend(loss_of, [1.0], lambda weights: SGD(weights, 0.1), 5)
    points = [(w, (w - 5) ** 2) for (w,) in way]
    panel.line(points, BLUE)
    panel.dots(points, BLUE)
    panel.note(points[0], "start: w = 1, loss 16", (10, 2))
    panel.note((2.6, 3.2), "slope −8", (-8, 6), "end")
    panel.note(points[5], f"5 steps: w = {points[5][0]:.2f}", (8, -12))
    panel.dots([(5, 0)], ORANGE)
    panel.note((5, 0), "w = 5, loss 0", (0, -8), "middle")
    return page(560, 340, "Gradient descent with rate 0.1 down the loss (w − 5)²", [panel])


def ravine() -> str:
    """40 steps of three optimisers down (x² + 25 y²) / 2, from (10, 1)."""

    def loss_of(w: Tensor) -> Tensor:
        return (Tensor([0.5, 12.5]) * w * w).sum()

    ways: dict[str, Callable[[list[Tensor]], Optimiser]] = {
        "SGD, rate 0.07": lambda weights: SGD(weights, 0.07),
        "Momentum 0.7, rate 0.07": lambda weights: Momentum(weights, 0.07, momentum=0.7),
        "Adam, rate 0.5": lambda weights: Adam(weights, 0.5),
    }
    panels = []
    for number, (name, optimiser_of) in enumerate(ways.items()):
        panel = Panel(50, 34 + 190 * number, (470, 120), (-3.5, 11.5), (-1.3, 1.3))
        panel.axes("x", "y", [-2, 0, 2, 4, 6, 8, 10], [-1, 0, 1])
        for radius in (2.0, 4.0, 6.0, 8.0, 10.0, 12.0):
            around = np.linspace(0, 2 * np.pi, 121)
            ring = [(radius * np.cos(a), radius / 5 * np.sin(a)) for a in around]
            inside = [(x, y) if x < 11.5 and abs(y) < 1.3 and x > -3.5 else None for x, y in ring]
            for stretch in _stretches(inside):
                panel.line(stretch, GREY, 'stroke-width="0.6"')
        points = [(x, y) for x, y in descend(loss_of, [10.0, 1.0], optimiser_of, 40)]
        panel.line(points, BLUE, 'stroke-width="1.5"')
        panel.dots(points, BLUE)
        panel.text(520, panel.top - 8, name, "end")
        panel.dots(points[-1:], ORANGE)
        panel.note(points[-1], "after 40 steps", (0, 24), "middle")
        panels.append(panel)
    return page(560, 566, "Three optimisers in a ravine, seen from above", panels)


def _stretches(points: list[Point | None]) -> list[list[Point]]:
    """The points that are there, cut where some are missing."""
    found: list[list[Point]] = [[]]
    for point in points:
        if point is not None:
            found[-1].append(point)
        elif found[-1]:
            found.append([])
    return [stretch for stretch in found if len(stretch) > 1]


PICTURES = {"descent.svg": descent, "ravine.svg": ravine}

if __name__ == "__main__":
    for name, draw in PICTURES.items():
        (Path(__file__).parent / name).write_text(draw(), encoding="utf-8")
