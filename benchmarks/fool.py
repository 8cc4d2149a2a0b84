"""Measures the single-pixel proof: its time against enumeration, its agreement, and other attacks.

    python benchmarks/fool.py [--only speed,agreement,evolution,pgd,table] [--runs FOLDER]

The networks are trained first (three epochs each) where the folder of runs does not hold them.
Times are CPU seconds of one thread, proof and enumeration side by side in one process. What was
measured is kept in `benchmarks/measured/fool.json`; the table goes into `docs/results.md`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import results_page
import torch

from pellucid.fool.asking import Asking, share_fooled
from pellucid.fool.attack import Task, run
from pellucid.fool.enumeration import answers
from pellucid.fool.opening import Which, of_run
from pellucid.fool.robustness import Labelled
from pellucid.fool.single_pixel import graph_of, prove
from pellucid.fool.victim import Victim
from pellucid.train.runs import load

MEASURED = Path(__file__).resolve().parent / "measured" / "fool.json"
NETWORKS = {
    "mnist-linear": ("mnist", "linear"),
    "mnist-dense": ("mnist", "dense"),
    "mnist-lenet": ("mnist", "lenet"),
    "mnist-convnet": ("mnist", "convnet"),
    "mnist-resnet-small": ("mnist", "resnet-small"),
    "digits-convnet": ("digits", "convnet"),
    "cifar-convnet": ("cifar10-pictures", "convnet"),
}
TABLE = ["mnist-linear", "mnist-dense", "mnist-lenet", "mnist-convnet"]
AGREEING = ("mnist-linear", "mnist-dense", "digits-convnet")


def trained(name: str, runs: Path) -> Path:
    """The folder of a network's run, trained first if it is not there."""
    folder = runs / name
    if not (folder / "result.json").is_file():
        data, net = NETWORKS[name]
        words = ["train", data, "--net", net, "--epochs", "3", "--no-test", "--no-report"]
        words += ["--runs", str(runs), "--name", name]
        subprocess.run([sys.executable, "-m", "pellucid", *words], check=True)
    return folder


def asked(name: str, runs: Path, count: int, test: bool = False) -> Victim:
    return of_run(load(trained(name, runs)), Which(count=count, test=test))


