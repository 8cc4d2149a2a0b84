"""Why this answer: every method's map, and on it where the method failed its checks."""

from __future__ import annotations

from pellucid.base.records import Record
from pellucid.report import pictures
from pellucid.report.inside.looked import Looked
from pellucid.report.markup import notes, section, text
from pellucid.report.material import Array, Arrays
from pellucid.report.tiles import range_of
from pellucid.report.wording import percent, quantity

Fails = dict[str, list[str]]
STATED = {
    "integrated-gradients": "the values miss the score's difference {difference} by {error}",
    "linear-template": "pixels {pixels} + constant {constant} = score {score}, missed by {error}",
    "occlusion": "{squares} squares of {side} × {side} pixels tried, rounding {error}",
    "grad-cam": "layer {layer}, {rows} × {columns} cells: the last one of 4 × 4 or more",
    "deep-lift": "the values miss the score's difference {difference} by {error}",
    "gradient-shap": "{places} places drawn, standard error up to {error}",
    "smooth-gradient": "{copies} noisy copies, standard error up to {error}",
}
"""What a method tells of itself below its map; the others tell their rounding."""


def render(looked: Looked) -> str:
    """A picture to choose, and its maps."""
    found = looked.instrument("attributions")
    if found is None or not found[0]["methods"]:
        return ""
    facts, arrays = found
    checks = looked.instrument("attribution-checks")
    fails: Fails = {}
    if checks:
        fails = {one["name"]: one["verdict"]["fails"] for one in checks[0]["methods"]}
    parts = [
        _picture(place, entry, facts, arrays, fails)
        for place, entry in enumerate(facts["pictures"])
    ]
    return section(
        "why",
        "Why this answer",
        "Which pixels speak for the score (orange) and which against it (blue), by several "
        "methods. They answer different questions and need not agree; below each stands its own "
        "error, and where it failed a check of the next section it says so.",
        f'<div class="choice">{"".join(parts)}</div>',
        notes([*facts["limits"], *facts["skipped"]]),
    )


def _picture(place: int, entry: Record, facts: Record, arrays: Arrays, fails: Fails) -> str:
    source = pictures.data_uri(pictures.plain(arrays["stored"][place]))
    asked = f"Why {entry['target']}"
    if entry["against"] is not None:
        asked += f" rather than {entry['against']}"
    told = (
        f"{asked}? The score is {quantity(entry['score'], 4)}. The network answers "
        f"{entry['answer']}, sure to {percent(entry['probability'])}."
    )
    cards = [f'<li><h3>the picture</h3><img src="{source}" alt="{text(entry["class"])}"></li>']
    for method in facts["methods"]:
        cards += _method(method, place, arrays, fails.get(method["name"], []))
    checked = " checked" if place == 0 else ""
    return (
        f'<input type="radio" name="why" id="why-{place}"{checked}>'
        f'<label for="why-{place}"><img src="{source}" alt="">{text(entry["class"])}</label>'
        f'<div class="shown"><p>{text(told)}</p><ul class="why">{"".join(cards)}</ul></div>'
    )


def _method(method: Record, place: int, arrays: Arrays, fails: list[str]) -> list[str]:
    name, reply = method["name"], method["replies"][place]
    values = arrays[name][place].sum(axis=0)
    stated = _stated(name, reply)
    if not values.any():
        stated = f"zero everywhere: nothing speaks for it here; {stated}"
    cards = [_card(name, values, method["line"], stated, method["baseline"], fails)]
    if name == "linear-template":
        weights = arrays["linear-template.template"][place].sum(axis=0)
        line = "The weight of each pixel, before it is multiplied with the pixel"
        cards.append(_card("the template itself", weights, line, "", False, []))
    return cards


def _card(
    name: str, values: Array, line: str, stated: str, baseline: bool, fails: list[str]
) -> str:
    image = pictures.data_uri(pictures.signed(values, pictures.largest(values, 0.998)))
    hover = f"{line}\n{range_of(values)}"
    badge = ""
    if baseline:
        badge = '<p class="badge">knows nothing of the network</p>'
    elif fails:
        badge = f'<p class="badge bad" title="{text(" ".join(fails))}">fails a check</p>'
    return (
        f'<li><h3 title="{text(line)}">{text(name.replace("-", " "))}</h3>'
        f'<img src="{image}" alt="{text(name)}" title="{text(hover)}">{badge}'
        f"<p>{text(stated)}</p></li>"
    )


def _stated(name: str, reply: Record) -> str:
    told = STATED.get(name)
    if told is None:
        return f"rounding {quantity(reply['error'], 2)}" if reply["error"] else ""
    shown = {
        key: quantity(value, 2 if key == "error" else 4)
        for key, value in reply.items()
        if not isinstance(value, list | dict)
    }
    return told.format(**shown)
