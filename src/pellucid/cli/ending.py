"""How a training ends for the person who started it: verdict, report, and what to type next."""

from __future__ import annotations

from pathlib import Path

from pellucid.base.records import Record, read_json_lines, to_json, write_text
from pellucid.cli.output import Voice
from pellucid.data.dataset import Dataset
from pellucid.train.runs import Run, load
from pellucid.train.watcher import Training, Watcher

LONG, FEW = 78, 3
"""Signs that do not fit into a line, and how many texts are shown that are longer."""


class Ending(Watcher):
    """Tells how a training ended while its run is still locked: nobody deletes it meanwhile.

    Without the data no report is written.
    """

    def __init__(self, voice: Voice, dataset: Dataset | None) -> None:
        self.voice, self.dataset = voice, dataset

    def on_end(self, training: Training, result: Record) -> None:
        end_run(self.voice, load(training.folder), self.dataset)


def end_run(voice: Voice, run: Run, dataset: Dataset | None) -> None:
    """Print the verdict, write the report, and the JSON object where it is asked for.

    Without the data no report is written.
    """
    result = run.result
    words = result["verdict"]
    voice.people.print(f"\n[bold]{words['headline']}[/]")
    for sentence in words["sentences"]:
        voice.people.print(sentence)
    samples = read_json_lines(run.folder / "samples.jsonl")
    if samples:
        _print_texts(voice, samples[-1]["texts"])
    seconds = result["seconds"]
    voice.people.print(
        f"Best epoch {result['best_epoch']} of {result['epochs']}, {result['steps']:,} steps in "
        f"{seconds['train']:.1f} s; looks at the test set: {result['looks_at_test']}."
    )
    ended = _why_early(run)
    if ended:
        voice.people.print(ended)
    if words["next"]:
        voice.people.print("\nWhat to try next:")
        for step in words["next"]:
            voice.people.print(f"  • {step}", markup=False)
    voice.people.print(f"\nRun:     {run.folder}", markup=False)
    try:
        if dataset is not None:
            voice.people.print(f"Report:  {write_report(run, dataset)}", markup=False)
    finally:
        voice.record(result)


def _why_early(run: Run) -> str:
    """Why it trained for fewer epochs than were asked for; empty if it did not."""
    result, recipe = run.result, run.recipe
    why = {
        "until": f"validation reached {recipe.until:g} (--until)",
        "patience": f"no better epoch came in {recipe.patience:g} (--patience)",
        "interrupted": "you stopped it",
    }.get(result["stopped"])
    return f"Ended after {result['epochs']} of {recipe.epochs:g} epochs: {why}." if why else ""


def _print_texts(voice: Voice, texts: list[str]) -> None:
    """Texts of a line in a list; of longer ones, which do not fit there, the first few."""
    voice.people.print("It writes by now:", markup=False)
    if all("\n" not in text and len(text) < LONG for text in texts):
        for text in texts:
            voice.people.print(f"  {text}", markup=False)
        return
    for number, text in enumerate(texts[:FEW], start=1):
        voice.people.rule(f"{number}", style="dim")
        voice.people.print(text, markup=False, soft_wrap=True)
    voice.people.rule(style="dim")


def write_report(run: Run, dataset: Dataset) -> Path:
    """Look inside the finished network, write some numbers out, and draw the page."""
    from pellucid.explain.first import first_explanations
    from pellucid.inside import look
    from pellucid.report import write

    look(run, dataset)
    kept = first_explanations(run, dataset)
    if kept:
        lines = (to_json(record, indent=None) for record in kept)
        write_text(run.folder / "explanations.jsonl", "\n".join(lines) + "\n")
    return write(run.folder)
