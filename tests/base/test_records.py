"""Records: written whole or not at all, and named when they are damaged."""

from __future__ import annotations

import errno
import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.base.errors import BadData, PellucidError, WrongUse
from pellucid.base.records import (
    SCHEMA,
    append_json_line,
    read_json,
    read_json_lines,
    sweep_unfinished,
    to_json,
    write_bytes,
    write_json,
    write_text,
)

# ------------------------------------------------------------------------- what is written is read


def test_what_is_written_is_read_again_with_its_schema(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "record.json"
    write_json(path, {"name": "Zoë", "values": [1, 2.5, None]})
    assert read_json(path) == {"schema": SCHEMA, "name": "Zoë", "values": [1, 2.5, None]}
    assert list(path.parent.iterdir()) == [path]


def test_the_schema_stands_first_and_the_file_ends_with_a_line_end(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": 1})
    assert (tmp_path / "a.json").read_text() == '{\n  "schema": 1,\n  "b": 1\n}\n'


def test_text_is_written_as_utf8_without_changing_its_line_ends(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "ä\r\n")
    assert (tmp_path / "a.txt").read_bytes() == b"\xc3\xa4\r\n"


def test_others_may_read_what_was_written(tmp_path: Path) -> None:
    write_bytes(tmp_path / "a", b"")
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o644


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner),
    max_leaves=20,
)


def without_infinities(value: Any) -> Any:
    """The value as JSON can hold it, worked out apart from the code under test."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, list | tuple):
        return [without_infinities(entry) for entry in value]
    if isinstance(value, dict):
        return {key: without_infinities(entry) for key, entry in value.items()}
    return value


@given(json_values)
def test_every_value_becomes_strict_json_on_one_line_if_asked(value: Any) -> None:
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    text = to_json(value, indent=None)
    assert "\n" not in text
    assert json.loads(text, parse_constant=refuse) == without_infinities(value)


# --------------------------------------------------------------------------------- a kill, any time

STEPS = ["tempfile.mkstemp", "os.fdopen", "half", "os.fsync", "os.chmod", "os.replace", "after"]

VICTIM = """
import os, signal, sys, tempfile
from pathlib import Path
from pellucid.base.records import write_bytes

step = sys.argv[2]

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

