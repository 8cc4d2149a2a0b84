"""Measures what hardening does: the same network, plain and attacked in training, asked the same.

    python benchmarks/hardening.py [--only mnist,digits] [--runs FOLDER] [--count N] [--pixels N]

Trainings that differ in `adversarial` alone; then PGD with five restarts, Square, noise, and the
proof of the single pixel, on the same validation pictures. What was measured is kept in
`benchmarks/measured/hardening.json`; the tables go into `docs/results.md`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import results_page
import torch

from pellucid.fool.asking import Asking, share_fooled
from pellucid.fool.opening import Which, of_run
from pellucid.fool.robustness import Attacking, Corrupting, Tried
from pellucid.lab.beside import fooled_beside, paired
from pellucid.train.runs import Run, load

MEASURED = Path(__file__).resolve().parent / "measured" / "hardening.json"
SUBJECTS: dict[str, tuple[str, list[str], list[str]]] = {
    "mnist": ("lenet on MNIST, 2 epochs", ["mnist", "--net", "lenet", "--epochs", "2"],
              ["none", "pgd:0.1"]),
    "digits": ("dense on digits, 12 epochs", ["digits", "--net", "dense", "--epochs", "12"],
               ["none", "pgd:0.1", "pixels:1"]),
}  # fmt: skip
"""What is trained: its title, the words of the command, and the attacks on it."""
ASKED = {
    "pgd": Attacking("pgd", 0.1, {"restarts": 5}, curve=False),
    "square": Attacking("square", 0.1, curve=False),
}
NOISE = 2
"""The place of the severity that is told."""


def trained(subject: str, attack: str, runs: Path) -> Run:
    """A run of this recipe, trained first if it is not there."""
    folder = runs / f"hardening-{subject}-{attack.replace(':', '-')}"
    if not (folder / "result.json").is_file():
        words = ["train", *SUBJECTS[subject][1], "--no-report", "--no-doctor"]
        words += ["--set", f"adversarial={attack}"]
        words += ["--runs", str(runs), "--name", folder.name]
        subprocess.run([sys.executable, "-m", "pellucid", *words], check=True)
    return load(folder)


def measure(subject: str, attack: str, runs: Path, count: int, pixels: int) -> dict[str, Any]:
    """One network's answers to all questions; which pictures held stays beside the shares."""
    run = trained(subject, attack, runs)
    victim = of_run(run, Which(count=count))
    found: dict[str, Any] = {"test": run.result["test"]["accuracy"]}
    for name, asked in ASKED.items():
        tried = asked.on(victim)
        found[name] = {**tried.rows("budget")[0], "held": _held(tried, 0)}
        print(subject, attack, name, found[name]["accuracy"], flush=True)
    noise = Corrupting("noise").on(victim)
    row = noise.rows("size")[NOISE]
    found["noise"] = {**row, "held": _held(noise, NOISE)}
    few = of_run(run, Which(count=pixels))
    certificates = list(Asking(few, run.folder / "fool", seconds=60.0).answers())
    found["pixel"] = share_fooled(certificates)
    found["certificates"] = [
        {key: one[key] for key in ("label", "answer", "flipped", "undecided")}
        for one in certificates
    ]
    print(subject, attack, "pixel", found["pixel"], flush=True)
    return found


def _held(tried: Tried, at: int) -> list[bool]:
    held: list[bool] = tried.held[:, at].tolist()
    return held


def write_page(measured: dict[str, Any]) -> None:
    """A table for each subject, with the differences to the plain network."""
    parts = [results_page.machine()]
    for subject, found in measured.items():
        parts += _table(subject, found)
    parts.append("One training each: another seed gives other numbers.")
    results_page.write("hardening", "\n\n".join(parts))


def _table(subject: str, found: dict[str, Any]) -> list[str]:
    plain, others = found["none"], list(found.values())
    head = [SUBJECTS[subject][0], *(f"`adversarial={attack}`" for attack in found)]
    rows = [["test accuracy", *(f"{100 * one['test']:.2f} %" for one in others)]]
    words = {
        "pgd": "PGD, ℓ∞ 0.1, 40 steps, 5 restarts",
        "square": "Square, ℓ∞ 0.1, 500 queries",
        "noise": f"noise of spread {plain['noise']['size']:g}",
    }
    for key, title in words.items():
        cells = [_cell(one[key], paired(one[key]["held"], plain[key]["held"])) for one in others]
        rows.append([f"read rightly under {title}", *_first_plain(cells)])
    cells = [
        _cell(
            {**one["pixel"], "accuracy": one["pixel"]["share_fooled"]},
            fooled_beside(one["certificates"], plain["certificates"]),
        )
        for one in others
    ]
    rows.append(["one pixel fools", *_first_plain(cells)])
    rows.append(["of these undecided", *(str(one["pixel"]["undecided"]) for one in others)])
    told = (
        f"The attacks and the noise were put to the first {plain['pgd']['examples']:,} validation "
        f"pictures, the proof of the single pixel to the first {len(plain['certificates'])}, at "
        "most 60 s each. In brackets the difference to the plain network on the same pictures in "
        "points, with its 95 % interval."
    )
    return [results_page.table(head, rows), told]


def _cell(row: dict[str, Any], apart: dict[str, Any]) -> tuple[str, str]:
    low, high = 100 * apart["low"], 100 * apart["high"]
    return (
        f"{100 * row['accuracy']:.1f} %",
        f" ({100 * apart['value']:+.1f}, {low:.1f} to {high:.1f})",
    )


def _first_plain(cells: list[tuple[str, str]]) -> list[str]:
    return [cells[0][0], *(share + apart for share, apart in cells[1:])]


def main() -> None:
    """Measure, keep it, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where the networks are")
    parser.add_argument("--count", type=int, default=300, help="pictures that are attacked")
    parser.add_argument("--pixels", type=int, default=50, help="pictures that are proved")
    parser.add_argument("--only", default=",".join(SUBJECTS), help="subjects, with commas between")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    for subject in chosen.only.split(","):
        found = {
            attack: measure(subject, attack, chosen.runs, chosen.count, chosen.pixels)
            for attack in SUBJECTS[subject][2]
        }
        measured = json.loads(MEASURED.read_text()) if MEASURED.exists() else {}
        measured[subject] = found
        MEASURED.write_text(json.dumps(measured) + "\n")
    write_page(json.loads(MEASURED.read_text()))


if __name__ == "__main__":
    main()
