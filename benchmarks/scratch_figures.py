"""Measures what the networks of `pellucid scratch` reach on MNIST: three seeds each, test set.

    python benchmarks/scratch_figures.py [--seeds 3] [--only linear,dense]

Each training is a process of its own with one thread. What is measured is kept in
`benchmarks/measured/scratch.json`, so that the script can be stopped and started again; `--again`
measures anew.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import results_page

MEASURED = Path(__file__).resolve().parent / "measured" / "scratch.json"
LEAST = {"linear": 92.0, "dense": 97.5, "lenet": 98.5, "recurrent": None, "transformer": None}
"""Network → the least share of right answers that it must reach, in %."""
CHOSEN = ("epochs", "batch_size", "learning_rate", "weight_decay")


def measure(net: str, seed: int) -> dict[str, Any]:
    """One training, with the CPU seconds of the whole process."""
    words = ["scratch", "mnist", "--net", net, "--seed", str(seed), "--json", "-"]
    process = subprocess.Popen(
        [sys.executable, "-m", "pellucid", *words],
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    text = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{net}, seed {seed}: ended with {process.returncode}: {text.decode()}")
    result = json.loads(text)
    kept = ("net", "seed", "parameters", *CHOSEN)
    return {
        **{key: result[key] for key in kept},
        "test": 100 * result["test"]["accuracy"],
        "validation": 100 * result["validation"]["accuracy"],
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
    }


def load() -> list[dict[str, Any]]:
    """What was measured before."""
    found: list[dict[str, Any]] = json.loads(MEASURED.read_text()) if MEASURED.exists() else []
    return found


def keep(record: dict[str, Any]) -> None:
    """Add one measurement, in place of an older one of the same network and seed."""
    same = (record["net"], record["seed"])
    others = [entry for entry in load() if (entry["net"], entry["seed"]) != same]
    MEASURED.write_text(json.dumps([*others, record], indent=1) + "\n")


def line(net: str, records: list[dict[str, Any]]) -> list[str]:
    """One line of the table."""
    values = [record["test"] for record in records]
    spread = f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else ""
    checked = statistics.mean(record["validation"] for record in records)
    cpu = statistics.median(record["cpu_seconds"] for record in records)
    first, least = records[0], LEAST[net]
    return [
        f"`scratch mnist --net {net}`",
        f"{least:g} %" if least else "–",
        f"**{statistics.mean(values):.2f}**{spread} %",
        ", ".join(f"{value:.2f}" for value in values),
        f"{checked:.2f} %",
        f"{first['parameters']:,}",
        f"{first['epochs']} × {first['batch_size']} at {first['learning_rate']:g}, "
        f"{first['weight_decay']:g}",
        f"{cpu:.0f} s",
    ]


def write_page() -> None:
    """The table of all that is measured, into the results page."""
    rows = []
    for net in LEAST:
        records = sorted((r for r in load() if r["net"] == net), key=lambda r: int(r["seed"]))
        if records:
            rows.append(line(net, records))
    head = ["command", "at least", "test, mean ± spread over seeds", "each seed", "validation",
            "parameters", "epochs × batch at rate, weight decay",
            "CPU of the whole process"]  # fmt: skip
    words = (
        f"{results_page.machine()} NumPy {version('numpy')}, one thread. The cores were shared "
        "with other work, so CPU seconds are upper bounds. PyTorch was not loaded."
    )
    results_page.write("scratch", words + "\n\n" + results_page.table(head, rows))


def main() -> None:
    """Measure what is missing, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", default="", help="names of networks, with commas between")
    parser.add_argument("--again", action="store_true", help="measure anew what is there")
    asked = parser.parse_args()
    nets = [net for net in LEAST if not asked.only or net in asked.only.split(",")]
    done = set() if asked.again else {(entry["net"], entry["seed"]) for entry in load()}
    jobs = [(net, seed) for seed in range(asked.seeds) for net in nets]
    for net, seed in (job for job in jobs if job not in done):
        record = measure(net, seed)
        keep(record)
        print(f"{net:<12} seed {seed}  {record['test']:.2f} %  {record['cpu_seconds']:.0f} CPU s",
              flush=True)  # fmt: skip
        write_page()
    write_page()


if __name__ == "__main__":
    main()
