"""What the doctor says to people, at once and at the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pellucid.base.errors import WrongUse
from pellucid.cli.output import Voice, table

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from pellucid.doctor.examination import Examination
    from pellucid.doctor.finding import Finding
    from pellucid.doctor.mend.mending import Mended
    from pellucid.watch.trace import Trace


NO_TIME = "no time was left for it"
"""What the bench says of a trial that it could not make in the time allowed."""


class AtOnce:
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


def tell_findings(people: Console, found: Examination) -> None:
    """Each finding with its evidence and its mend; what is meant, with the reason."""
    for finding in found.findings:
        heading, *rest = str(finding).split("\n")
        people.print(f"\n{heading}", style="bold", markup=False, soft_wrap=True)
        people.print("\n".join(rest), markup=False, soft_wrap=True)
    for finding, reason in found.exempted:
        people.print(f"\nMeant: {finding.name}, because {reason}.", markup=False, soft_wrap=True)


def tell(people: Console, found: Examination, trace: Trace) -> None:
    """The findings; then what was seen at all."""
    tell_findings(people, found)
    seen = f"{len(trace.steps)} steps and {len(trace.passes)} passes were watched"
    if not found.findings:
        tried = f"; no cure was tried: {found.not_tried}" if found.not_tried else ""
        people.print(
            f"\nThe doctor found nothing that it can prove; {seen}{tried}.",
            markup=False, soft_wrap=True,
        )  # fmt: skip
    late = [text for text in found.not_observed if text.endswith(NO_TIME)]
    missing = "; ".join(text for text in found.not_observed if text not in late)
    if missing:
        people.print(f"Not observed: {missing}.", markup=False, soft_wrap=True)
    if late or found.not_tried == NO_TIME:
        names = ", ".join(text.partition(":")[0] for text in late)
        people.print(
            f"No time was left to try {names or 'a cure'}. A short run leaves little: "
            "--probe-budget 20 gives trials twenty times what the run takes.",
            markup=False, soft_wrap=True,
        )  # fmt: skip


def without_script(
    voice: Voice, script: Path | None, names: bool, example: str | None, healthy: bool
) -> int:
    """What the doctor does without a script of yours: list its names, print an example."""
    if script is not None:
        raise WrongUse(
            "doctor", f"a script, {script}, beside --{'names' if names else 'example'}",
            "one or the other", "pellucid doctor --example NAME > train.py, then run that",
        )  # fmt: skip
    if example:
        show_example(voice, example, healthy)
    elif names:
        show_names(voice)
    else:
        raise WrongUse(
            "doctor", "--healthy alone" if healthy else "no SCRIPT.py",
            "a Python script that trains a network, --example NAME, or --names",
            "pellucid doctor train.py",
        )  # fmt: skip
    return 0


def show_names(voice: Voice) -> None:
    """Every diagnosis by group, with a line about each."""
    from pellucid.doctor.names import by_group

    found = [(group, *entry) for group, menu in by_group().items() for entry in menu.items()]
    rows = table("Group", "Name", "What went wrong")
    for row in found:
        rows.add_row(*row)
    voice.people.print(rows)
    voice.people.print("To see one found:  pellucid doctor --example NAME > train.py")
    keys = ("group", "name", "text")
    voice.record({"names": [dict(zip(keys, row, strict=True)) for row in found]})


def show_example(voice: Voice, name: str, healthy: bool) -> None:
    """The script of a diagnosis that has the fault, or the one beside it that has not."""
    from pellucid.doctor.diagnosis import DIAGNOSES

    kind = DIAGNOSES.load(name).DIAGNOSIS
    text = kind.HEALTHY if healthy else kind.SICK
    voice.people.file.write(text)
    voice.record({"example": {"name": name, "healthy": healthy, "text": text}})


def mend_findings(
    people: Console, findings: Sequence[Finding], target: Path, file: Path,
    arguments: Sequence[str], is_module: bool, seeds: int,
) -> list[dict[str, Any]]:  # fmt: skip
    """Run the script again with each cure and without; tell both, and return them as records."""
    from pellucid.doctor.mend.mending import mend

    def tell_line(line: str) -> None:
        people.print(line, markup=False, soft_wrap=True)

    people.print()
    tried = mend(findings, target, file, arguments, is_module, seeds, tell_line)
    if not tried:
        tell_line("Nothing to mend: no finding has a cure that can be put into a running script.")
    for one in tried:
        people.print(f"\nMEND  {one.finding}: {one.cure}", style="bold", markup=False)
        tell_line(_effect(one))
        if one.diff:
            tell_line(f"  As a change of the source:\n{one.diff}")
    return [one.as_record() for one in tried]


def _effect(one: Mended) -> str:
    if not one.without:
        return "  Nothing can be compared: no line with a number is in the output of every run."
    columns = (("as it is", one.without), ("with it", one.cured))
    rows = [f"  {name:<8}  {'  '.join(f'{value:.4g}' for value in v)}" for name, v in columns]
    better = "lower" if one.lower_is_better else "higher"
    if one.helps:
        verdict = "It helps: every run with it is better than every run without."
    elif len(one.without) < 2:
        verdict = "One run of each says nothing of chance: use --seeds 3."
    else:
        verdict = "It does not help beyond what chance does between these runs."
    return "\n".join([f"  Compared is {one.measure}; {better} is better.", *rows, f"  {verdict}"])
