"""`pellucid data list | show | get`, as people and as machines use it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pellucid.cli.main import main
from pellucid.data.load import SETS


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["data", *words])
    return int(ended.value.code or 0)


def recorded(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> dict[str, Any]:
    assert run(*words, "--json", "-") == code
    record: dict[str, Any] = json.loads(capsys.readouterr().out)
    return record


def test_the_list_names_every_set_and_where_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    record = recorded(capsys, "list")
    assert [one["name"] for one in record["sets"]] == SETS.names()
    where = {one["name"]: one["where"] for one in record["sets"]}
    assert where["digits"] == "bundled"
    assert where["mnist"] == "to download"
    assert where["cifar10-pictures"] == "missing, no public copy"


def test_the_list_tells_what_lies_in_the_data_folder(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "names").mkdir()
    (tmp_path / "names" / "names.txt").touch()
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist" / "train-labels-idx1-ubyte.gz").touch()
    monkeypatch.setenv("PELLUCID_DATA", str(tmp_path))
    where = {one["name"]: one["where"] for one in recorded(capsys, "list")["sets"]}
    assert where["names"] == "PELLUCID_DATA"
    assert where["mnist"] == "some files missing"


def test_the_list_loads_no_numpy_and_no_torch() -> None:
    code = (
        "import sys\nfrom pellucid.cli.main import main\n"
        "try:\n    main(['data', 'list'])\nexcept SystemExit:\n"
        "    print(sorted({'numpy', 'torch', 'PIL', 'sklearn', 'requests'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_show_prints_card_splits_classes_and_flaws(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("show", "digits") == 0
    text = capsys.readouterr().out
    for part in ("Alpaydin", "CC BY 4.0", "1 × 8 × 8", "1,133", "Flaw: 43 writers"):
        assert part in text


def test_show_writes_the_data_sets_record(capsys: pytest.CaptureFixture[str]) -> None:
    record = recorded(capsys, "show", "digits", "--set", "split_seed=3")
    assert record["sizes"] == {"train": 1133, "validation": 305, "test": 359}
    assert sum(record["class_counts"]["train"]) == 1133
    assert record["card"]["name"] == "digits"


def test_show_takes_a_folder(capsys: pytest.CaptureFixture[str], pets: Path) -> None:
    record = recorded(capsys, "show", str(pets), "--set", "size=16", "--offline")
    assert record["shape"] == [3, 16, 16]
    assert run("show", str(pets)) == 0
    assert "cats" in capsys.readouterr().out


def test_show_takes_a_text(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("to be or not to be [b]\n" * 100)
    assert run("show", str(tmp_path / "t.txt")) == 0
    assert "symbols: � \\n" in capsys.readouterr().out


def test_get_of_what_is_bundled_has_nothing_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert recorded(capsys, "get", "digits")["sets"] == [{"name": "digits", "files": {}}]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("show", "mnis"), 2, "did you mean 'mnist'"),
        (("get", "mnis"), 2, "did you mean 'mnist'"),
        (("get", "mnist", "--offline"), 3, "missing while the network is forbidden"),
        (("show", "digits", "--set", "size"), 2, "key=value"),
        (("show", "digits", "--set", "size=3"), 2, "setting 'size'"),
        (("show", "./nowhere"), 3, "does not exist"),
    ],
)
def test_a_mistake_ends_with_its_code_and_four_parts(
    words: tuple[str, ...], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*words) == code
    error = capsys.readouterr().err
    assert said in error
    assert "Fix: " in error
    record = recorded(capsys, *words, code=code)["error"]
    assert {"where", "found", "expected", "fix"} <= set(record)


@pytest.mark.parametrize("command", ["list", "show", "get"])
def test_the_help_carries_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(command, "--help") == 0
    assert f"pellucid data {command}" in capsys.readouterr().out
