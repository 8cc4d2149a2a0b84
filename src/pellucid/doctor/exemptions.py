"""What looks like a fault and is meant: said in the script, or in a file beside it, with a reason.

In the script, as a comment anywhere: `# pellucid: eval-forgotten is meant, because …`
Beside it, in `doctor.toml`: a table `[meant]` of names and reasons.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from pellucid.base.errors import WrongUse, unknown_name
from pellucid.doctor.diagnosis import DIAGNOSES

FILE = "doctor.toml"
_COMMENT = re.compile(r"#\s*pellucid:\s*([\w-]+) is meant\b[\s,:]*(?:because\b)?\s*(.*)")


def exemptions(script: Path) -> dict[str, str]:
    """Reasons by name. Raises `WrongUse` for a name that there is not, or without a reason."""
    found: dict[str, str] = {}
    beside = script.parent / FILE
    if beside.is_file():
        try:
            table = tomllib.loads(beside.read_text()).get("meant", {})
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise WrongUse(
                str(beside), f"{error}", "a table [meant] of names and reasons",
                'write, for instance: eval-forgotten = "dropout is sampled"',
            ) from error  # fmt: skip
        found |= checked(table, str(beside))
    for number, line in enumerate(script.read_text(errors="replace").split("\n"), start=1):
        comment = _COMMENT.search(line)
        if comment:
            found |= checked({comment[1]: comment[2]}, f"{script}:{number}")
    return found


def checked(reasons: Mapping[str, object], where: str) -> dict[str, str]:
    """The same, if every name is a diagnosis's and every reason says something."""
    for name, reason in reasons.items():
        if name not in DIAGNOSES.names():
            raise unknown_name("diagnosis", name, DIAGNOSES.names())
        if not isinstance(reason, str) or not reason.strip():
            raise WrongUse(
                where, f"no reason why {name} is meant", "a sentence that says why",
                f"for instance: {name} is meant, because it is being studied",
            )  # fmt: skip
    return {name: str(reason).strip() for name, reason in reasons.items()}
