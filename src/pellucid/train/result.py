"""What a training came to: judged on validation and on the sealed test set, written down."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import torch
from torch import Tensor, nn

from pellucid.base.records import Record, append_json_line, write_json
from pellucid.data.dataset import Dataset, Split
from pellucid.train.checkpoint import save_tensors
from pellucid.train.evaluate import Evaluation, evaluate
from pellucid.train.hardening import adversary_of, robustness
from pellucid.train.runs import Run
from pellucid.train.task import Task
from pellucid.train.verdict import verdict
from pellucid.train.watcher import Training, Watcher

SLIM = ("confusion", "per_class", "calibration")
"""Parts of a summary that stay in `evaluation/` and out of `result.json`."""


def judge_split(
    run: Run, network: nn.Module, task: Task, data: Dataset, split: Split, name: str
) -> Record:
    """Evaluate one split, write `evaluation/<name>.json` and `.safetensors`, return the summary."""
    device = next(network.parameters()).device
    evaluation = evaluate(network, task, split, device, seed=0, keep=True)
    with torch.inference_mode():
        beside = task.beside(network, data, split, device) if name == _main_split(run) else {}
    summary = {**evaluation.summary, **beside}
    folder = run.folder / "evaluation"
    write_json(folder / f"{name}.json", summary)
    save_tensors(folder / f"{name}.safetensors", _tensors(evaluation, split), {"split": name})
    return summary


def _main_split(run: Run) -> str:
    """The split that the verdict speaks of."""
    return "test" if run.environment.get("look_at_test", True) else "validation"


def _tensors(evaluation: Evaluation, split: Split) -> dict[str, Tensor]:
    judged = {name: torch.from_numpy(values) for name, values in evaluation.judged.items()}
    kept = {f"kept.{name}": values for name, values in evaluation.keepsakes.items()}
    return {**judged, **kept, "labels": torch.from_numpy(split.labels)}


@contextmanager
def writing_looks(run: Run, data: Dataset) -> Iterator[None]:
    """Inside the block every look at the test set is written into the run."""

    def note(reason: str, examples: int) -> None:
        append_json_line(
            run.folder / "looks.jsonl",
            {
                "time": datetime.now(UTC).isoformat(timespec="seconds"),
                "reason": reason,
                "examples": examples,
            },
        )

    data.on_look.append(note)
    try:
        yield
    finally:
        data.on_look.remove(note)


def finish(
    run: Run, network: nn.Module, task: Task, data: Dataset, training: Training, watcher: Watcher
) -> Record:
    """Judge the network, write `result.json`, and tell the watchers."""
    watcher.on_stage(training, "judging on the validation split")
    full = {"validation": judge_split(run, network, task, data, data.validation, "validation")}
    main, asked = _main_split(run), data.validation
    if main == "test":
        watcher.on_stage(training, "judging on the sealed test split")
        with writing_looks(run, data):
            asked = data.open_test("the verdict at the end of training")
            full["test"] = judge_split(run, network, task, data, asked, "test")
    result = _result(run, task, training)
    result.update(full)
    adversary = adversary_of(run.recipe, network, task)
    if adversary:
        watcher.on_stage(training, f"attacking it on the {main} split")
        device = next(network.parameters()).device
        result["robust"] = {"split": main, **robustness(adversary, asked, device)}
    result["verdict"] = verdict(result, run.recipe, run.data, run.metrics)
    for name, summary in full.items():
        result[name] = {key: value for key, value in summary.items() if key not in SLIM}
    write_json(run.folder / "result.json", result)
    watcher.on_end(training, result)
    return result


def _result(run: Run, task: Task, training: Training) -> Record:
    recipe, now = run.recipe, training.progress
    begun: float = training.facts["begun"]
    result: dict[str, Any] = {
        "dataset": recipe.dataset,
        "net": recipe.net,
        "task": recipe.task,
        "seed": recipe.seed,
        "metric": task.metric,
        "parameters": training.parameters,
        "epochs": len(run.metrics),
        "steps": now.step,
        "best_epoch": now.best_epoch,
        "stopped": now.ended,
        "seconds": {"train": now.seconds, "total": time.perf_counter() - begun},
        "looks_at_test": len(run.looks),
        "run": str(run.folder),
        "run_name": run.name,
    }
    return result
