"""CPU seconds until 99.0 % and 99.2 % of MNIST's test digits are read, against other trainers.

    python benchmarks/time_to_accuracy.py [--seeds 3] [--jobs 2]

Every training is a process of its own with one thread; the trainers take turns. The floor is what
the multiply-adds alone would take at the rate that a plain matrix product reaches here.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import results_page

FOLDER = Path(__file__).resolve().parent / "trainers"
MEASURED = Path(__file__).resolve().parent / "measured" / "time_to_accuracy.json"
TARGETS = (0.990, 0.992)
TRAINERS = {
    "ours": "`pellucid.fit`, convnet, one-cycle over 0.75 and 1.5 epochs",
    "skorch_ours": "the same network and recipe, trained by skorch (1 and 2 epochs)",
    "keras_convnet": "official Keras convnet, torch backend (15 epochs)",
    "pytorch_example": "official PyTorch example (14 epochs)",
}
WITH_ONE_CYCLE = ("ours", "skorch_ours")
"""Trainers whose recipe is made for a target: each target is a training of its own."""

Looks = list[dict[str, float]]
Found = dict[str, dict[str, dict[str, Looks]]]
"""By trainer, target and seed: the looks at the test digits."""


def train(trainer: str, seed: int, target: float) -> Looks:
    """Run one trainer and return its looks at the test digits."""
    done = subprocess.run(
        [sys.executable, str(FOLDER / f"{trainer}.py"), str(seed), str(target)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{trainer}, seed {seed}: {done.stderr[-2000:]}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"train"')]


def measure(seeds: int, jobs: int) -> Found:
    """All trainers in turn, seed by seed; what is measured is kept as it comes."""
    found: Found = json.loads(MEASURED.read_text()) if MEASURED.exists() else {}
    lock = threading.Lock()

    def one(trainer: str, seed: int, target: float) -> None:
        looks = train(trainer, seed, target)
        with lock:
            found.setdefault(trainer, {}).setdefault(str(target), {})[str(seed)] = looks
            print(f"{trainer:>16} seed {seed}: {looks[-1]}", flush=True)
            MEASURED.parent.mkdir(exist_ok=True)
            MEASURED.write_text(json.dumps(found, indent=1) + "\n")

    missing = [
        (trainer, seed, target)
        for seed in range(seeds)
        for trainer in TRAINERS
        for target in (TARGETS if trainer in WITH_ONE_CYCLE else TARGETS[-1:])
        if str(seed) not in found.get(trainer, {}).get(str(target), {})
    ]
    with ThreadPoolExecutor(jobs) as pool:
        for done in [pool.submit(one, *entry) for entry in missing]:
            done.result()
    return found


def reached(runs: list[Looks], target: float, what: str) -> list[float | None]:
    """For each seed the seconds at the first look that reached the target, or None."""
    return [
        next((look[what] for look in looks if look["accuracy"] >= target), None) for looks in runs
    ]


def middle(values: list[float | None]) -> float | None:
    """The median; not reached counts as later than everything."""
    ordered = sorted(values, key=lambda value: float("inf") if value is None else value)
    return ordered[len(ordered) // 2]


def matrix_rate() -> float:
    """Floating-point operations a CPU second that a 1024 × 1024 product reaches on one thread."""
    import torch

    torch.set_num_threads(1)
    a, b = torch.randn(1024, 1024), torch.randn(1024, 1024)
    rates = []
    for _ in range(20):
        begun = time.process_time()
        a @ b
        rates.append(2 * 1024**3 / (time.process_time() - begun))
    return statistics.median(rates)


def floor(target: float) -> tuple[float, int, int]:
    """Seconds that the multiply-adds of our recipe alone would take; their number; examples."""
    sys.path.insert(0, str(FOLDER))
    import torch
    from ours import recipe_for
    from torch.utils.flop_counter import FlopCounterMode

    from pellucid.nets.convnet import build

    network = build((1, 28, 28), 10).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(1, 1, 28, 28))
    adds = counter.get_total_flops() // 2
    recipe = recipe_for(target, 0)
    examples = recipe.steps(55_000 // recipe.batch_size) * recipe.batch_size
    return adds * 6 * examples / matrix_rate(), adds, examples


def page(found: Found) -> str:
    """The table, and the floor beneath it."""
    rows = []
    own: dict[float, float | None] = {}
    for trainer, title in TRAINERS.items():
        cells = [title]
        for target in TARGETS:
            by_seed = found[trainer].get(str(target)) or found[trainer][str(TARGETS[-1])]
            runs = list(by_seed.values())
            train_seconds = middle(reached(runs, target, "train"))
            whole = middle(reached(runs, target, "process"))
            if trainer == "ours":
                own[target] = train_seconds
            mine = own[target]
            if train_seconds is None or whole is None:
                cells += ["not reached", "–", "–"]
            else:
                ratio = f"{train_seconds / mine:.1f} ×" if mine else "–"
                cells += [f"{train_seconds:.1f} s", f"{whole:.1f} s", ratio]
        final = statistics.mean(looks[-1]["accuracy"] for looks in runs)
        rows.append([*cells, f"{100 * final:.2f} %"])
    head = ["trainer"]
    for target in TARGETS:
        head += [f"to {100 * target:.1f} %: training", "whole process", "against ours"]
    lines = [
        results_page.machine(),
        "",
        results_page.table([*head, "where it ended, mean"], rows),
        "",
    ]
    for target in TARGETS:
        seconds, adds, examples = floor(target)
        mine = own[target]
        share = f"; ours takes {mine / seconds:.1f} times that" if mine else ""
        lines.append(
            f"Floor at {100 * target:.1f} %: {adds:,} multiply-adds × 6 × {examples:,} examples "
            f"would take {seconds:.1f} CPU seconds at the rate of a plain matrix product{share}."
        )
    return "\n".join(lines)


def main() -> None:
    """Measure, then write the page."""
    parser = argparse.ArgumentParser(description="time to accuracy")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=1, help="trainings at the same time")
    chosen = parser.parse_args()
    results_page.write("time-to-accuracy", page(measure(chosen.seeds, chosen.jobs)))


if __name__ == "__main__":
    main()
