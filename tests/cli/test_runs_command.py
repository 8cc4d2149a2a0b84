"""`pellucid runs`: list, show, compare, resume and delete what trainings left."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pellucid.base.errors import BadData, WrongUse
from pellucid.base.records import read_json, write_json
from pellucid.train.folders import RunFolder, all_runs, find
from pellucid.train.lock import alone


def damage(path: Path) -> None:
    """Cut a file in half."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def change(path: Path, **values: Any) -> None:
    write_json(path, {**read_json(path), **values})


def listed(call, *words: str) -> dict[str, dict[str, Any]]:
    outcome = call("runs", "list", *words, "--json", "list.json")
    assert outcome.code == 0, outcome.err
    return {row["name"]: row for row in json.loads(Path("list.json").read_text())["runs"]}


# --------------------------------------------------------------------------------------- list


def test_each_run_is_listed_with_what_its_files_say(shelf: Path, call) -> None:
    rows = listed(call)
    assert list(rows) == ["plain", "deep", "other", "noisy", "tale"]  # the oldest first
    result = read_json(shelf / "plain" / "result.json")
    plain = rows["plain"]
    assert (plain["dataset"], plain["net"], plain["task"]) == ("digits", "linear", "classify")
    assert (plain["epochs"], plain["of_epochs"], plain["state"]) == (2, 2, "finished")
    assert plain["value"] == result["test"]["accuracy"]
    assert (plain["low"], plain["high"]) == (result["test"]["low"], result["test"]["high"])
    files = [path for path in (shelf / "plain").rglob("*") if path.is_file()]
    assert plain["bytes"] == sum(path.stat().st_size for path in files)
    assert [rows[name]["metric"] for name in ("noisy", "tale")] == ["psnr_db", "nats"]


def test_a_run_judged_on_validation_is_marked(shelf: Path, call) -> None:
    result = read_json(shelf / "plain" / "result.json")
    del result["test"]
    write_json(shelf / "plain" / "result.json", result)
    row = listed(call)["plain"]
    assert (row["split"], row["value"]) == ("validation", result["validation"]["accuracy"])
    assert "v: judged on validation" in call("runs", "list").out


@pytest.mark.parametrize("file", ["recipe.json", "metrics.jsonl", "result.json"])
def test_a_damaged_run_is_named_and_the_others_are_listed(shelf: Path, call, file: str) -> None:
    path = shelf / "deep" / file
    if file == "metrics.jsonl":
        path.write_text('{"epoch": 1\n' + path.read_text())
    else:
        damage(path)
    rows = listed(call)
    assert rows["deep"]["state"] == "damaged"
    assert file in rows["deep"]["fault"]
    assert rows["plain"]["state"] == "finished"
    assert f"Damaged: deep: {path}" in call("runs", "list").out.replace("\n", "")


def test_a_run_without_its_recipe_and_one_of_a_newer_version_are_damaged(shelf, call) -> None:
    (shelf / "plain" / "recipe.json").unlink()
    change(shelf / "deep" / "result.json", schema=99)
    text = json.loads((shelf / "deep" / "result.json").read_text())
    (shelf / "deep" / "result.json").write_text(json.dumps({**text, "schema": 99}))
    rows = listed(call)
    assert "no such file" in rows["plain"]["fault"]
    assert "newer Pellucid" in rows["deep"]["fault"]


def test_states_are_told_apart(shelf: Path, call) -> None:
    (shelf / "plain" / "result.json").unlink()
    change(shelf / "deep" / "result.json", stopped="interrupted")
    change(shelf / "other" / "result.json", stopped="patience")
    states = {name: row["state"] for name, row in listed(call).items()}
    assert states["plain"] == "unfinished"
    assert states["deep"] == "interrupted"
    assert states["other"] == "finished"


def test_other_folders_are_no_runs(shelf: Path, call) -> None:
    (shelf / "notes").mkdir()
    (shelf / "notes" / "a.txt").touch()
    (shelf / "file.txt").touch()
    assert "notes" not in listed(call)


def test_no_runs_at_all_says_how_to_make_one(tmp_path: Path, monkeypatch, call) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PELLUCID_RUNS", raising=False)
    outcome = call("runs", "list")
    assert outcome.code == 0
    assert "pellucid train digits" in outcome.out


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path, call) -> None:
    outcome = call("runs", "list", "--runs", tmp_path / "gone")
    assert outcome.code == 2
    assert "gone" in outcome.err


