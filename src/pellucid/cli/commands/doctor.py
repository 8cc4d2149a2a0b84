"""Run a training script unchanged, and be told what is wrong with it, proven."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pellucid.cli.output import JsonPath, Voice

if TYPE_CHECKING:
    from rich.console import Console

    from pellucid.doctor.finding import Finding
    from pellucid.watch.trace import Trace

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command(
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    epilog="Examples:  pellucid doctor train.py   ·   pellucid doctor train.py --epochs 5   ·   "
    "pellucid doctor --json findings.json train.py",
)
def doctor(
    script: Annotated[Path, typer.Argument(metavar="SCRIPT.py", help="Your training script.")],
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="…", help="The script's own arguments.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="End with 1 if there is a finding.")
    ] = False,
    json: JsonPath = None,
) -> int:
    """Run SCRIPT.py as python would; at its end, say what is wrong with the training.

    What the doctor says goes to standard error, and the exit code is the script's.
    """
    from pellucid.doctor.diagnosis import DIAGNOSES, examine
    from pellucid.doctor.script import run_script

    voice = Voice(json)
    outcome = run_script(script, arguments or [])
    findings = examine(outcome.trace)
    tell(voice.log, findings, outcome.trace)
    voice.record(
        {
            "findings": [finding.as_record() for finding in findings],
            "checked": DIAGNOSES.names(),
            "not_observed": not_observed(outcome.trace),
            "script": {"file": str(script), "exit_code": outcome.exit_code},
        }
    )
    return 1 if strict and findings else outcome.exit_code


def tell(people: Console, findings: list[Finding], trace: Trace) -> None:
    """Each finding with its evidence and its mend; then what was seen at all."""
    for finding in findings:
        heading, *rest = str(finding).split("\n")
        people.print(f"\n{heading}", style="bold", markup=False, soft_wrap=True)
        people.print("\n".join(rest), markup=False, soft_wrap=True)
    seen = f"{len(trace.steps)} steps and {len(trace.passes)} passes were watched"
    if not findings:
        people.print(f"\nThe doctor found nothing that it can prove; {seen}.", markup=False)
    missing = not_observed(trace)
    if missing:
        people.print(f"Not observed: {', '.join(missing)}.", markup=False, soft_wrap=True)


def not_observed(trace: Trace) -> list[str]:
    """What a training usually has and this one did not show."""
    from pellucid.watch.follower import MOST

    missing = []
    if not trace.passes:
        missing.append("a pass through a network")
    if not trace.backwards:
        missing.append("a backward pass")
    if not trace.steps:
        missing.append("a step of an optimiser")
    if not trace.losses:
        missing.append("a call of one of PyTorch's loss functions")
    if not any(not entry.with_graph and entry.step for entry in trace.passes):
        missing.append("an evaluation")
    if len(trace.passes) >= MOST:
        missing.append(f"what came after the first {MOST:,} passes")
    return missing
