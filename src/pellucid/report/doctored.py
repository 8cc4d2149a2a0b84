"""What the doctor found in a script, as one self-contained page in the style of a run's report."""

from __future__ import annotations

from pathlib import Path

from pellucid.base.records import Record, write_text
from pellucid.base.version import VERSION
from pellucid.report.markup import facts, text
from pellucid.report.page import frame
from pellucid.report.sections import doctor
from pellucid.report.wording import count


def write(path: Path, record: Record) -> None:
    """Write the page of a record that `pellucid doctor --json` would write, with `script`."""
    write_text(path, page(record))


def page(record: Record) -> str:
    """The whole page as text."""
    name = Path(record["script"]["file"]).name
    shown = [("What the doctor found", doctor.of_findings(record))]
    return frame(f"The doctor: {name}", name, _top(record), shown, VERSION)


def _top(record: Record) -> str:
    findings, watched = record["findings"], record["watched"]
    pairs = [
        ("Script", record["script"]["file"]),
        ("Exit code", str(record["script"]["exit_code"])),
        ("Steps", f"{watched['steps']:,}"),
        ("Passes", f"{watched['passes']:,}"),
        ("Looked for", count(len(record["checked"]), "kind of fault", "kinds of faults")),
    ]
    return (
        f'<div class="hero" id="verdict"><div><h1>{text(_headline(findings))}</h1>'
        f'<p class="told">{text(_told(findings))}</p></div>{facts(pairs)}</div>'
    )


def _headline(findings: list[Record]) -> str:
    faults = sum(entry["kind"] == "fault" for entry in findings)
    others = len(findings) - faults
    parts = [count(faults, "fault")] if faults else []
    parts += [count(others, "suggestion")] if others else []
    return " and ".join(parts) if parts else "Nothing found that can be proven"


def _told(findings: list[Record]) -> str:
    if not findings:
        return "That is no proof of health: what was not seen stands at the end."
    first = findings[0]
    return f"First {first['name']}: {first['prescription']}."
