"""What the training came to, and what to try next."""

from __future__ import annotations

import re

from pellucid.base.records import Record
from pellucid.report.markup import facts, text, with_commands
from pellucid.report.material import Material
from pellucid.report.wording import count, duration, moment


def render(material: Material) -> str:
    """The top of the page; of a run without a result, what is known so far."""
    result = material.result
    verdict: Record = (result or {}).get("verdict") or _without_result(material)
    told = " ".join(verdict.get("sentences", []))
    steps = "".join(f"<li>{with_commands(step)}</li>" for step in verdict.get("next", []))
    first = f"<h1>{_headline(verdict['headline'])}</h1>"
    parts = [
        f'<div>{first}<p class="told">{with_commands(told)}</p></div>',
        f'<div class="next"><h2>Try next</h2><ul>{steps}</ul></div>' if steps else "",
        facts(_facts(material)),
    ]
    kind = "hero wide" if steps else "hero"
    return f'<div class="{kind}" id="verdict">{"".join(parts)}</div>'


def _headline(words: str) -> str:
    """The number large, its interval small; other headlines stay as they are."""
    match = re.fullmatch(r"([\d.,−-]+ (?:%|dB|nats)) (.*?)(?: \((95 % interval [^()]*)\))?", words)
    if not match:
        return text(words)
    value, rest, interval = match.groups()
    small = f'<span class="interval">{text(interval)}</span>' if interval else ""
    return f'<span class="value">{text(value)}</span> {text(rest)} {small}'


def _without_result(material: Material) -> Record:
    done, epochs = len(material.metrics), material.recipe.get("epochs")
    return {
        "headline": f"Not finished: {done} of {epochs} epochs done, no verdict yet",
        "sentences": ["The page shows what the run has written so far."],
        "next": [f"Go on from the last checkpoint: pellucid runs resume {material.name}"],
    }


def _facts(material: Material) -> list[tuple[str, str]]:
    recipe, result = material.recipe, material.result or {}
    environment = material.environment or {}
    pairs = [
        ("Data", recipe["dataset"]),
        ("Network", recipe["net"]),
        ("Task", recipe["task"]),
    ]
    if "parameters" in result:
        pairs.append(("Parameters", f"{result['parameters']:,}"))
    if "epochs" in result:
        best = result.get("best_epoch")
        pairs.append(("Epochs", f"{result['epochs']}" + (f", best: {best}" if best else "")))
    if "seconds" in result:
        pairs.append(("Training took", duration(result["seconds"]["train"])))
    if environment:
        device = environment.get("device_name") or environment.get("processor") or ""
        pairs.append(("Device", f"{environment.get('device', '')} {device}".strip()))
        pairs.append(("Begun", moment(environment.get("started", ""))))
    pairs.append(("Seed", str(recipe.get("seed", 0))))
    if "looks_at_test" in result:
        pairs.append(("Test set", f"opened {count(result['looks_at_test'], 'time')}"))
    return pairs