def test_the_list_is_light_where_there_are_runs_too(shelf: Path) -> None:
    ask = (
        "import sys\nfrom pellucid.cli.main import main\n"
        "try: main(['runs', 'list'])\nexcept SystemExit: pass\n"
        "print(sorted({'torch', 'numpy'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "[]"
    assert "plain" in done.stdout


# --------------------------------------------------------------------------------------- show


def test_show_tells_verdict_epochs_recipe_looks_environment_and_notes(shelf: Path, call) -> None:
    (shelf / "plain" / "notes.md").write_text("the first of them")
    outcome = call("runs", "show", "plain")
    assert outcome.code == 0
    result = read_json(shelf / "plain" / "result.json")
    told = " ".join(outcome.out.split())
    assert result["verdict"]["headline"] in told
    for part in ("Epoch", "best", "net linear", "Looks at the test set: 1", "the first of them"):
        assert part in told
    assert read_json(shelf / "plain" / "environment.json")["torch"] in told


def test_a_run_is_found_by_its_folder_too(shelf: Path, call) -> None:
    assert call("runs", "show", shelf / "plain").code == 0


def test_a_run_without_a_result_says_how_to_go_on(shelf: Path, call) -> None:
    (shelf / "plain" / "result.json").unlink()
    outcome = call("runs", "show", "plain")
    assert outcome.code == 0
    assert "pellucid runs resume plain" in outcome.out


@pytest.mark.parametrize("file", ["recipe.json", "result.json", "environment.json", "looks.jsonl"])
def test_a_damaged_file_is_named(shelf: Path, call, file: str) -> None:
    path = shelf / "plain" / file
    path.write_text("{half\n")
    outcome = call("runs", "show", "plain")
    assert outcome.code == 3
    assert str(path) in outcome.err


def test_a_run_of_a_newer_version_is_refused_with_that_reason(shelf: Path, call) -> None:
    path = shelf / "plain" / "recipe.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema": 99}))
    outcome = call("runs", "show", "plain")
    assert outcome.code == 3
    assert "written by a newer Pellucid" in outcome.err


@pytest.mark.parametrize("words", [("show",), ("resume",), ("rm",), ("compare", "plain")])
def test_an_unknown_run_is_answered_with_the_near_miss(shelf: Path, call, words) -> None:
    outcome = call("runs", *words, "deeep")
    assert outcome.code == 2
    assert "did you mean deep?" in outcome.err


def test_a_folder_that_is_no_run_is_told_apart_from_a_name_that_is_not_there(
    shelf: Path, tmp_path: Path
) -> None:
    (tmp_path / "pictures").mkdir()
    with pytest.raises(BadData, match="without recipe"):
        find("pictures")
    with pytest.raises(WrongUse, match="zzz"):
        find("zzz")


# ------------------------------------------------------------------------------------- resume


def test_a_finished_run_is_told_to_be_finished(shelf: Path, call) -> None:
    before = (shelf / "plain" / "result.json").read_bytes()
    outcome = call("runs", "resume", "plain")
    assert outcome.code == 2
    assert "a finished run (2 of 2 epochs)" in outcome.err
    assert (shelf / "plain" / "result.json").read_bytes() == before


def test_a_killed_run_goes_on_and_ends_as_if_it_had_not_been_killed(shelf: Path, call) -> None:
    from pellucid.data.load import load as load_data
    from pellucid.train.checkpoint import load_tensors
    from pellucid.train.fit import Sitting
    from pellucid.train.watcher import Watcher

    class Kill(Watcher):
        def on_epoch(self, training: Any, row: Any) -> None:
            raise RuntimeError("killed")

    whole = RunFolder(shelf / "deep")
    with pytest.raises(RuntimeError, match="killed"):
        Sitting(whole.recipe, load_data("digits")).start(shelf, "killed", [Kill()], True)
    assert listed(call)["killed"]["state"] == "unfinished"
    outcome = call("runs", "resume", "killed", "--json", "r.json")
    assert outcome.code == 0, outcome.err
    assert "Resumed in epoch 2" in outcome.err
    assert listed(call)["killed"]["state"] == "finished"
    resumed, _ = load_tensors(shelf / "killed" / "checkpoints" / "best.safetensors")
    undisturbed, _ = load_tensors(shelf / "deep" / "checkpoints" / "best.safetensors")
    assert all(bool((resumed[name] == tensor).all()) for name, tensor in undisturbed.items())
    told, expected = json.loads(Path("r.json").read_text()), read_json(whole.folder / "result.json")
    assert told["test"] == expected["test"]
    assert (shelf / "killed" / "report.html").is_file()


