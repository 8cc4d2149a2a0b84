"""Compare a backward pass that you wrote by hand with nudged differences."""

from __future__ import annotations

from typing import Annotated

import typer

from pellucid.cli.output import JsonPath, Voice

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command(
    epilog="Examples:  pellucid check-gradient mine.py:forward,backward   ·   "
    "pellucid check-gradient mine.py --of weights   ·   "
    "pellucid check-gradient mine.py:loss,slope --inputs arrays.npz"
)
def check_gradient(
    target: Annotated[
        str,
        typer.Argument(
            metavar="FILE.py:FORWARD,BACKWARD", help="Your file and the names of two functions."
        ),
    ],
    inputs: Annotated[
        str | None,
        typer.Option(metavar="FILE.npz", help="The inputs (default: `inputs` in your file)."),
    ] = None,
    of: Annotated[
        str | None,
        typer.Option(metavar="NAMES", help="The inputs that backward gives gradients for."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed nudges in other directions.")] = 0,
    json: JsonPath = None,
) -> int:
    """Nudge the inputs of your forward pass and see whether your backward pass foretold it.

    forward(*inputs) gives a number or an array; backward(gradient, *inputs) gives a gradient for
    each input, without `gradient` for a single number. Ends with 1 if a gradient is wrong.
    """
    import sys
    from contextlib import redirect_stdout

    from pellucid.scratch.check import check
    from pellucid.scratch.check.source import read_functions, read_inputs

    voice = Voice(json)
    with redirect_stdout(sys.stderr):  # what the user's functions print is no result of ours
        module, forward, backward = read_functions(target)
        given = read_inputs(module, forward, target, inputs, seed)
        names = [name.strip() for name in (of or "").split(",") if name.strip()]
        verdict = check(forward, backward, *given, of=names, seed=seed)
    voice.people.print(str(verdict), markup=False, soft_wrap=True)
    voice.record({"target": target, **verdict.as_record()})
    return 0 if verdict.right else 1
