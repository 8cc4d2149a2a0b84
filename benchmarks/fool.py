"""Measures the single-pixel proof: its time against enumeration, its agreement, and other attacks.

    python benchmarks/fool.py [--only speed,agreement,evolution,pgd,table,hunted] [--runs FOLDER]

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

import torch
from fool_page import LIMIT, write_page

from pellucid.fool.asking import share_fooled
from pellucid.fool.attack import Task, run
from pellucid.fool.enumeration import answers
from pellucid.fool.opening import Which, of_run
from pellucid.fool.robustness import Labelled
from pellucid.fool.single_pixel import Question, graph_of, prove
from pellucid.fool.victim import Victim, fingerprint
from pellucid.train.runs import load

MEASURED = Path(__file__).resolve().parent / "measured" / "fool.json"
NETWORKS = {
    "mnist-linear": ("mnist", "linear"),
    "mnist-dense": ("mnist", "dense"),
    "mnist-lenet": ("mnist", "lenet"),
    "mnist-convnet": ("mnist", "convnet"),
    "mnist-resnet-small": ("mnist", "resnet-small"),
    "digits-convnet": ("digits", "convnet"),
    "cifar-linear": ("cifar10-pictures", "linear"),
    "cifar-dense": ("cifar10-pictures", "dense"),
    "cifar-lenet": ("cifar10-pictures", "lenet"),
    "cifar-convnet": ("cifar10-pictures", "convnet"),
    "cifar-resnet-small": ("cifar10-pictures", "resnet-small"),
}
TABLE = [name for name in NETWORKS if not name.startswith("digits")]
AGREEING = ["mnist-linear", "mnist-dense", "digits-convnet"]
EVOLVED = ["mnist-linear", "mnist-convnet"]
HUNTED = ["mnist-linear", "mnist-dense", "mnist-lenet", "mnist-convnet"]


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


def speed(runs: Path, count: int, names: list[str]) -> dict[str, Any]:
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


def agreement(runs: Path, count: int, names: list[str]) -> list[dict[str, Any]]:
    """Every level of every pixel, asked of the module, against what the proof says of it."""
    return [_agrees(asked(name, runs, count), name) for name in names or AGREEING]


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


def evolution(runs: Path, count: int, names: list[str]) -> list[dict[str, Any]]:
    """The published one-pixel attack (400 candidates, 75 generations) on the same pictures."""
    return [_evolved(asked(name, runs, count), name) for name in names or EVOLVED]


def _evolved(victim: Victim, name: str) -> dict[str, Any]:
    count, graph = len(victim.pictures), graph_of(victim)
    ours, proofs = cpu(lambda: [prove(victim, i, graph=graph) for i in range(count)])
    given = torch.tensor([proof.answer for proof in proofs])
    task = Task(victim, victim.pictures, given, 1.0)
    theirs, outcome = cpu(lambda: run("differential-evolution", task))
    by_proof = {place for place, proof in enumerate(proofs) if proof.flips}
    by_evolution = set(outcome.fooled.nonzero().flatten().tolist())
    return {
        "name": name,
        "pictures": count,
        "proof_seconds": ours,
        "evolution_seconds": theirs,
        "by_proof": len(by_proof),
        "by_evolution": len(by_evolution),
        "only_evolution": len(by_evolution - by_proof),
    }


def pgd(runs: Path, count: int, names: list[str]) -> dict[str, Any]:
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


def table(runs: Path, count: int, names: list[str]) -> list[dict[str, Any]]:
    """The share of rightly read test pictures that one pixel can fool."""
    return [_row(asked(name, runs, count, test=True), name, runs) for name in names or TABLE]


def _row(victim: Victim, name: str, runs: Path) -> dict[str, Any]:
    """One network."""
    records = _verdicts(victim, name, runs)
    times = [one["seconds"] for one in records if one["answer"] == one["label"]]
    return {
        "name": name,
        "pictures": len(records),
        "seconds": statistics.median(times),
        **share_fooled(records),
    }


def _verdicts(victim: Victim, name: str, runs: Path) -> list[dict[str, Any]]:
    """Of every picture; each is kept when it is done, and not asked about again."""
    graph, weights = graph_of(victim), fingerprint(victim.network)
    path = runs / name / "fool" / f"table-{weights[:12]}.json"
    path.parent.mkdir(exist_ok=True)
    known = json.loads(path.read_text()) if path.is_file() else []
    done = {record["index"]: record for record in known}
    for place, index in enumerate(victim.numbers):
        if index not in done:
            answer, label = victim.answer_to(victim.pictures[place]), victim.labels[place]
            asked = {"answer": answer, "flipped": 0, "undecided": 0}
            if answer == label:
                asked = _verdict(Question(victim, place, graph))
            done[index] = asked | {"index": index, "label": label}
            path.write_text(json.dumps(list(done.values())))
    return [done[index] for index in victim.numbers]


def _verdict(question: Question) -> dict[str, Any]:
    """Ask until it is known whether one pixel fools the network, for `LIMIT` CPU seconds.

    In colour the first flip ends it; in grey all pixels are decided.
    """
    begun, search = time.process_time(), question.search
    is_colour = question.bounds.channels > 1

    def stopped() -> bool:
        fooled = is_colour and (bool(search.flipping) or len(search.found.flips) > 0)
        return fooled or time.process_time() - begun > LIMIT

    question.ask(stopped=stopped)
    proof = question.proof()
    return {
        "answer": proof.answer,
        "flipped": len(proof.flipped),
        "undecided": len(proof.undecided),
        "seconds": time.process_time() - begun,
    }


def hunted(runs: Path, count: int, names: list[str]) -> list[dict[str, Any]]:
    """The published attack on those pictures of the table that one pixel can fool."""
    return [_hunted(asked(name, runs, count, test=True), name, runs) for name in names or HUNTED]


def _hunted(victim: Victim, name: str, runs: Path) -> dict[str, Any]:
    records = _verdicts(victim, name, runs)
    fooled = [place for place, one in enumerate(records)
              if one["flipped"] and one["answer"] == one["label"]]  # fmt: skip
    given = torch.tensor([records[place]["answer"] for place in fooled])
    task = Task(victim, victim.pictures[fooled], given, 1.0)
    seconds, outcome = cpu(lambda: run("differential-evolution", task))
    return {
        "name": name,
        "pictures": len(fooled),
        "proof_seconds": sum(records[place]["seconds"] for place in fooled),
        "evolution_seconds": seconds,
        "by_evolution": int(outcome.fooled.sum()),
    }


MEASURES: dict[str, tuple[Callable[[Path, int, list[str]], Any], int]] = {
    "speed": (speed, 100),
    "agreement": (agreement, 200),
    "evolution": (evolution, 100),
    "pgd": (pgd, 1000),
    "table": (table, 1000),
    "hunted": (hunted, 1000),
}


def _with_others(rows: Any, before: Any) -> Any:
    """The new rows among those of other networks, in the order of `NETWORKS`."""
    if not isinstance(rows, list):
        return rows
    named = {row["name"]: row for row in [*(before or []), *rows]}
    return [named[name] for name in NETWORKS if name in named]


def main() -> None:
    """Measure what was asked for, keep it, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--only", default=",".join(MEASURES), help="parts, with commas between")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where the networks are")
    parser.add_argument("--networks", default="", help="of parts with a row for each; others stay")
    parser.add_argument("--count", type=int, help="pictures, instead of each part's own number")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    names = [name for name in chosen.networks.split(",") if name]
    measured: dict[str, Any] = {}
    for name in chosen.only.split(","):
        measure, count = MEASURES[name]
        found = measure(chosen.runs, chosen.count or count, names)
        measured = json.loads(MEASURED.read_text()) if MEASURED.exists() else {}
        # another part, or another row, may have been measured beside this one
        measured[name] = _with_others(found, measured.get(name)) if names else found
        MEASURED.write_text(json.dumps(measured, indent=1) + "\n")
        print(name, json.dumps(measured[name])[:400], flush=True)
    write_page(measured)


if __name__ == "__main__":
    main()
