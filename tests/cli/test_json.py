"""docs/json.md and what the commands write with `--json` agree, key by key."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from PIL import Image, ImageDraw

from pellucid.cli.main import COMMANDS
from pellucid.doctor.diagnosis import DIAGNOSES

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "json.md").read_text(encoding="utf-8")


def tables(page: str) -> dict[str, list[str]]:
    """Section → the paths of its table."""
    parts = re.split(r"^## `([^`]+)`\n", page, flags=re.MULTILINE)
    return {
        name: re.findall(r"^\| `([^`]+)` \|", text, flags=re.MULTILINE)
        for name, text in zip(parts[1::2], parts[2::2], strict=True)
    }


def paths(value: Any, path: str = "") -> Iterator[str]:
    """Where values stand: `a.b`, `a[].b`; a list of plain values is one value."""
    if isinstance(value, dict) and value:
        for key, entry in value.items():
            yield from paths(entry, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value and all(isinstance(entry, dict) for entry in value):
        for entry in value:
            yield from paths(entry, f"{path}[]")
    else:
        yield path


def pattern(documented: str) -> str:
    """`a.NAME` stands for `a.` and any name, `a.…` for all below `a`, and for an empty `a`."""
    escaped = re.escape(documented)
    if escaped.endswith(r"\.…"):
        return escaped.removesuffix(r"\.…") + r"(\..+|\[\].*)?"
    return re.sub(r"\\\.([A-Z]+)$", r"(\\.[^.]+)?", escaped)


def faults(record: dict[str, Any], documented: list[str]) -> list[str]:
    """Keys without documentation, and documented keys that are not there."""
    written = set(paths(record)) - {"schema"}
    fits = {path: re.compile(pattern(path)) for path in documented}
    unknown = [path for path in written if not any(fit.fullmatch(path) for fit in fits.values())]
    missing = [
        path
        for path, fit in fits.items()
        if not any(fit.fullmatch(one) or path.startswith((f"{one}.", f"{one}[")) for one in written)
    ]
    return sorted(f"not in the page: {path}" for path in unknown) + [
        f"not written: {path}" for path in missing
    ]


def commands() -> set[str]:
    """Every command, or its subcommands where it has some."""
    found = set()
    for name in COMMANDS.names():
        inner = getattr(typer.main.get_command(COMMANDS.load(name).app), "commands", {})
        found |= {f"{name} {sub}" for sub in inner} or {name}
    return found


CALLS: dict[str, tuple[str, ...]] = {
    "check-gradient": ("squares.py:forward,backward",),
    "check": ("linear", "--input", "1x8x8", "--classes", "10", "--seconds", "1"),
    "doctor": ("train.py",),
    "nets list": (),
    "nets show": ("linear", "--data", "digits"),
    "runs list": (),
    "runs show": ("plain",),
    "runs compare": ("plain", "deep"),
    "runs rm": ("plain", "--yes"),
    "predict": ("deep", "one.png", "gone.png"),
    "report": ("plain",),
    "look": ("plain", "--only", "filters"),
    "fool": ("plain", "--count", "30"),
    "sample": ("tale", "--count", "2", "--length", "5"),
    "scratch": ("digits", "--net", "linear", "--epochs", "1"),
    "data list": (),
    "data show": ("digits",),
    "data get": ("digits",),
}
"""Command → arguments that fill every documented key."""

SQUARES = """
inputs = 2.0
def forward(x): return x * x
def backward(x): return x
"""


@pytest.mark.parametrize("command", CALLS)
def test_a_command_writes_what_the_page_says(shelf: Path, call, command: str) -> None:
    page = Image.new("L", (60, 60), 255)
    ImageDraw.Draw(page).line([(30, 10), (30, 50)], fill=0, width=6)
    page.save("one.png")
    Path("squares.py").write_text(SQUARES)
    Path("train.py").write_text(DIAGNOSES.load("gradients-not-cleared").DIAGNOSIS.SICK)
    call(*command.split(), "--json", "out.json", *CALLS[command])
    record = json.loads(Path("out.json").read_text())
    assert record["schema"] == 1
    assert faults(record, tables(PAGE)[command]) == []


@pytest.mark.parametrize("run", ["plain", "noisy", "tale"])
def test_a_result_has_the_keys_that_the_page_says(shelf: Path, run: str) -> None:
    record = json.loads((shelf / run / "result.json").read_text())
    own = {"plain": "accuracy", "noisy": "psnr_db", "tale": "nats"}
    others = {f"validation.{name}" for name in set(own.values()) - {own[run]}}
    documented = [path for path in tables(PAGE)["train"] if path not in others]
    assert faults(record, documented) == []


def test_an_error_has_the_keys_that_the_page_says(call) -> None:
    outcome = call("nets", "show", "convnt", "--data", "digits", "--json", "-")
    assert faults(json.loads(outcome.out), tables(PAGE)["error"]) == []


def test_every_command_has_its_section() -> None:
    assert sorted(tables(PAGE).keys() - {"error"}) == sorted(commands())


def test_a_key_too_many_and_a_key_too_few_are_found() -> None:
    documented = tables("## `x`\n| `a` | n | |\n| `b[].c` | n | |\n| `d.NAME` | | |\n| `e.…` | | |")
    record = {"schema": 1, "a": 1, "b": [{"c": 1}], "d": {"any": 2}, "e": {"f": {"g": 1}}}
    assert faults(record, documented["x"]) == []
    assert faults({**record, "h": 1}, documented["x"]) == ["not in the page: h"]
    assert faults({"b": [{"z": 1}], "d": {}, "e": None}, documented["x"]) == [
        "not in the page: b[].z",
        "not written: a",
        "not written: b[].c",
    ]
