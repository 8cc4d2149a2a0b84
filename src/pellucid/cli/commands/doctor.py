"""Run a training script unchanged, and be told what is wrong with it, proven."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pellucid.cli.output import JsonPath, Voice

if TYPE_CHECKING:
    from rich.console import Console

    from pellucid.doctor.examination import Examination
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
    probe_budget: Annotated[
        float,
        typer.Option(metavar="SHARE", min=0.0, help="Time for trials, as a share of the run's."),
    ] = 0.5,
    no_probe: Annotated[
        bool, typer.Option("--no-probe", help="Try no cures: only what is proven is told.")
    ] = False,
    steps: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Watch the first N steps only.")
    ] = None,
    json: JsonPath = None,
) -> int:
    """Run SCRIPT.py as python would; say what is wrong with the training, and try cures.

    What the doctor says goes to standard error, and the exit code is the script's.
    """
    started = time.monotonic()
    from pellucid.doctor.examination import examine
    from pellucid.doctor.exemptions import exemptions
    from pellucid.doctor.script import run_script

    voice = Voice(json)
    meant = exemptions(script) if script.is_file() else {}
    at_once = _AtOnce(voice.log, meant)
    outcome = run_script(script, arguments or [], steps or math.inf, at_once)
    budget = 0.0 if no_probe else probe_budget * (time.monotonic() - started)
    found = examine(outcome.trace, outcome.captured, budget, meant)
    tell(voice.log, found, outcome.trace, at_once.told)
    record = found.as_record() | {
        "script": {"file": str(script), "exit_code": outcome.exit_code},
        "seen_at_step": at_once.told,
    }
    voice.record(record)
    return 1 if strict and found.alarms else outcome.exit_code


class _AtOnce:
    """Tells what is proven as soon as it is: after a few steps, and then more and more rarely."""

    STEPS = (10, 20, 50, 100, 1_000, 10_000)

    def __init__(self, people: Console, meant: dict[str, str]) -> None:
        self._people, self._meant = people, meant
        self.told: dict[str, int] = {}
        """By name, the steps after which it was told."""

    def __call__(self, trace: Trace) -> None:
        from pellucid.doctor.examination import proven

        if len(trace.steps) not in self.STEPS:
            return
        for finding in proven(trace):
            if finding.name not in self.told and finding.name not in self._meant:
                self.told[finding.name] = len(trace.steps)
                heading = str(finding).split("\n")[0]
                self._people.print(
                    f"{heading}  (after {len(trace.steps)} steps; more at the end)",
                    style="bold", markup=False, soft_wrap=True,
                )  # fmt: skip


def tell(people: Console, found: Examination, trace: Trace, told: dict[str, int]) -> None:
    """Each finding with its evidence and its mend; then what was seen at all."""
    for finding in found.findings:
        heading, *rest = str(finding).split("\n")
        people.print(f"\n{heading}", style="bold", markup=False, soft_wrap=True)
        people.print("\n".join(rest), markup=False, soft_wrap=True)
    for finding, reason in found.exempted:
        people.print(f"\nMeant: {finding.name}, because {reason}.", markup=False, soft_wrap=True)
    seen = f"{len(trace.steps)} steps and {len(trace.passes)} passes were watched"
    if not found.findings:
        tried = f"; no cure was tried: {found.not_tried}" if found.not_tried else ""
        people.print(
            f"\nThe doctor found nothing that it can prove; {seen}{tried}.",
            markup=False, soft_wrap=True,
        )  # fmt: skip
    if found.not_observed:
        missing = "; ".join(found.not_observed)
        people.print(f"Not observed: {missing}.", markup=False, soft_wrap=True)
