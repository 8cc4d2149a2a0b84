"""Measures how much of what well-known networks compute is explained, and whether it agrees.

    python benchmarks/scope.py [--only "U-Net;GRU"] [--numbers 2000]

Each network gets one forward pass, one backward pass and one step of an optimiser, recorded; then
numbers are drawn uniformly from everything recorded and each is asked where it comes from. What is
measured is kept in `benchmarks/measured/scope.json`, network by network.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import results_page
import torch
from scope_networks import SUBJECTS, Subject
from torch.optim import SGD, Adam, AdamW, Optimizer

from pellucid.explain.explained import Explained, NotCovered
from pellucid.explain.record import record
from pellucid.explain.recorded import Number, Recorded

MEASURED = Path(__file__).resolve().parent / "measured" / "scope.json"
OPTIMISERS: dict[str, Callable[[Any], Optimizer]] = {
    "Adam": Adam,
    "AdamW": AdamW,
    "SGD": lambda weights: SGD(weights, lr=0.01, momentum=0.9, weight_decay=1e-4),
}
"""Taken in turn, from one network to the next."""


def recorded(subject: Subject, optimiser: str) -> Recorded:
    """One step; made once before, so that the optimiser has a memory."""
    steps = OPTIMISERS[optimiser](subject.network.parameters())
    subject.loss(subject.network(*subject.inputs)).backward()
    steps.step()
    return record(subject.network, *subject.inputs, loss=subject.loss, optimiser=steps)


def asked(number: Number) -> tuple[Explained | NotCovered, float]:
    """What is said about a number, and the CPU seconds that it took."""
    begun = time.process_time()
    told = number.explain()
    return told, time.process_time() - begun


def measure(name: str, numbers: int, small: bool = False) -> dict[str, Any]:
    """Everything that stands in one line of the table."""
    torch.manual_seed(0)
    subject = SUBJECTS[name](small)
    optimiser = list(OPTIMISERS)[list(SUBJECTS).index(name) % len(OPTIMISERS)]
    recording = recorded(subject, optimiser)
    drawn = recording.sample(numbers, seed=0)
    drawn[0].explain()  # loads the rules, which happens once in a process
    told, seconds = zip(*map(asked, drawn), strict=True)
    explained = [one for one in told if isinstance(one, Explained)]
    slowest = max(range(numbers), key=lambda place: seconds[place])
    where = told[slowest].where
    ratios = [one.difference / one.bound for one in explained if one.bound]
    missing = Counter(one.call for one in told if isinstance(one, NotCovered))
    return {
        "name": name,
        "optimiser": optimiser,
        "parameters": sum(weight.numel() for weight in subject.network.parameters()),
        "calls": len(recording.calls),
        "recorded": sum(k.numel() for call in recording.calls for _, k in call.results()),
        "asked": numbers,
        "explained": len(explained),
        "agree": sum(one.agrees for one in explained),
        "not_covered": dict(missing),
        "largest_difference_to_bound": max(ratios, default=0.0),
        "median_ms": 1000 * statistics.median(seconds),
        "slowest_ms": 1000 * seconds[slowest],
        "slowest": where.call if where else "",
        "over_20_ms": sum(second > 0.02 for second in seconds),
        "disagreeing": sorted(
            {one.where.call for one in explained if not one.agrees and one.where}
        ),
    }


def load() -> dict[str, dict[str, Any]]:
    """What was measured before, by the network's name."""
    if not MEASURED.exists():
        return {}
    return {entry["name"]: entry for entry in json.loads(MEASURED.read_text())}


def keep(found: dict[str, Any]) -> None:
    """Add one line, in place of an older one of the same network."""
    lines = {**load(), found["name"]: found}
    MEASURED.parent.mkdir(exist_ok=True)
    ordered = [lines[name] for name in SUBJECTS if name in lines]
    MEASURED.write_text(json.dumps(ordered, indent=1) + "\n")


def line(found: dict[str, Any]) -> list[str]:
    """One line of the table."""
    explained, agree = found["explained"], found["agree"]
    missing = ", ".join(f"`{call}` {count}" for call, count in found["not_covered"].items())
    return [
        found["name"],
        f"{found['parameters']:,}",
        found["optimiser"],
        f"{found['calls']:,}",
        f"{found['recorded'] / 1e6:,.1f}",
        f"{100 * explained / found['asked']:.2f} %",
        f"{100 * agree / explained:.2f} %",
        missing or "–",
        f"{found['largest_difference_to_bound']:.2f}",
        f"{found['median_ms']:.2f} ms",
        f"{found['slowest_ms']:.1f} ms",
        str(found["over_20_ms"]),
    ]


def write_page() -> None:
    """The table of all that is measured, into the results page."""
    found = list(load().values())
    head = ["network", "parameters", "optimiser", "calls", "numbers recorded, in millions",
            "explained", "of these agree", "not covered", "largest difference / bound",
            "one explanation, median", "slowest", "over 20 ms"]  # fmt: skip
    results_page.write(
        "scope", results_page.machine() + "\n\n" + results_page.table(head, list(map(line, found)))
    )


def main() -> None:
    """Measure, keep and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--only", default="", help="names of networks, with ; between")
    parser.add_argument("--numbers", type=int, default=2000)
    parser.add_argument("--again", action="store_true", help="measure anew what is there")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    wanted = [part.strip() for part in chosen.only.split(";")] if chosen.only else list(SUBJECTS)
    for name in wanted:
        if name in load() and not chosen.again:
            continue
        found = measure(name, chosen.numbers)
        keep(found)
        print(" | ".join(line(found)), found["slowest"], found["disagreeing"], flush=True)
        gc.collect()
    write_page()


if __name__ == "__main__":
    main()
