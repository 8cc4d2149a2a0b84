"""The wrong answers that the network was surest of."""

from __future__ import annotations

import numpy as np

from pellucid.base.wording import a
from pellucid.report import pictures
from pellucid.report.markup import section, text
from pellucid.report.material import Array, Material
from pellucid.report.wording import percent

MOST = 24


def render(material: Material) -> str:
    """The pictures with what they are and what was read, the surest first."""
    arrays = material.arrays
    if "probabilities" not in arrays or "kept.stored" not in arrays:
        return ""
    entries = []
    for number in range(min(MOST, len(arrays["kept.index"]))):
        chances = arrays["probabilities"][int(arrays["kept.index"][number])]
        label = int(arrays["kept.labels"][number])
        entries.append(_entry(arrays["kept.stored"][number], chances, label, material.classes))
    if not entries:
        return ""
    return section(
        "mistakes",
        "The surest mistakes",
        f"The {material.split} pictures that were read wrongly with most certainty. Look at each: "
        "would you have read it? Some are hard for people, some have a wrong label, and some tell "
        "what the network goes by.",
        f'<ul class="mistakes">{"".join(entries)}</ul>',
    )


def _certainty(share: float) -> str:
    """Whole percent; what only rounds to 100 % is told as less."""
    if share < 0.995:
        return percent(share, 0)
    return percent(share, 1) if share < 0.9995 else "over 99.9 %"


def _entry(picture: Array, chances: Array, label: int, names: list[str]) -> str:
    answer = int(chances.argmax())
    sure = _certainty(float(chances[answer]))
    words = f"{a(names[label])} read as {names[answer]}, {sure}"
    first = [int(place) for place in np.argsort(-chances, kind="stable")[:3]]
    ranking = "\n".join(f"{names[place]}: {percent(float(chances[place]), 1)}" for place in first)
    source = pictures.data_uri(pictures.plain(picture))
    return (
        f'<li title="{text(ranking)}"><img src="{source}" alt="{text(words)}">'
        f"{text(a(names[label]))} read as <b>{text(names[answer])}</b>, {sure}</li>"
    )
