"""The data set's card."""

from __future__ import annotations

from pellucid.base.records import Record
from pellucid.report.markup import facts, fold, section, table, text
from pellucid.report.material import Material
from pellucid.report.wording import count, quantity, shape


def render(material: Material) -> str:
    """Where the data come from, their splits, and what is known to be wrong with them."""
    data = material.data
    if data is None:
        return ""
    card: Record = data["card"]
    known = [*card.get("flaws", []), *data.get("notes", [])]
    flaws = "".join(f"<li>{text(flaw)}</li>" for flaw in known)
    hashes = [[text(name), f"<code>{text(one)}</code>"] for name, one in _hashes(card)]
    return section(
        "data",
        "The data",
        "What the network learned from. A result is only as good as the data it was measured on: "
        "read the flaws.",
        f"<p><strong>{text(card['title'])}</strong><br>{text(card['source'])}</p>",
        facts(_facts(data, card)),
        f"<h3>Known flaws</h3><ul>{flaws}</ul>" if known else "",
        fold("Hashes (SHA-256)", table(["File", "Hash"], hashes)) if hashes else "",
    )


def _hashes(card: Record) -> list[tuple[str, str]]:
    return sorted(card.get("hashes", {}).items())


def _facts(data: Record, card: Record) -> list[tuple[str, str]]:
    sizes = data["sizes"]
    symbols = data["kind"] == "symbols"
    pairs = [(f"{name.capitalize()} examples", f"{size:,}") for name, size in sizes.items()]
    example = shape(data["shape"]) + (" symbols" if symbols else "")
    pairs.append(("One example", example))
    pairs.append(("Symbols" if symbols else "Classes", f"{len(data['classes']):,}"))
    pairs.append(("Licence", card.get("licence") or "not told"))
    for name, key in (("Mean of pixels", "mean"), ("Spread of pixels", "std")):
        if data.get(key):
            pairs.append((name, ", ".join(quantity(value, 4) for value in data[key])))
    for pair, number in data.get("duplicates", {}).items():
        first, _, second = pair.partition("-")
        pairs.append((f"In {first} and {second}", count(number, "duplicate")))
    return pairs