def test_a_run_on_a_network_object_says_how_to_resume_it(shelf: Path, call) -> None:
    change(shelf / "plain" / "recipe.json", net="given:Mine")
    (shelf / "plain" / "result.json").unlink()
    outcome = call("runs", "resume", "plain")
    assert outcome.code == 2
    assert "network=" in outcome.err


def test_a_damaged_checkpoint_is_named_and_kept(shelf: Path, call) -> None:
    (shelf / "plain" / "result.json").unlink()
    path = shelf / "plain" / "checkpoints" / "last.safetensors"
    damage(path)
    outcome = call("runs", "resume", "plain")
    assert outcome.code == 3
    assert str(path) in outcome.err


def test_a_run_that_a_process_trains_is_shown_so(shelf: Path, call) -> None:
    (shelf / "deep" / "result.json").unlink()
    with alone(shelf / "plain"), alone(shelf / "deep"):
        rows = listed(call)
        assert [rows[name]["state"] for name in ("plain", "deep")] == ["training", "training"]
        told = call("runs", "show", "deep", "--json", "show.json").out
        assert json.loads(Path("show.json").read_text())["state"] == "training"
        assert "deep (training)" in told
        assert "a process is training it at the moment" in told
        assert "runs resume" not in told
    rows = listed(call)
    assert [rows[name]["state"] for name in ("plain", "deep")] == ["finished", "unfinished"]
    assert "pellucid runs resume deep" in call("runs", "show", "deep").out


def test_a_list_sweeps_away_what_never_became_a_run(shelf: Path, call) -> None:
    (shelf / ".0123456789abcdef").mkdir()
    (shelf / ".0123456789abcdef" / "recipe.json").write_text("{}")
    assert "0123456789abcdef" not in call("runs", "list").out
    assert sorted(path.name for path in shelf.iterdir()) == sorted(listed(call))


# ----------------------------------------------------------------------------------------- rm


def test_runs_are_deleted_with_yes_alone_where_nobody_can_be_asked(
    shelf, call, monkeypatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    outcome = call("runs", "rm", "plain")
    assert outcome.code == 2
    assert "--yes" in outcome.err
    assert (shelf / "plain").is_dir()
    assert call("runs", "rm", "plain", "deep", "--yes").code == 0
    assert [run.name for run in all_runs(shelf)] == ["other", "noisy", "tale"]


@pytest.mark.parametrize(
    ("answer", "code", "left"), [("y", 0, False), ("n", 1, True), ("", 1, True)]
)
def test_the_answer_at_a_terminal_counts(
    shelf, call, monkeypatch, answer: str, code: int, left: bool
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal(answer + "\n" if answer else ""))
    assert call("runs", "rm", "plain").code == code
    assert (shelf / "plain").is_dir() is left


def test_a_damaged_run_can_be_deleted(shelf: Path, call) -> None:
    (shelf / "plain" / "recipe.json").unlink()
    assert call("runs", "rm", "plain", "--yes").code == 0
    assert not (shelf / "plain").exists()


def test_nothing_is_deleted_if_one_name_is_wrong(shelf: Path, call) -> None:
    assert call("runs", "rm", "plain", "nosuch", "--yes").code == 2
    assert (shelf / "plain").is_dir()


def test_a_folder_that_is_no_run_is_not_deleted(shelf: Path, tmp_path: Path, call) -> None:
    (tmp_path / "precious").mkdir()
    for name in ("precious", ".", ".."):
        assert call("runs", "rm", name, "--yes").code in (2, 3)
    assert (tmp_path / "precious").is_dir()
    assert len(all_runs(shelf)) == 5


def test_the_state_of_a_folder_is_read_from_its_result(shelf: Path) -> None:
    assert RunFolder(shelf / "plain").state == "finished"


def test_a_report_of_a_newer_version_is_refused_once(shelf: Path, call) -> None:
    change(shelf / "plain" / "recipe.json", schema=99)
    outcome = call("report", "plain")
    assert outcome.code == 3
    assert outcome.err.count("schema 99") == 1
