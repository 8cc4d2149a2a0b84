"""Train a network on real data and see how it learned."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pellucid.cli.output import JsonPath, RunsFolder, Voice

if TYPE_CHECKING:
    from pellucid.data.dataset import Dataset
    from pellucid.train.recipe import Recipe
    from pellucid.train.watcher import Watcher

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command(
    epilog="Examples:  pellucid train digits   ·   pellucid train mnist --net dense --seed 1   ·   "
    "pellucid train my-pictures/ --epochs 30"
)
def train(
    data: Annotated[
        str,
        typer.Argument(
            help="A data set (see: pellucid data list), a folder of pictures with one sub-folder "
            "a class, or a text file."
        ),
    ],
    net: Annotated[
        str | None,
        typer.Option(help="A network (see: pellucid nets list), or your own module:factory."),
    ] = None,
    task: Annotated[
        str | None, typer.Option(help="classify, denoise, inpaint or next-symbol.")
    ] = None,
    pairs: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Any choice of the recipe, the network, the task or the data, e.g. noise=0.5.",
        ),
    ] = None,
    epochs: Annotated[
        float | None, typer.Option(help="Passes over the training data; 0.5 is half of one.")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(help="Examples a step.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="The highest rate.")] = None,
    optimiser: Annotated[
        str | None, typer.Option(help="sgd, momentum, nesterov, rmsprop, adam or adamw.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Every source of chance follows from it.")
    ] = None,
    until: Annotated[
        float | None, typer.Option(help="Stop when validation reaches this value, e.g. 0.99.")
    ] = None,
    patience: Annotated[
        int | None, typer.Option(help="Stop after so many epochs without a better one.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:1, …")] = None,
    precision: Annotated[str | None, typer.Option(help="auto, float32 or bf16.")] = None,
    find_rate: Annotated[
        bool, typer.Option("--find-rate", help="Only test which learning rates work.")
    ] = False,
    overfit: Annotated[
        int | None,
        typer.Option(metavar="N", help="Only see whether N examples can be learned by heart."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Send two batches through everything; keep nothing.")
    ] = False,
    no_test: Annotated[
        bool, typer.Option("--no-test", help="Leave the test set sealed: judge on validation.")
    ] = False,
    no_report: Annotated[
        bool, typer.Option("--no-report", help="Write no report.html (pellucid report does later).")
    ] = False,
    no_doctor: Annotated[
        bool, typer.Option("--no-doctor", help="Do not watch for what goes wrong in it.")
    ] = False,
    skip_broken: Annotated[
        bool, typer.Option("--skip-broken", help="Leave out pictures that cannot be read.")
    ] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Never use the network.")] = False,
    runs: RunsFolder = None,
    name: Annotated[str | None, typer.Option(help="The run's name.")] = None,
    json: JsonPath = None,
) -> None:
    """Train a network on real data; ends with a verdict and a report to look at."""
    from pellucid.cli.choices import choose

    voice = Voice(json)
    if offline:
        os.environ["PELLUCID_OFFLINE"] = "1"
    options = {
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "optimiser": optimiser,
        "seed": seed,
        "until": until,
        "patience": patience,
        "device": device,
        "precision": precision,
    }
    chosen = [*(pairs or []), *(["skip_broken=true"] if skip_broken else [])]
    if find_rate or overfit is not None or dry_run:
        _check_alone()
    dataset, recipe = choose(data, net, task, chosen, options)
    for note in dataset.notes if os.environ.get("RANK", "0") == "0" else ():
        voice.log.print(f"Note: {note}", markup=False)
    if find_rate:
        _find_rate(voice, dataset, recipe)
    elif overfit is not None:
        _overfit(voice, dataset, recipe, overfit)
    elif dry_run:
        _dry_run(voice, dataset, recipe)
    else:
        _train(
            voice, dataset, recipe, runs, name,
            look_at_test=not no_test, report=not no_report, doctor=not no_doctor,
        )  # fmt: skip


def _check_alone() -> None:
    from pellucid.base.errors import WrongUse

    world = os.environ.get("WORLD_SIZE", "1")
    if world != "1":
        raise WrongUse(
            "pellucid train",
            f"{world} processes",
            "one process for --find-rate, --overfit and --dry-run",
            "run it without torchrun",
        )


def _train(
    voice: Voice,
    dataset: Dataset,
    recipe: Recipe,
    runs: str | None,
    name: str | None,
    look_at_test: bool,
    report: bool,
    doctor: bool,
) -> None:
    from pellucid.cli.ending import Ending
    from pellucid.cli.progress import ProgressDisplay
    from pellucid.train.fit import Sitting
    from pellucid.train.runs import runs_folder

    sitting = Sitting(recipe, dataset)
    display = ProgressDisplay(voice.log, sitting.task.metric)
    ending = Ending(voice, dataset if report else None)
    watchers = [display, ending]
    try:
        with _doctor_beside(voice, watchers) if doctor else nullcontext():
            sitting.start(runs_folder(runs), name, watchers, look_at_test)
    finally:
        display.stop()


@contextmanager
def _doctor_beside(voice: Voice, watchers: list[Watcher]) -> Iterator[None]:
    """The doctor sees the training before its ending is told; its findings are told last."""
    from pellucid.cli.doctoring import tell_findings
    from pellucid.doctor.training import Doctor

    doctor = Doctor()
    watchers.insert(len(watchers) - 1, doctor)
    try:
        with doctor.beside():
            yield
    finally:
        if doctor.examination is not None:
            tell_findings(voice.log, doctor.examination)


def _find_rate(voice: Voice, dataset: Dataset, recipe: Recipe) -> None:
    from pellucid.train.fit import Sitting
    from pellucid.train.rate import range_test
    from pellucid.train.threads import using

    sitting = Sitting(recipe, dataset)
    with using(sitting.threads):
        found = range_test(sitting.network, sitting.task, sitting.feed, recipe)
    voice.people.print(rate_curve(found.rates, found.losses, found.suggestion), markup=False)
    voice.people.print(
        f"Suggested: --learning-rate {found.suggestion:g} (this recipe's own: "
        f"{recipe.learning_rate:g})"
    )
    voice.record({"rate": found.as_record(), "recipe": recipe.as_record()})


def rate_curve(rates: list[float], losses: list[float], suggestion: float) -> str:
    """The loss over the rate as a drawing in text: 12 rows, at most 60 columns."""
    step = math.ceil(len(rates) / 60)
    shown = list(zip(rates[::step], losses[::step], strict=True))
    low, high = min(losses), min(max(losses), 2 * losses[0])
    rows = []
    for level in range(11, -1, -1):
        value = low + (high - low) * level / 11
        nearest = [
            round(11 * (min(loss, high) - low) / max(1e-12, high - low)) for _, loss in shown
        ]
        dots = "".join("●" if place == level else " " for place in nearest)
        rows.append(f"{value:8.3f} ┤{dots}")
    mark = "".join(
        "▲" if _nearest(shown, suggestion) == place else "─" for place in range(len(shown))
    )
    rows.append(f"{'loss':>8} └{mark}")
    rows.append(f"{'':9} rate {rates[0]:.0e} … {rates[-1]:.0e} (logarithmic), ▲ suggested")
    return "\n".join(rows)


def _nearest(shown: list[tuple[float, float]], suggestion: float) -> int:
    return min(range(len(shown)), key=lambda place: abs(shown[place][0] / suggestion - 1))


def _overfit(voice: Voice, dataset: Dataset, recipe: Recipe, count: int) -> None:
    from pellucid.train.fit import Sitting
    from pellucid.train.overfit import by_heart
    from pellucid.train.threads import using

    batch = min(recipe.batch_size, len(dataset.train))
    sitting = Sitting(recipe.with_changes({"batch_size": batch}), dataset)
    with using(sitting.threads):
        tried = by_heart(
            sitting.network, sitting.task, dataset.train, recipe, count, sitting.device
        )
    course = f"loss {tried.first_loss:.4f} → {tried.last_loss:.4f} in {tried.steps} steps"
    if tried.learned:
        voice.people.print(f"Learned {count} examples by heart: {course}. The wiring is sound.")
    else:
        right = "" if tried.right is None else f", {tried.right} of {count} right"
        voice.people.print(
            f"Did NOT learn {count} examples by heart: {course}{right}.\n"
            "Look for a mistake first: is the rate right (--find-rate), does every layer pass a "
            "gradient, do inputs and labels belong together?"
        )
    voice.record({"overfit": tried.as_record(), "recipe": recipe.as_record()})
    if not tried.learned:
        raise typer.Exit(1)


def _dry_run(voice: Voice, dataset: Dataset, recipe: Recipe) -> None:
    import tempfile

    from pellucid.cli.ending import write_report
    from pellucid.train.fit import Sitting, two_batches

    short = two_batches(dataset, recipe)
    with tempfile.TemporaryDirectory() as folder:
        sitting = Sitting(recipe.with_changes({"epochs": 1}), short)
        run = sitting.start(Path(folder), None, [], look_at_test=False)
        page = write_report(run, short)
        size = page.stat().st_size
        seconds: dict[str, Any] = run.result["seconds"]
    voice.people.print(
        f"Two batches went through everything: data, {recipe.net}, loss, step, validation, "
        f"checkpoint, report ({size / 1e6:.1f} MB) in {seconds['total']:.1f} s. Nothing was kept; "
        "the test set stayed sealed."
    )
    voice.record({"dry_run": {"passed": True, "seconds": seconds}, "recipe": recipe.as_record()})
