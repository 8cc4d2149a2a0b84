"""Train with the engine that is written out in NumPy, and learn which files to read."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from pellucid.base.records import Record
from pellucid.cli.output import JsonPath, Voice

if TYPE_CHECKING:
    from pellucid.cli.numpy_training import Training

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command(
    epilog="Examples:  pellucid scratch digits   ·   pellucid scratch mnist --net lenet   ·   "
    "pellucid scratch my-pictures/ --net dense --epochs 30"
)
def scratch(
    data: Annotated[
        str,
        typer.Argument(
            help="A data set of pictures (see: pellucid data list), or a folder of pictures with "
            "one sub-folder a class."
        ),
    ],
    net: Annotated[
        str, typer.Option(help="linear, dense, lenet, recurrent or transformer.")
    ] = "dense",
    epochs: Annotated[int | None, typer.Option(help="Passes over the training data.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Examples a step.")] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="The rate of the first step; it falls evenly to 0.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Weights and order follow from it.")] = 0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Send two batches through everything.")
    ] = False,
    no_test: Annotated[
        bool, typer.Option("--no-test", help="Leave the test set sealed: judge on validation.")
    ] = False,
    skip_broken: Annotated[
        bool, typer.Option("--skip-broken", help="Leave out pictures that cannot be read.")
    ] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Never use the network.")] = False,
    json: JsonPath = None,
) -> None:
    """Train a network written out in NumPy, without PyTorch; ends with a verdict and what to read.

    Nothing is kept: no run folder, no weights. For runs and reports use `pellucid train`.
    """
    begun = time.perf_counter()
    if offline:
        os.environ["PELLUCID_OFFLINE"] = "1"
    # Read when NumPy is loaded. Threads that share so small a product wait for each other longer
    # than they work: on two busy cores a step of `dense` took 3.4 CPU ms with one thread and 54 to
    # 66 with two, one of `lenet` 22 and 98 to 100.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from pellucid.cli.numpy_training import Training, check_pictures, choose
    from pellucid.data.load import load
    from pellucid.scratch.catalog import NETS

    NETS.load(net)  # a wrong name is told before anything is downloaded
    voice = Voice(json)
    dataset = load(data, **({"skip_broken": True} if skip_broken else {}))
    check_pictures(data, dataset)
    for note in dataset.notes:
        voice.log.print(f"Note: {note}", markup=False)
    choices = choose(dataset, net, epochs, batch_size, learning_rate, seed)
    if dry_run:
        count = slice(0, 2 * choices.batch_size)
        train, validation = dataset.train.take(count), dataset.validation.take(count)
        dataset = replace(dataset, train=train, validation=validation)
        choices = replace(choices, epochs=1)
    training = Training(data, dataset, choices)
    _train(voice, training)
    result = training.result(look_at_test=not (no_test or dry_run))
    result["seconds"]["total"] = time.perf_counter() - begun
    if dry_run:
        _end_dry_run(voice, result)
    else:
        _print(voice, result)
        voice.record(result)


def _train(voice: Voice, training: Training) -> None:
    from pellucid.cli.lines import Lines, epochs_in_words

    choices = training.choices
    voice.log.print(
        f"[bold]{choices.net}[/] on [bold]{training.name}[/], in NumPy alone: "
        f"{training.parameters:,} parameters, {epochs_in_words(choices.epochs)} of "
        f"{training.steps_per_epoch:,} steps, seed {choices.seed}"
    )
    lines = Lines(voice.log)
    try:
        training.run(lines)
    finally:
        lines.stop()


def _print(voice: Voice, result: Record) -> None:
    """Verdict, what it took, and the files to read."""
    from pellucid.scratch.reading import HOME

    say = voice.people.print
    say(f"\n[bold]{result['verdict']['headline']}[/]")
    for sentence in result["verdict"]["sentences"]:
        say(sentence, markup=False)
    say(f"{result['steps']:,} steps in {result['seconds']['train']:.1f} s.")
    if result["stopped"] == "interrupted":
        say("It was stopped early; the test set stayed sealed.")
    say("\nWhat just ran, in a good order to read it:")
    say(f"  {HOME}", markup=False, style="dim")
    width = max(len(entry["file"]) for entry in result["read"])
    for place, entry in enumerate(result["read"], start=1):
        line = f"  {place:>2}  {entry['file']:<{width}}  {entry['text']}"
        say(line, markup=False, no_wrap=True, overflow="ellipsis")
    say(
        f"\nIts like in PyTorch, with a report: pellucid train {result['dataset']} "
        f"--net {result['net']}",
        markup=False,
    )


def _end_dry_run(voice: Voice, result: Record) -> None:
    voice.people.print(
        f"Two batches went through everything: data, {result['net']}, loss, step, validation in "
        f"{result['seconds']['total']:.1f} s. The test set stayed sealed."
    )
    voice.record({"dry_run": {"passed": True, "seconds": result["seconds"]}})