class Half:
    # a file that takes half of what it gets
    def __init__(self, handle): self.handle = handle
    def __enter__(self): return self
    def __exit__(self, *_): return None
    def write(self, content): os.write(self.handle, content[: len(content) // 2]); die()

if step == "half":
    os.fdopen = lambda handle, mode: Half(handle)
elif step != "after":
    setattr({"os": os, "tempfile": tempfile}[step.split(".")[0]], step.split(".")[1], die)
write_bytes(Path(sys.argv[1]), b"new" * 1000)
die()
"""


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_at_any_step_leaves_the_old_file_or_the_new_one(step: str, tmp_path: Path) -> None:
    path = tmp_path / "record"
    path.write_bytes(b"old")
    killed = subprocess.run([sys.executable, "-c", VICTIM, str(path), step], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert path.read_bytes() == (b"new" * 1000 if step == "after" else b"old")


def test_what_a_kill_left_behind_does_not_disturb_the_next_write(tmp_path: Path) -> None:
    path = tmp_path / "record"
    subprocess.run([sys.executable, "-c", VICTIM, str(path), "half"], check=False)
    assert not path.exists()
    write_bytes(path, b"whole")
    assert path.read_bytes() == b"whole"


# ------------------------------------------------------------------------------ the disk refuses


def refusing(number: int) -> Any:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    return refuse


@pytest.mark.parametrize("call", ["fsync", "replace", "chmod"])
def test_a_full_disk_leaves_the_old_file_and_nothing_beside_it(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "record.json"
    write_json(path, {"a": 1})
    monkeypatch.setattr(os, call, refusing(errno.ENOSPC))
    with pytest.raises(BadData, match="no space left") as caught:
        write_json(path, {"a": 2})
    monkeypatch.undo()
    assert caught.value.where == str(path)
    assert read_json(path)["a"] == 1
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_disk_that_is_really_full_is_told() -> None:
    with pytest.raises(BadData, match="no space left"):
        append_json_line(Path("/dev/full"), {"step": 1})


@pytest.mark.parametrize(
    ("number", "kind", "told"),
    [
        (errno.EDQUOT, BadData, "no space left"),
        (errno.EACCES, WrongUse, "may not be written"),
        (errno.EROFS, WrongUse, "may not be written"),
        (errno.EIO, BadData, "input/output error"),
    ],
)
def test_each_refusal_of_the_disk_is_a_four_part_error(
    number: int,
    kind: type[PellucidError],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "replace", refusing(number))
    with pytest.raises(kind, match=told):
        write_text(tmp_path / "a", "")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_wrong_use(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    with pytest.raises(WrongUse, match="may not be written"):
        write_text(tmp_path / "a", "")


def test_a_file_where_a_folder_should_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    with pytest.raises(PellucidError, match=r"runs.*record\.json"):
        write_json(tmp_path / "runs" / "record.json", {})


# ---------------------------------------------------------------------------------- damaged records


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "not whole JSON"),
        (b'{"schema": 1, "a": ', "not whole JSON"),
        (b"\xff\xfe\x00", "not whole JSON"),
        (b"[1, 2]", "JSON of kind list"),
        (b'{"schema": "one"}', "schema 'one'"),
        (b'{"schema": null}', "schema None"),
    ],
)
def test_a_damaged_record_is_named(content: bytes, found: str, tmp_path: Path) -> None:
    path = tmp_path / "recipe.json"
    path.write_bytes(content)
    with pytest.raises(BadData) as caught:
        read_json(path)
    assert caught.value.where == str(path)
    assert found in caught.value.found


def test_a_record_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "recipe.json"
    write_json(path, {"name": "ä", "seed": 12})
    whole = path.read_bytes().rstrip()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(BadData):
            read_json(path)


def test_a_missing_record_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadData, match=r"recipe\.json: found no such file"):
        read_json(tmp_path / "recipe.json")


def test_a_record_that_cannot_be_opened_is_a_four_part_error(tmp_path: Path) -> None:
    with pytest.raises(PellucidError, match=tmp_path.name):
        read_json(tmp_path)


def test_a_record_of_a_newer_version_is_refused_with_that_reason(tmp_path: Path) -> None:
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps({"schema": SCHEMA + 1, "unheard": "of"}))
    with pytest.raises(BadData, match="written by a newer Pellucid") as caught:
        read_json(path)
    assert "upgrade" in caught.value.fix


def test_a_record_without_a_schema_is_one_of_ours(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"a": 1}')
    assert read_json(tmp_path / "a.json") == {"a": 1}


# ------------------------------------------------------------------------------------- JSON Lines


def test_lines_are_read_in_the_order_in_which_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    for step in range(3):
        append_json_line(path, {"step": step, "loss": math.nan, "text": "a\nb"})
    assert [record["step"] for record in read_json_lines(path)] == [0, 1, 2]
    assert read_json_lines(path)[0] == {"step": 0, "loss": None, "text": "a\nb"}


def test_a_missing_file_has_no_lines(tmp_path: Path) -> None:
    assert read_json_lines(tmp_path / "metrics.jsonl") == []


def test_a_last_line_cut_off_anywhere_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    append_json_line(path, {"step": 1})
    first = path.read_bytes()
    append_json_line(path, {"name": "ä"})
    whole = path.read_bytes()
    for length in range(len(first), len(whole)):
        path.write_bytes(whole[:length])
        assert read_json_lines(path) == [{"step": 1}]


def test_after_a_cut_off_last_line_the_next_one_is_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1}\n{"step": 2, "lo')
    append_json_line(path, {"step": 2, "loss": 0.5})
    assert read_json_lines(path) == [{"step": 1}, {"step": 2, "loss": 0.5}]


@pytest.mark.parametrize("line", [b'{"step": ', b"", b"\xff"])
def test_damage_before_the_last_line_is_named_with_its_number(line: bytes, tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"step": 1}\n' + line + b'\n{"step": 3}\n')
    with pytest.raises(BadData, match="line 2") as caught:
        read_json_lines(path)
    assert caught.value.where == str(path)


def test_appending_where_one_may_not_write_is_a_four_part_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "open", refusing(errno.EACCES))
    with pytest.raises(WrongUse, match="may not be written"):
        append_json_line(tmp_path / "a.jsonl", {})


KILLED = """
import os, signal, sys
from pathlib import Path
from pellucid.base.records import write_text

os.fsync = lambda handle: os.kill(os.getpid(), signal.SIGKILL)
write_text(Path(sys.argv[1]), "half")
"""


def test_what_a_kill_leaves_under_a_temporary_name_is_swept_and_nothing_else(
    tmp_path: Path,
) -> None:
    whole, inside = tmp_path / "a.json", tmp_path / "checkpoints"
    inside.mkdir()
    others = [tmp_path / ".DS_Store", tmp_path / ".a.json", inside / ".notes.md.swp"]
    for path in (whole, *others):
        path.write_text("kept")
    for path in (whole, inside / "last.safetensors"):
        subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    kept = {*others, whole}
    left = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert len(left - kept) == 2
    sweep_unfinished(tmp_path)
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == kept
    assert whole.read_text() == "kept"
