"""List the networks, and show one layer by layer with its cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pellucid.base.catalog import Catalog
from pellucid.base.records import Record
from pellucid.cli.output import JsonPath, Voice, size, table

if TYPE_CHECKING:
    from pellucid.nets._walk import Layer, Walk
    from pellucid.train.cost import Memory, Timing
    from pellucid.train.fit import Sitting

app = typer.Typer(
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    epilog="Example:  pellucid nets show convnet --data digits",
)


@app.callback()
def menu(context: typer.Context) -> None:
    """List the networks, and show one layer by layer with its cost."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command("list", epilog="Example:  pellucid nets list --json nets.json")
def list_nets(json: JsonPath = None) -> None:
    """The networks by name, each with a line about it."""
    voice = Voice(json)
    menu = Catalog("net", "nets").menu()
    rows = table("Network", "What it is")
    for name, text in menu.items():
        rows.add_row(name, text)
    voice.people.print(rows)
    voice.people.print("One of them on your data:  pellucid nets show NAME --data DATA")
    voice.people.print("Your own:  module:factory in place of a name")
    voice.record({"nets": [{"name": name, "text": text} for name, text in menu.items()]})


@app.command(
    epilog="Examples:  pellucid nets show convnet --data digits   ·   "
    "pellucid nets show dense --data mnist --set dropout=0.5   ·   "
    "pellucid nets show mine.py:build --data digits --batch-size 64"
)
def show(
    name: Annotated[
        str,
        typer.Argument(help="A network (see: pellucid nets list), or your own module:factory."),
    ],
    data: Annotated[
        str,
        typer.Option(help="A data set, a folder of pictures, or a text file: it shapes the net."),
    ],
    task: Annotated[
        str | None,
        typer.Option(help="classify, denoise, inpaint or next-symbol (default: as fits)."),
    ] = None,
    pairs: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="A choice of the recipe, e.g. dropout=0.1."
        ),
    ] = None,
    batch_size: Annotated[int | None, typer.Option(help="Examples a step.")] = None,
    json: JsonPath = None,
) -> None:
    """One network, layer by layer, with its cost.

    Shapes, parameters, multiply-adds, memory, and the seconds of an epoch, which are measured on
    real training steps on this machine; the test set stays sealed.
    """
    from pellucid.cli.choices import choose
    from pellucid.train.cost import measure, walk_through
    from pellucid.train.fit import Sitting

    voice = Voice(json)
    dataset, recipe = choose(data, name, task, pairs or [], {"batch_size": batch_size})
    sitting = Sitting(recipe, dataset)
    walked = walk_through(sitting)
    _print_layers(voice, walked, sitting)
    voice.log.print("… measuring a few training steps", style="dim")
    timing, memory = measure(sitting)
    _print_cost(voice, timing, memory, sitting)
    voice.record(_record(walked, timing, memory, sitting))


def _print_layers(voice: Voice, walked: Walk, sitting: Sitting) -> None:
    recipe, shape = sitting.recipe, _shape(sitting.task.shape)
    voice.people.print(
        f"{recipe.net} on {recipe.dataset} ({recipe.task}): one example is {shape}",
        markup=False,
    )
    heads = ("Layer", "Kind", "Output", "Parameters", "Multiply-adds", "Activations")
    rows = table(*heads, right=heads[3:])
    for layer in walked.layers:
        rows.add_row(*_cells(layer))
    rows.add_section()
    rows.add_row(
        "total",
        "",
        "",
        f"{walked.parameters:,}",
        ("at least " if walked.not_counted else "") + f"{walked.multiply_adds:,}",
        size(walked.activation_bytes),
    )
    voice.people.print(rows)
    for layer in walked.layers:
        if layer.multiply_adds is None:
            voice.people.print(
                f"Not counted: {layer.name or 'the network itself'} ({layer.kind}), which uses "
                + ", ".join(layer.uncounted),
                markup=False,
            )
        if layer.output is None:
            voice.people.print(
                f"Never called in forward: {layer.name} ({layer.kind}), "
                f"{layer.parameters:,} parameters",
                markup=False,
            )


def _cells(layer: Layer) -> list[str]:
    counted = "not counted" if layer.multiply_adds is None else f"{layer.multiply_adds:,}"
    output = "never called" if layer.output is None else _shape(layer.output)
    memory = size(layer.activation_bytes) if layer.activation_bytes else "–"
    name = layer.name or "(the network itself)"
    return [name, layer.kind, output, f"{layer.parameters:,}", counted, memory]


def _print_cost(voice: Voice, timing: Timing, memory: Memory, sitting: Sitting) -> None:
    steps, batch = timing.steps_per_epoch, sitting.recipe.batch_size
    voice.people.print(
        f"An epoch: about {_seconds(timing.mean * steps)} on this machine "
        f"({sitting.device}; {_seconds(timing.low * steps)} to {_seconds(timing.high * steps)}): "
        f"{steps:,} steps of {1000 * timing.mean:.2f} ms, batches of {batch}, "
        f"{timing.steps} steps measured, without judging on validation.",
        markup=False,
    )
    average = f" + moving average {size(memory.average)}" if memory.average else ""
    voice.people.print(
        f"Training holds about {size(memory.total)}: parameters {size(memory.parameters)} + "
        f"gradients {size(memory.gradients)} + optimiser {size(memory.optimiser)}{average} + "
        f"activations of a batch {size(memory.activations)}; besides PyTorch itself and the data.",
        markup=False,
    )


def _record(walked: Walk, timing: Timing, memory: Memory, sitting: Sitting) -> Record:
    from dataclasses import asdict

    recipe, steps = sitting.recipe, timing.steps_per_epoch
    return {
        "net": recipe.net,
        "dataset": recipe.dataset,
        "task": recipe.task,
        "input": list(sitting.task.shape),
        "batch_size": recipe.batch_size,
        "device": str(sitting.device),
        "layers": [asdict(layer) for layer in walked.layers],
        "parameters": walked.parameters,
        "multiply_adds": walked.multiply_adds,
        "not_counted": list(walked.not_counted),
        "activation_bytes": walked.activation_bytes,
        "epoch": {
            "seconds": timing.mean * steps,
            "low": timing.low * steps,
            "high": timing.high * steps,
            "steps": steps,
            "measured_steps": timing.steps,
        },
        "memory_bytes": {**asdict(memory), "total": memory.total},
    }


def _seconds(value: float) -> str:
    return f"{value:.0f} s" if value >= 10 else f"{value:.2g} s"


def _shape(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) or "one number"
