"""Measures what the default recipes reach: three seeds each, on the sealed test sets.

    python benchmarks/figures.py [--jobs 2] [--only mnist-dense] [--seeds 3]

Every training is a process of its own (`python -m pellucid train … --json`). What is measured is
kept in `benchmarks/measured/figures.json`; a training that stands there with the same recipe is
not repeated, so the script can be stopped and started again.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import results_page

MEASURED = Path(__file__).resolve().parent / "measured" / "figures.json"
LOCK = threading.Lock()


@dataclass(frozen=True)
class Row:
    """One line of the table: a command, and the least its mean must reach."""

    name: str
    command: str
    least: float
    unit: str = "%"
    extra: str = ""
    """A second number of the test record that is shown: `read` or `beside`."""


ROWS = [
    Row("digits", "digits", 97.5),
    Row("mnist-linear", "mnist --net linear", 92.0),
    Row("mnist-dense", "mnist --net dense", 98.0),
    Row("mnist", "mnist", 99.5),
    Row("mnist-recurrent", "mnist --net recurrent", 98.5),
    Row("mnist-transformer", "mnist --net transformer", 98.0),
    Row("fashion-mnist", "fashion-mnist", 92.5),
    Row("cifar10-pictures", "cifar10-pictures --net resnet-small", 80.0),
    *(
        Row(
            f"denoise-{noise}-32",
            f"mnist --task denoise --set noise={noise}",
            least,
            "dB",
            "beside",
        )
        for noise, least in (("0.1", 0.0), ("0.2", 0.0), ("0.5", 0.0))
    ),
    *(
        Row(
            f"denoise-{noise}-0",
            f"mnist --task denoise --set noise={noise} --set bottleneck=0",
            least,
            "dB",
            "beside",
        )
        for noise, least in (("0.1", 26.1), ("0.2", 22.0), ("0.5", 17.5))
    ),
    Row("hole-8", "mnist --task inpaint --set hole=8 --set place=centre", 10.8, "dB", "read"),
    Row("hole-14", "mnist --task inpaint --set hole=14 --set place=centre", 9.8, "dB", "read"),
    Row("names", "names", 0.0, "nats"),
]


def measure(row: Row, seed: int) -> dict[str, Any]:
    """Train once and return what it came to, with the CPU seconds of the whole process."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "result.json"
        words = [*row.command.split(), "--seed", str(seed), "--runs", folder]
        words += ["--no-report", "--json", str(path)]
        begun = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "pellucid", "train", *words],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        assert process.stderr is not None
        complaint = process.stderr.read().decode()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{row.name}, seed {seed}: {complaint[-2000:]}")
        result = json.loads(path.read_text())
        recipe = json.loads((Path(result["run"]) / "recipe.json").read_text())
    return {
        "name": row.name,
        "seed": seed,
        "test": result["test"],
        "validation": result["validation"],
        "parameters": result["parameters"],
        "epochs": result["epochs"],
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "wall_seconds": time.perf_counter() - begun,
        "recipe": {key: value for key, value in recipe.items() if key not in ("schema", "seed")},
    }


def load() -> list[dict[str, Any]]:
    """What was measured before."""
    if not MEASURED.exists():
        return []
    found: list[dict[str, Any]] = json.loads(MEASURED.read_text())
    return found


def is_current(record: dict[str, Any], row: Row) -> bool:
    """Was this measured with the recipe that the row's command takes today?"""
    from pellucid.cli.choices import choose
    from pellucid.train.recipe import Recipe

    words = iter(row.command.split())
    data, net, task, pairs = next(words), None, None, []
    for word in words:
        if word == "--set":
            pairs.append(next(words))
        elif word == "--net":
            net = next(words)
        else:
            task = next(words)
    return Recipe.from_record(record["recipe"]) == choose(data, net, task, pairs, {})[1]


def keep(record: dict[str, Any]) -> None:
    """Add one measurement, in place of an older one of the same name and seed."""
    with LOCK:
        kept = [
            entry
            for entry in load()
            if (entry["name"], entry["seed"]) != (record["name"], record["seed"])
        ]
        MEASURED.parent.mkdir(exist_ok=True)
        MEASURED.write_text(json.dumps([*kept, record], indent=1) + "\n")


def value(record: dict[str, Any], unit: str) -> float:
    """The figure of one training, in the table's unit."""
    test = record["test"]
    if unit == "%":
        return 100 * float(test["accuracy"])
    return float(test["psnr_db" if unit == "dB" else "nats"])


def line(row: Row, records: list[dict[str, Any]]) -> list[str]:
    """One line of the table."""
    values = [value(record, row.unit) for record in records]
    mean = statistics.mean(values)
    spread = f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else ""
    cpu = statistics.median(record["cpu_seconds"] for record in records)
    beside = "; ".join(
        f"{entry['title']} {entry['psnr_db']:.2f} dB"
        for entry in records[0]["test"].get("beside", [])
    )
    if row.extra == "read":
        worst = min(
            statistics.mean(
                record["test"]["read"]["per_class"][place]["accuracy"] for record in records
            )
            for place in range(10)
        )
        beside += f"; read correctly in the hardest class {100 * worst:.1f} %"
    least = f"{row.least:g} {row.unit}" if row.least else "the lines beside"
    return [
        f"`train {row.command}`",
        least,
        f"**{mean:.2f}**{spread} {row.unit}",
        ", ".join(f"{number:.2f}" for number in values),
        beside or "–",
        f"{records[0]['parameters']:,}",
        f"{cpu:.0f} s",
    ]


def write_page() -> None:
    """The table of all that is measured, into the results page."""
    records = load()
    lines = []
    for row in ROWS:
        own = sorted((r for r in records if r["name"] == row.name), key=lambda r: int(r["seed"]))
        if own:
            lines.append(line(row, own))
    head = ["command", "at least", "mean ± spread over seeds", "each seed", "beside", "parameters",
            "CPU of the whole process"]  # fmt: skip
    results_page.write("figures", results_page.machine() + "\n\n" + results_page.table(head, lines))


def main() -> None:
    """Measure what is missing, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--jobs", type=int, default=1, help="trainings at once, one thread each")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", default="", help="names of rows, with commas between")
    parser.add_argument("--again", action="store_true", help="measure anew what is there")
    chosen = parser.parse_args()
    wanted = [row for row in ROWS if not chosen.only or row.name in chosen.only.split(",")]
    rows = {row.name: row for row in wanted}
    done = {
        (entry["name"], entry["seed"])
        for entry in load()
        if entry["name"] in rows and not chosen.again and is_current(entry, rows[entry["name"]])
    }
    jobs = [(r, seed) for seed in range(chosen.seeds) for r in wanted if (r.name, seed) not in done]

    def one(job: tuple[Row, int]) -> None:
        record = measure(*job)
        keep(record)
        figure = value(record, job[0].unit)
        print(f"{record['name']:<20} seed {record['seed']}  {figure:7.2f} {job[0].unit}  "
              f"{record['cpu_seconds']:6.0f} CPU s", flush=True)  # fmt: skip

    with ThreadPoolExecutor(chosen.jobs) as pool:
        list(pool.map(one, jobs))
    write_page()
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{children.ru_utime + children.ru_stime:.0f} CPU seconds in all")


if __name__ == "__main__":
    main()
