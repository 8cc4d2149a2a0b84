"""The dispatcher: finds the one command, tells errors in four parts, exits with the right code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest
import typer

from pellucid import __version__
from pellucid.base.errors import BadData, PellucidError, WrongUse, unknown_name
from pellucid.cli import main as dispatcher
from pellucid.cli.main import main
from pellucid.cli.output import JsonPath, Voice


def fetch(name: str, times: int = typer.Option(1, "--times"), json_path: JsonPath = None) -> int:
    """Bring `name`, or fail in the way that `name` says."""
    failures: dict[str, BaseException] = {
        "expectation": PellucidError("fetch", "0 sticks", "1 stick", "throw again"),
        "use": WrongUse("fetch", "'use'", "a stick", "name a stick"),
        "data": BadData("stick.txt", "half a stick", "a whole stick", "bring the other half"),
        "ctrl-c": KeyboardInterrupt(),
        "bug": RuntimeError("a bug of ours"),
    }
    if name in failures:
        raise failures[name]
    voice = Voice(json_path)
    voice.people.print(f"brought {name} × {times}")
    voice.record({"name": name, "times": times})
    return 1 if name == "nothing" else 0


@dataclass
class OneCommand:
    """A catalog with `fetch` alone."""

    def menu(self) -> dict[str, str]:
        return {"fetch": "Bring something"}

    def load(self, name: str) -> ModuleType:
        if name != "fetch":
            raise unknown_name("command", name, ["fetch"])
        module = ModuleType("fetch")
        app = typer.Typer(add_completion=False)
        app.command()(fetch)
        vars(module)["app"] = app
        return module


@dataclass
class Outcome:
    code: object
    out: str
    err: str


Run = Callable[..., Outcome]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setattr(dispatcher, "COMMANDS", OneCommand())
    monkeypatch.delenv("PELLUCID_DEBUG", raising=False)

    def call(*words: str) -> Outcome:
        with pytest.raises(SystemExit) as ended:
            main(words)
        captured = capsys.readouterr()
        return Outcome(ended.value.code, captured.out, captured.err)

    return call


# --------------------------------------------------------------------------- help and version


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",), ("help",)])
def test_help_shows_every_command_with_its_line(run: Run, words: tuple[str, ...]) -> None:
    outcome = run(*words)
    assert outcome.code == 0
    assert "  fetch  Bring something\n" in outcome.out
    assert "--debug" in outcome.out
    assert outcome.err == ""


def test_a_commands_own_help_ends_with_0(run: Run) -> None:
    outcome = run("fetch", "--help")
    assert outcome.code == 0
    assert "--times" in outcome.out


def test_the_version_is_told(run: Run) -> None:
    assert run("--version").out == f"pellucid {__version__}\n"


def test_the_real_catalog_has_a_line_for_each_command() -> None:
    menu = dispatcher.COMMANDS.menu()
    assert all(menu.values()), menu


# ----------------------------------------------------------------------------------- exit codes


@pytest.mark.parametrize(
    ("name", "code"),
    [("stick", 0), ("nothing", 1), ("expectation", 1), ("use", 2), ("data", 3), ("ctrl-c", 130)],
)
def test_each_way_to_end_has_its_exit_code(run: Run, name: str, code: int) -> None:
    assert run("fetch", name).code == code


def test_ctrl_c_is_told_without_a_traceback(run: Run) -> None:
    assert run("fetch", "ctrl-c").err == "\nStopped.\n"


def test_a_bug_of_ours_is_not_hidden(run: Run) -> None:
    with pytest.raises(RuntimeError, match="a bug of ours"):
        run("fetch", "bug")


# --------------------------------------------------------------------------------------- errors


def test_an_error_is_told_in_four_parts_on_standard_error(run: Run) -> None:
    outcome = run("fetch", "data")
    told = "stick.txt: found half a stick, expected a whole stick.\nFix: bring the other half\n"
    assert outcome == Outcome(3, "", told)


def test_an_unknown_command_is_asked_back_with_the_near_miss(run: Run) -> None:
    outcome = run("fech")
    assert outcome.code == 2
    assert "command: found 'fech'" in outcome.err
    assert "did you mean 'fetch'?" in outcome.err


@pytest.mark.parametrize(
    "words",
    [("--tims", "2", "stick"), ("--times", "two", "stick"), ("stick", "stone"), ()],
    ids=["unknown option", "text for a number", "one word too many", "argument missing"],
)
def test_what_typer_finds_wrong_is_a_four_part_error(run: Run, words: tuple[str, ...]) -> None:
    outcome = run("fetch", *words)
    assert outcome.code == 2
    assert outcome.err.startswith("pellucid fetch: found ")
    assert "Fix: see: pellucid fetch --help" in outcome.err
    assert "Traceback" not in outcome.err


@pytest.mark.parametrize(
    ("words", "found", "fix"),
    [
        (("stick", "--times", "two"), "found 'two' for '--times', expected a whole number.", ""),
        (("stick", "--times=two"), "found 'two' for '--times', expected a whole number.", ""),
        (("stick", "--tims", "2"), "found No such option: --tims, ", "did you mean --times?"),
    ],
)
def test_what_the_user_wrote_stands_in_the_error(
    run: Run, words: tuple[str, ...], found: str, fix: str
) -> None:
    outcome = run("fetch", *words)
    assert found in outcome.err
    assert f"Fix: see: pellucid fetch --help{', ' if fix else ''}{fix}" in outcome.err


def test_a_near_miss_of_a_commands_command_is_the_mend() -> None:
    with pytest.raises(WrongUse) as caught:
        dispatcher._run(["runs", "shwo"])
    assert caught.value.found == "No such command 'shwo'"
    assert caught.value.fix == "see: pellucid runs --help, did you mean 'show'?"


def test_a_sub_command_is_named_with_its_own_help() -> None:
    with pytest.raises(WrongUse) as caught:
        dispatcher._run(["runs", "list", "--nosuch"])
    assert caught.value.where == "pellucid runs list"
    assert caught.value.fix == "see: pellucid runs list --help"


@pytest.mark.parametrize("place", [0, 1, 2])
def test_debug_lets_the_error_through_wherever_it_stands(run: Run, place: int) -> None:
    words = ["fetch", "data"]
    words.insert(place, "--debug")
    with pytest.raises(BadData):
        run(*words)


@pytest.mark.parametrize(("value", "shown"), [("1", True), ("0", False), ("", False)])
def test_debug_can_be_set_in_the_environment(
    run: Run, monkeypatch: pytest.MonkeyPatch, value: str, shown: bool
) -> None:
    monkeypatch.setenv("PELLUCID_DEBUG", value)
    if shown:
        with pytest.raises(BadData):
            run("fetch", "data")
    else:
        assert run("fetch", "data").code == 3


# ----------------------------------------------------------------------------------------- JSON

ERROR = {
    "kind": "BadData",
    "where": "stick.txt",
    "found": "half a stick",
    "expected": "a whole stick",
    "fix": "bring the other half",
}


def test_with_json_on_standard_output_people_read_standard_error(run: Run) -> None:
    outcome = run("fetch", "stick", "--json", "-")
    assert json.loads(outcome.out) == {"schema": 1, "name": "stick", "times": 1}
    assert outcome.err == "brought stick × 1\n"


@pytest.mark.parametrize("words", [("--json", "-"), ("--json=-",)])
def test_an_error_is_the_json_object(run: Run, words: tuple[str, ...]) -> None:
    outcome = run("fetch", "data", *words)
    assert outcome.code == 3
    assert json.loads(outcome.out) == {"schema": 1, "error": ERROR}


def test_an_error_goes_into_the_json_file(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    run("fetch", "data", "--json", str(path))
    assert json.loads(path.read_text()) == {"schema": 1, "error": ERROR}


def test_wrong_use_goes_to_json_too(run: Run) -> None:
    record = json.loads(run("fetch", "--tims", "2", "--json", "-").out)
    assert record["error"]["kind"] == "WrongUse"


@pytest.mark.parametrize("name", ["stick", "data"])
def test_a_json_file_that_cannot_be_written_is_told_without_a_traceback(
    run: Run, tmp_path: Path, name: str
) -> None:
    (tmp_path / "file").write_text("")
    outcome = run("fetch", name, "--json", str(tmp_path / "file" / "out.json"))
    assert outcome.code == 3
    assert "out.json: found" in outcome.err


# ------------------------------------------------------------------------------ the real process


def pellucid(*words: str) -> Outcome:
    environment = {key: value for key, value in os.environ.items() if key != "PELLUCID_DEBUG"}
    done = subprocess.run(
        [sys.executable, "-m", "pellucid", *words],
        capture_output=True,
        encoding="utf-8",
        env=environment,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def test_the_process_ends_with_the_code_and_shows_no_traceback() -> None:
    outcome = pellucid("nosuchcommand")
    assert outcome.code == 2
    assert outcome.out == ""
    assert "Traceback" not in outcome.err
    assert outcome.err.count("\n") == 2


def test_the_process_shows_the_traceback_with_debug() -> None:
    outcome = pellucid("nosuchcommand", "--debug")
    assert outcome.code != 0
    assert "Traceback" in outcome.err
    assert "WrongUse" in outcome.err


def test_of_several_processes_the_first_tells_at_once_and_another_only_what_it_met_alone(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(dispatcher.time, "sleep", waited.append)
    monkeypatch.setenv("RANK", "0")
    first = run("fetch", "use")
    assert waited == []
    monkeypatch.setenv("RANK", "1")
    second = run("fetch", "use")
    assert waited == [dispatcher.PATIENCE]  # torchrun has ended it long before, if all met it
    assert second.err == f"Process 1 alone:\n{first.err}"
    assert first.code == second.code == 2


def test_a_subcommand_typed_as_a_command_is_told_where_it_belongs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        main(["resume", "mine"])
    assert "Fix: did you mean 'runs resume'?" in capsys.readouterr().err


def test_what_is_missing_is_told_with_what_it_means(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["train"])
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert told.startswith("pellucid train: found no argument 'data', expected a data set (see:")
    assert told.endswith("Fix: see: pellucid train --help\n")