def cpu(do: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds, and what came out."""
    begun = time.process_time()
    made = do()
    return time.process_time() - begun, made


def speed(runs: Path, count: int) -> dict[str, Any]:
    """The proof of a picture against all 784 × 256 forwards, of which two rows are timed."""
    victim = asked("mnist-convnet", runs, count)
    graph = graph_of(victim)
    proofs = [cpu(lambda i=index: prove(victim, i, graph=graph)) for index in range(count)]
    height = victim.pictures.shape[2]
    rows = [cpu(lambda: answers(victim, victim.pictures[0], range(12, 13)))[0] for _ in range(3)]
    enumerating = min(rows) * height
    decided = sum(not proof.undecided for _, proof in proofs)
    middle = statistics.median(seconds for seconds, _ in proofs)
    return {
        "pictures": count,
        "decided": decided,
        "median": middle,
        "worst": max(seconds for seconds, _ in proofs),
        "enumeration": enumerating,
        "ratio": enumerating / middle,
        "fooled": sum(bool(proof.flips) for _, proof in proofs),
    }


def agreement(runs: Path, count: int) -> list[dict[str, Any]]:
    """Every level of every pixel, asked of the module, against what the proof says of it."""
    return [_agrees(asked(name, runs, count), name) for name in AGREEING]


def _agrees(victim: Victim, name: str) -> dict[str, Any]:
    graph, levels = graph_of(victim), torch.arange(256).double() / 255
    missed = wrong = flipping = open_ = 0
    for index in range(len(victim.pictures)):
        proof = prove(victim, index, graph=graph)
        found = answers(victim, victim.pictures[index]) != proof.answer
        claimed = torch.zeros_like(found)
        for flip in proof.flips:
            inside = (levels >= flip.low[0]) & (levels <= flip.high[0])
            claimed[flip.row, flip.column] |= inside
        unknown = torch.zeros_like(found)
        for flip in proof.flips:  # the ends of an interval are known to 1/65,536 only
            near = torch.minimum((levels - flip.low[0]).abs(), (levels - flip.high[0]).abs())
            unknown[flip.row, flip.column] |= (near < 2.0**-15) & (near > 0)
        for row, column, low, high in proof.open:
            unknown[row, column] |= (levels >= low[0]) & (levels <= high[0])
        flipping += int(found.sum())
        missed += int((found & ~claimed & ~unknown).sum())
        wrong += int((claimed & ~found & ~unknown).sum())
        open_ += len(proof.undecided)
    return {
        "name": name,
        "pictures": len(victim.pictures),
        "levels": victim.pictures[0].numel() * 256 * len(victim.pictures),
        "flipping": flipping,
        "missed": missed,
        "wrong": wrong,
        "undecided": open_,
    }


def evolution(runs: Path, count: int) -> dict[str, Any]:
    """The published one-pixel attack (400 candidates, 75 generations) on the same pictures."""
    victim = asked("mnist-linear", runs, count)
    graph = graph_of(victim)
    ours, proofs = cpu(lambda: [prove(victim, i, graph=graph) for i in range(count)])
    given = torch.tensor([proof.answer for proof in proofs])
    task = Task(victim, victim.pictures, given, 1.0)
    theirs, outcome = cpu(lambda: run("differential-evolution", task))
    by_proof = {place for place, proof in enumerate(proofs) if proof.flips}
    by_evolution = set(outcome.fooled.nonzero().flatten().tolist())
    return {
        "pictures": count,
        "proof_seconds": ours,
        "evolution_seconds": theirs,
        "by_proof": len(by_proof),
        "by_evolution": len(by_evolution),
        "only_evolution": len(by_evolution - by_proof),
    }


def pgd(runs: Path, count: int) -> dict[str, Any]:
    """Robust accuracy of our PGD against torchattacks' with the same settings."""
    import torchattacks

    victim = asked("mnist-dense", runs, count)
    known = Labelled.of(victim)

    class Whole(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            scores: torch.Tensor = victim.network(victim.given(x))
            return scores

    rows = []
    for budget in (0.05, 0.1, 0.2):
        settings = {"steps": 40, "step": budget / 4}
        task = Task(victim, victim.pictures, known.truth, budget, settings=settings)
        ours = 1 - float(run("pgd", task).fooled.double().mean())
        attack = torchattacks.PGD(Whole().eval(), eps=budget, alpha=budget / 4, steps=40)
        torch.manual_seed(0)
        changed = attack(victim.pictures.float(), known.truth).double().clamp(0, 1)
        theirs = float((victim.scores(changed).argmax(dim=1) == known.truth).double().mean())
        rows.append({"budget": budget, "ours": ours, "theirs": theirs})
    return {"pictures": count, "rows": rows}


def table(runs: Path, count: int) -> list[dict[str, Any]]:
    """The share of the first test pictures that one pixel can fool; goes on where it stopped."""
    rows = []
    for name in TABLE:
        victim = asked(name, runs, count, test=True)
        found = list(Asking(victim, runs / name / "fool").answers())
        seconds = statistics.median(one["seconds"] for one in found)
        rows.append({"name": name, "pictures": count, "seconds": seconds, **share_fooled(found)})
    return rows


def colour(runs: Path, count: int) -> dict[str, Any]:
    """How many colour pictures have a verdict within 60 s of one core: a flip, or all proved."""
    victim = asked("cifar-convnet", runs, count)
    graph, rows = graph_of(victim), []
    for index in range(count):
        seconds, proof = cpu(lambda i=index: prove(victim, i, 60.0, graph))
        rows.append({"seconds": seconds, "flipped": len(proof.flipped), "proved": proof.proved,
                     "undecided": len(proof.undecided)})  # fmt: skip
    verdicts = sum(row["flipped"] > 0 or row["undecided"] == 0 for row in rows)
    return {"pictures": count, "verdicts": verdicts, "rows": rows}


def write_page(measured: dict[str, Any]) -> None:
    """Everything that was measured, into the results page."""
    parts = [results_page.machine(), "CPU seconds of one thread, on a machine with other work."]
    for name, words in PARTS.items():
        if name in measured:
            parts.append(words(measured[name]))
    results_page.write("fool", "\n\n".join(parts))


def _speed(one: dict[str, Any]) -> str:
    return (
        f"**Proof of one MNIST picture, convnet** ({one['pictures']} validation pictures): all 784 "
        f"pixels decided for {one['decided']}; median {one['median']:.2f} s, at worst "
        f"{one['worst']:.2f} s. Enumerating 784 × 256 forwards in batches of 256 (one row of "
        f"pixels timed three times, the fastest, times 28): {one['enumeration']:.1f} s, "
        f"**{one['ratio']:.0f} times** as long."
    )


def _agreement(rows: list[dict[str, Any]]) -> str:
    head = ["network", "pictures", "changes asked", "of these flip", "missed by the proof",
            "claimed and not so", "undecided pixels"]  # fmt: skip
    lines = [
        [one["name"], str(one["pictures"])]
        + [f"{one[key]:,}" for key in ("levels", "flipping", "missed", "wrong", "undecided")]
        for one in rows
    ]
    return "**Against enumeration.**\n\n" + results_page.table(head, lines)


def _evolution(one: dict[str, Any]) -> str:
    return (
        f"**Against differential evolution as published** (400 candidates, 75 generations; "
        f"{one['pictures']} MNIST pictures, linear): it fools {one['by_evolution']} pictures in "
        f"{one['evolution_seconds']:.0f} s; the proof finds {one['by_proof']} in "
        f"{one['proof_seconds']:.0f} s, with every pixel and value. Found by evolution alone: "
        f"{one['only_evolution']}."
    )


def _pgd(one: dict[str, Any]) -> str:
    head = ["budget (ℓ∞)", "pellucid", "torchattacks 3.5.1"]
    lines = [
        [f"{row['budget']:g}", f"{100 * row['ours']:.1f} %", f"{100 * row['theirs']:.1f} %"]
        for row in one["rows"]
    ]
    told = f"**PGD**, 40 steps of a quarter of the budget, {one['pictures']} MNIST pictures, dense."
    return told + " Robust accuracy:\n\n" + results_page.table(head, lines)


def _table(rows: list[dict[str, Any]]) -> str:
    head = ["network", "test pictures", "read rightly", "one pixel fools", "95 % interval",
            "undecided", "median time"]  # fmt: skip
    lines = [
        [
            one["name"],
            f"first {one['pictures']:,}",
            f"{one['asked']:,}",
            f"**{100 * one['share_fooled']:.1f} %** ({one['fooled']})",
            f"{100 * one['low']:.1f} % to {100 * one['high']:.1f} %",
            str(one["undecided"]),
            f"{one['seconds']:.2f} s",
        ]
        for one in rows
    ]
    return "**The share of pictures that one pixel can fool.**\n\n" + results_page.table(
        head, lines
    )


def _colour(one: dict[str, Any]) -> str:
    return (
        f"**Colour** (CIFAR-10 pictures, convnet, {one['pictures']} pictures, at most 60 s each): "
        f"{one['verdicts']} have a verdict, a reproduced flip or a proof of all pixels."
    )


PARTS: dict[str, Callable[[Any], str]] = {
    "speed": _speed,
    "agreement": _agreement,
    "evolution": _evolution,
    "pgd": _pgd,
    "table": _table,
    "colour": _colour,
}
MEASURES: dict[str, tuple[Callable[[Path, int], Any], int]] = {
    "speed": (speed, 100),
    "agreement": (agreement, 200),
    "evolution": (evolution, 100),
    "pgd": (pgd, 1000),
    "table": (table, 1000),
    "colour": (colour, 10),
}


def main() -> None:
    """Measure what was asked for, keep it, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--only", default=",".join(MEASURES), help="parts, with commas between")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where the networks are")
    parser.add_argument("--networks", help="for the table, instead of all four")
    parser.add_argument("--count", type=int, help="pictures, instead of each part's own number")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    if chosen.networks:
        TABLE[:] = chosen.networks.split(",")
    measured: dict[str, Any] = {}
    for name in chosen.only.split(","):
        measure, count = MEASURES[name]
        found = measure(chosen.runs, chosen.count or count)
        measured = json.loads(MEASURED.read_text()) if MEASURED.exists() else {}
        measured[name] = found  # another part may have been measured beside this one
        MEASURED.write_text(json.dumps(measured, indent=1) + "\n")
        print(name, json.dumps(measured[name])[:400], flush=True)
    write_page(measured)


if __name__ == "__main__":
    main()
