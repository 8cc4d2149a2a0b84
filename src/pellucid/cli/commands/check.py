"""Before a run: shapes, cost, and whether a network or a script can learn at all."""

from __future__ import annotations

import sys
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from pellucid.base.errors import WrongUse
from pellucid.cli.output import JsonPath, Voice

if TYPE_CHECKING:
    from pellucid.doctor.check.checking import Checked
    from pellucid.doctor.check.script import Seen
    from pellucid.doctor.check.told import Told

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


def is_script(word: str) -> bool:
    """`train.py` is a script, `mine.py:build` and `convnet` are networks."""
    return word.endswith(".py") and ":" not in word


class ScriptLast(TyperCommand):
    """Options may follow a network's name; after a script's name all words are the script's."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        ctx.allow_interspersed_args = not any(is_script(word) for word in args)
        return super().parse_args(ctx, args)


@app.command(
    cls=ScriptLast,
    epilog="Examples:  pellucid check mine.py:build --input 3x32x32   ·   "
    "pellucid check mine.py:build --input 16 --tokens 100   ·   "
    "pellucid check convnet --input 1x28x28 --classes 10   ·   "
    "pellucid check train.py --epochs 5",
)
def check(
    target: Annotated[
        str,
        typer.Argument(metavar="TARGET", help="Your network module:factory, a net, or train.py."),
    ],
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="…", help="The script's own arguments.")
    ] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "--input", metavar="[NAME=]SIZES[:TOKENS]", help="One example's shape; may come again."
        ),
    ] = None,
    tokens: Annotated[
        int | None, typer.Option(help="The inputs are whole numbers below this one.")
    ] = None,
    classes: Annotated[
        int | None, typer.Option(help="Classes of the answer; 0: it is numbers, not classes.")
    ] = None,
    batch_size: Annotated[int, typer.Option(help="Examples of a made-up batch.")] = 32,
    batch_axis: Annotated[
        int, typer.Option(help="Where a network takes the examples: 0, or 1 for (places, batch).")
    ] = 0,
    answer: Annotated[
        str, typer.Option(metavar="NAME", help="Which part of a dict or tuple is the answer.")
    ] = "",
    pairs: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="An argument of the factory."),
    ] = None,
    seconds: Annotated[
        float, typer.Option(help="The most that learning by heart may take; 0 leaves it out.")
    ] = 30.0,
    meant: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A finding that is meant so, e.g. samples-mixed."),
    ] = None,
    json: JsonPath = None,
) -> int:
    """Ask a network what it takes, whether its shapes fit, and whether it can learn at all.

    A script is run up to its first step, and the same is asked with its own batch and loss. Ends
    with 1 if there is a proven finding.
    """
    from pellucid.cli.checking import print_checked
    from pellucid.doctor.check.told import NAMES, Told

    voice, told = Voice(json), Told()
    _check_numbers(batch_size, batch_axis, classes, seconds, meant or [], NAMES)
    if is_script(target):
        _refuse_for_script(inputs, tokens, classes, pairs, answer)
        checked, record = _script(voice, Path(target), arguments or [], told, seconds)
    else:
        if arguments:
            raise WrongUse("check", f"more words: {' '.join(arguments)}", "one network",
                           "leave them out; arguments follow a script only")  # fmt: skip
        quiet = redirect_stdout(sys.stderr) if json == "-" else nullcontext()
        with quiet:  # what the user's code prints is no result of ours
            checked = _factory(
                target, inputs or [], tokens, classes, (batch_size, batch_axis), answer,
                pairs or [], seconds, told, voice,
            )  # fmt: skip
        record = {"script": None}
    _set_aside(told, meant or [])
    print_checked(voice.people, checked)
    voice.record({"target": target, **record, **checked.as_record(), "checked": list(NAMES)})
    return 1 if any(finding.grade == "proven" for finding in told.findings) else 0


def _check_numbers(
    batch_size: int,
    batch_axis: int,
    classes: int | None,
    seconds: float,
    meant: list[str],
    names: tuple[str, ...],
) -> None:
    from pellucid.base.errors import unknown_name

    if batch_size < 2:
        raise WrongUse("--batch-size", str(batch_size), "2 or more", "--batch-size 32")
    if batch_axis not in (0, 1):
        raise WrongUse("--batch-axis", str(batch_axis), "0 or 1", "--batch-axis 0")
    if classes is not None and (classes < 0 or classes == 1):
        raise WrongUse("--classes", str(classes), "2 or more, or 0 for none", "--classes 10")
    if not seconds >= 0:
        raise WrongUse("--seconds", str(seconds), "0 or more", "--seconds 30")
    for name in meant:
        if name not in names:
            raise unknown_name("--meant", name, names)


def _refuse_for_script(*given: Any) -> None:
    names = ("--input", "--tokens", "--classes", "--set", "--answer")
    for name, value in zip(names, given, strict=True):
        if value:
            raise WrongUse("check", f"{name} for a script", "it with a network, module:factory",
                           "leave it out: a script brings its own batch and loss")  # fmt: skip


def _factory(
    target: str, written: list[str], tokens: int | None, classes: int | None,
    batch: tuple[int, int], answer: str, pairs: list[str], seconds: float, told: Told, voice: Voice,
) -> Checked:  # fmt: skip
    from pellucid.cli.choices import parse_pair
    from pellucid.doctor.check.asked import SEED, Asked
    from pellucid.doctor.check.checking import Checked, ask_lesson, ask_network
    from pellucid.doctor.check.lesson import lesson_of
    from pellucid.doctor.check.made import build_seeded, make_batch, prepared, read_inputs

    inputs = read_inputs(written, tokens)
    settings = dict(map(parse_pair, pairs))
    network, device = build_seeded(target, inputs, classes, settings, SEED)
    examples, axis = batch
    given, named = make_batch(inputs, examples, axis, device, SEED)
    asked = Asked(target, network, given, named, examples, axis, answer)
    two = asked.with_examples(2)
    lazy = prepared(network, two.given, two.named, f"network {target}")
    if lazy:
        told.remarks.append(f"Lazy layers took their sizes from the input: {', '.join(lazy)}.")
    checked = Checked([ask_network(asked, told, walk_with=2, users_batch=False)], told)
    if checked.networks[0].answer is not None:
        lesson = lesson_of(asked, classes, inputs[0].tokens, told)
        if lesson is not None:
            voice.log.print("… trying a few training steps", style="dim")
            ask_lesson(checked, lesson, seconds)
    return checked


def _script(
    voice: Voice, path: Path, arguments: list[str], told: Told, seconds: float
) -> tuple[Checked, dict[str, Any]]:
    from pellucid.doctor.check.checking import Checked, ask_lesson, ask_network
    from pellucid.doctor.check.followed import lesson_of, networks_of
    from pellucid.doctor.check.script import run_to_first_step

    quiet = redirect_stdout(sys.stderr) if voice.json_path == "-" else nullcontext()
    with quiet:  # what the script prints is no result of ours
        seen = run_to_first_step(path, arguments)
        ended: dict[str, Any] | None = None
        script = {"file": str(path), "exit_code": seen.exit_code, "ended_at": ended}
        if seen.optimiser is None:
            return _never_stepped(path, seen, told), {"script": script}
        kind, at = type(seen.optimiser).__name__, seen.line
        ended = {
            "optimiser": kind, "file": at.file if at else None, "line": at.number if at else None
        }  # fmt: skip
        voice.log.print(
            f"\n{path} was ended on purpose at its first step ({kind}{f', {at}' if at else ''}).\n",
            markup=False, soft_wrap=True,
        )  # fmt: skip
        asked = networks_of(seen)
        networks = [ask_network(one, told, walk_with=None, users_batch=True) for one in asked]
        checked = Checked(networks, told)
        lesson = lesson_of(seen, asked, told)
        if lesson is not None:
            ask_lesson(checked, lesson, seconds)
    return checked, {"script": {**script, "ended_at": ended}}


def _never_stepped(path: Path, seen: Seen, told: Told) -> Checked:
    """A script that ended before any step: why its network failed, or that it never trains."""
    from pellucid.doctor.check.checking import Checked
    from pellucid.doctor.check.crashed import ask_crash

    if seen.error is not None:
        return Checked(ask_crash(seen, told), told)
    passes = "1 pass" if seen.passes == 1 else f"{seen.passes} passes"
    raise WrongUse(
        f"check {path}",
        f"a script that ended by itself with exit code {seen.exit_code} after {passes} through "
        "networks, without a step of an optimiser",
        "one that trains",
        "give it the arguments with which it trains, after its name; a network alone is checked "
        "with module:factory --input",
    )


def _set_aside(told: Told, meant: list[str]) -> None:
    """What is meant so is no finding, and is said as a remark."""
    for finding in [one for one in told.findings if one.name in meant]:
        told.findings.remove(finding)
        told.remarks.append(f"Meant so, as you said: {finding.name}. {' '.join(finding.evidence)}")
