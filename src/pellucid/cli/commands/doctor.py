"""Run a training script unchanged, and be told what is wrong with it, proven."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pellucid.cli.doctoring import AtOnce, mend_findings, tell, without_script
from pellucid.cli.output import JsonPath, Voice

if TYPE_CHECKING:
    from rich.console import Console

    from pellucid.doctor.examination import Examination
    from pellucid.doctor.script import Outcome

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command(
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    epilog="Examples:  pellucid doctor train.py   ·   pellucid doctor train.py --epochs 5   ·   "
    "pellucid doctor --json findings.json train.py",
)
def doctor(
    script: Annotated[
        Path | None, typer.Argument(metavar="SCRIPT.py", help="Your training script.")
    ] = None,
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="…", help="The script's own arguments.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="End with 1 if there is a finding.")
    ] = False,
    probe_budget: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            min=0.0,
            help="Time for trials, as a share of the run's; else half of it, or 10 seconds.",
        ),
    ] = None,
    no_probe: Annotated[
        bool, typer.Option("--no-probe", help="Try no cures: only what is proven is told.")
    ] = False,
    steps: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Watch the first N steps only.")
    ] = None,
    module: Annotated[
        bool, typer.Option("-m", "--module", help="SCRIPT.py is a module's name, as for python -m.")
    ] = False,
    mend: Annotated[
        bool, typer.Option("--mend", help="Run it again with each cure, and compare.")
    ] = False,
    seeds: Annotated[
        int, typer.Option(min=1, metavar="N", help="With --mend: runs with each cure and without.")
    ] = 3,
    report: Annotated[
        Path | None, typer.Option(metavar="PAGE.html", help="Also write a page with curves.")
    ] = None,
    names: Annotated[
        bool, typer.Option("--names", help="List everything that is recognised.")
    ] = False,
    example: Annotated[
        str | None, typer.Option(metavar="NAME", help="Print a script that has this fault.")
    ] = None,
    healthy: Annotated[
        bool, typer.Option("--healthy", help="With --example: the same without the fault.")
    ] = False,
    json: JsonPath = None,
) -> int:
    """Run SCRIPT.py as python would; say what is wrong with the training, and try cures.

    What the doctor says goes to standard error, and the exit code is the script's.
    """
    voice = Voice(json)
    if script is None or names or example:
        return without_script(voice, script, names, example, healthy)
    started = time.monotonic()
    from pellucid.doctor.course import record_of
    from pellucid.doctor.examination import time_for_trials
    from pellucid.doctor.exemptions import exemptions
    from pellucid.doctor.script import program_of, run_script
    from pellucid.report.doctored import write

    meant = exemptions(program_of(script, module).file)
    at_once = AtOnce(voice.log, meant)
    outcome = run_script(script, arguments or [], steps or math.inf, at_once, module)
    if not outcome.speaks:
        return outcome.exit_code
    budget = 0.0 if no_probe else time_for_trials(probe_budget, time.monotonic() - started)
    found = _examine(voice.log, outcome, budget, meant)
    tell(voice.log, found, outcome.trace)
    record = record_of(found, outcome.trace) | {
        "script": {"file": str(script), "exit_code": outcome.exit_code},
        "seen_at_step": at_once.told,
    }
    if mend:
        program = program_of(script, module)
        record["mend"] = mend_findings(
            voice.log, found.findings, script, program.file, arguments or [], module, seeds
        )
    voice.record(record)
    if report is not None:
        write(report, record)
        voice.log.print(f"\nReport:  {report}", markup=False, soft_wrap=True)
    return 1 if strict and found.alarms else outcome.exit_code


def _examine(
    people: Console, outcome: Outcome, budget: float, meant: dict[str, str]
) -> Examination:
    """Every finding; who stops the trials with Ctrl-C is told what needs none."""
    from pellucid.doctor.examination import examine
    from pellucid.doctor.script import STOPPED

    if budget and outcome.exit_code == STOPPED and outcome.trace.steps:
        people.print("The doctor tries cures now; Ctrl-C once more ends that.", soft_wrap=True)
    try:
        return examine(outcome.trace, outcome.captured, budget, meant)
    except KeyboardInterrupt:
        found = examine(outcome.trace, None, 0.0, meant)
        found.not_tried = "you stopped it"
        return found
