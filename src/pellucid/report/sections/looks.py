"""Every look at the sealed test set."""

from __future__ import annotations

from pellucid.report.markup import paragraph, section, table, text
from pellucid.report.material import Material
from pellucid.report.wording import count, moment


def render(material: Material) -> str:
    """The list; that the set is still sealed where the run is judged but nobody looked."""
    looks = material.looks
    if not looks and material.result is None:
        return ""
    rows = [
        [text(moment(str(look["time"]))), text(look["reason"]), f"{look['examples']:,}"]
        for look in looks
    ]
    told = (
        table(["When", "Why", "Examples"], rows, right=(2,))
        if looks
        else paragraph("The test set of this run is still sealed: nobody has looked.")
    )
    many = (
        paragraph(
            f"It was opened {count(len(looks), 'time')}. Who chooses between networks by a test "
            "result has trained on it a little: the result flatters, the more the oftener.",
            "note",
        )
        if len(looks) > 1
        else ""
    )
    return section(
        "looks",
        "Looks at the test set",
        "The test set stands for the world outside: it counts only as long as nothing was chosen "
        "by it. So it is sealed, and each time it is opened stands here.",
        told,
        many,
    )
