"""Write new texts with a network that learned the next symbol."""

from __future__ import annotations

from typing import Annotated

import typer

from pellucid.cli.output import JsonPath, RunsFolder, Voice

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command(
    epilog="Examples:  pellucid sample names-recurrent-1   ·   "
    "pellucid sample names-recurrent-1 --start an --temperature 0.5"
)
def sample(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's name or folder.")],
    count: Annotated[int, typer.Option(help="How many texts.")] = 10,
    temperature: Annotated[
        float,
        typer.Option(help="1 as the network believes, less is more careful, 0 the likeliest."),
    ] = 0.8,
    start: Annotated[str, typer.Option(help="What each text begins with.")] = "",
    length: Annotated[int, typer.Option(help="Symbols at most, after the start.")] = 200,
    seed: Annotated[int, typer.Option(help="Another seed draws other texts.")] = 0,
    runs: RunsFolder = None,
    json: JsonPath = None,
) -> None:
    """Draw new texts from a run of the task next-symbol."""
    from pellucid.base.errors import WrongUse
    from pellucid.train.runs import load
    from pellucid.train.sampling import has_boundary
    from pellucid.train.sampling import sample as draw

    voice, loaded = Voice(json), load(run, runs=runs)
    if loaded.recipe.task != "next-symbol":
        raise WrongUse(
            f"run {loaded.name}",
            f"the task {loaded.recipe.task}",
            "the task next-symbol",
            f"for pictures use: pellucid predict {loaded.name} FILE",
        )
    texts = draw(
        loaded, count=count, start=start, length=length, temperature=temperature, seed=seed
    )
    one_a_line = has_boundary(loaded.data)
    for number, text in enumerate(texts, start=1):
        if not one_a_line:
            voice.people.rule(f"{number} of {count}")
        voice.people.print(text, markup=False, soft_wrap=True)
    voice.record(
        {
            "run": str(loaded.folder),
            "start": start,
            "temperature": temperature,
            "length": length,
            "seed": seed,
            "samples": texts,
        }
    )
