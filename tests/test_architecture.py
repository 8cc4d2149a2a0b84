"""ARCHITECTURE.md and the rules of form, held against the folders.

Every rule is a function from a folder to its faults. The same function that finds none in the
project must find one in a folder where it was planted.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pellucid.base.catalog import Catalog

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "pellucid"
PAGE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
CODE_FOLDERS = ("src", "tests", "benchmarks", "changes")

FILE_LINES = 400
FUNCTION_LINES = 40
LINE_SIGNS = 100
VAGUE_NAMES = {"utils", "util", "common", "helpers", "helper", "misc"}

Function = ast.FunctionDef | ast.AsyncFunctionDef
Rule = Callable[[Path], list[str]]


def check_none(faults: list[str]) -> None:
    assert not faults, "\n".join(faults)


def code_files(root: Path, *folders: str) -> Iterator[tuple[str, str]]:
    """Every Python file below `folders` of `root`: its path from `root` and its text."""
    for folder in folders or CODE_FOLDERS:
        for path in sorted((root / folder).rglob("*.py")):
            yield path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")


def nodes(root: Path, *folders: str) -> Iterator[tuple[str, ast.AST]]:
    for name, text in code_files(root, *folders):
        for node in ast.walk(ast.parse(text)):
            yield name, node


# ------------------------------------------------------------------------------ rules of form


def long_files(root: Path) -> list[str]:
    counts = {name: len(text.splitlines()) for name, text in code_files(root)}
    return [f"{name}: {count} lines" for name, count in counts.items() if count > FILE_LINES]


def long_functions(root: Path) -> list[str]:
    return [
        f"{name}:{node.lineno}: {node.name}, {length(node)} lines"
        for name, node in nodes(root)
        if isinstance(node, Function) and length(node) > FUNCTION_LINES
    ]


def length(function: Function) -> int:
    """A function's lines; those of a command's signature, its table of options, do not count."""
    callers = (mark.func for mark in function.decorator_list if isinstance(mark, ast.Call))
    is_command = any(ast.unparse(caller) == "app.command" for caller in callers)
    first = function.body[0].lineno if is_command else function.lineno
    return (function.end_lineno or first) - first + 1


def long_lines(root: Path) -> list[str]:
    return [
        f"{name}:{number}: {len(line)} signs"
        for name, text in code_files(root)
        for number, line in enumerate(text.splitlines(), start=1)
        if len(line) > LINE_SIGNS
    ]


def vague_names(root: Path) -> list[str]:
    return [
        name
        for name, _ in code_files(root)
        if VAGUE_NAMES & {part.strip("_") for part in Path(name).with_suffix("").parts}
    ]


def relative_imports(root: Path) -> list[str]:
    return [
        f"{name}:{node.lineno}"
        for name, node in nodes(root)
        if isinstance(node, ast.ImportFrom) and node.level > 0
    ]


def files_without_assertion(root: Path) -> list[str]:
    """Test files in which nothing can fail: no `assert`, no `raises`, no `check…(…)`."""
    return [
        name
        for name, text in code_files(root, "tests")
        if Path(name).name.startswith("test_")
        and not any(_asserts(node) for node in ast.walk(ast.parse(text)))
    ]


def _asserts(node: ast.AST) -> bool:
    called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
    last = called.rpartition(".")[2]
    return isinstance(node, ast.Assert) or last == "raises" or last.startswith("check")


def idle_comparisons(root: Path) -> list[str]:
    """Comparisons whose result nobody uses: an `assert` was forgotten."""
    return [
        f"{name}:{node.lineno}"
        for name, node in nodes(root)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Compare)
    ]


def sleeping_tests(root: Path) -> list[str]:
    return [
        f"{name}:{node.lineno}"
        for name, node in nodes(root, "tests")
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("time.sleep", "sleep")
    ]


PLANTED: dict[Rule, tuple[str, str]] = {
    long_files: ("src/a.py", "x = 1\n" * (FILE_LINES + 1)),
    long_functions: ("src/a.py", "def f():\n" + "    x = 1\n" * FUNCTION_LINES),
    long_lines: ("tests/test_a.py", "x = " + "1" * LINE_SIGNS),
    vague_names: ("src/pellucid/_helpers.py", ""),
    relative_imports: ("src/a/b.py", "def f():\n    from . import c\n"),
    files_without_assertion: ("tests/test_a.py", "def test_a():\n    print(1 == 1)\n"),
    idle_comparisons: ("tests/test_a.py", "def test_a():\n    1 == 2\n    assert True\n"),
    sleeping_tests: ("tests/test_a.py", "import time\ntime.sleep(1)\n"),
}


@pytest.mark.parametrize("rule", PLANTED, ids=lambda rule: rule.__name__)
def test_the_project_keeps_the_rule(rule: Rule) -> None:
    check_none(rule(ROOT))


@pytest.mark.parametrize("rule", PLANTED, ids=lambda rule: rule.__name__)
def test_the_rule_finds_a_planted_fault(rule: Rule, tmp_path: Path) -> None:
    name, text = PLANTED[rule]
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    assert len(rule(tmp_path)) == 1


@pytest.mark.parametrize(("body", "found"), [(FUNCTION_LINES, 0), (FUNCTION_LINES + 1, 1)])
def test_a_commands_signature_does_not_count(body: int, found: int, tmp_path: Path) -> None:
    signature = "@app.command()\ndef f(\n" + "".join(f"    a{n}: int,\n" for n in range(60))
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.py").write_text(f"{signature}) -> None:\n" + "    x = 1\n" * body)
    assert len(long_functions(tmp_path)) == found


# --------------------------------------------------------------------- the page and the folders


def layers() -> list[list[str]]:
    """The lines of the layer contract, top first; parentheses mean that a part may be missing."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contract = settings["tool"]["importlinter"]["contracts"][0]
    return [re.findall(r"\w+", line) for line in contract["layers"]]


def drawn(page: str) -> list[list[str]]:
    """The lines of the drawing, top first: what stands before the explanation."""
    drawing = page.split("```")[1].strip("\n").splitlines()
    return [re.findall(r"\w+", re.split(r"\s{2,}", line.strip())[0]) for line in drawing]


def described(page: str) -> dict[str, tuple[str, bool]]:
    """The table of parts: part → (what it holds, whether it is to come)."""
    rows = re.findall(r"^\| `(\w+)`( \(to come\))? \| (.+?) \|", page, flags=re.MULTILINE)
    return {part: (holds, bool(to_come)) for part, to_come, holds in rows}


def docstrings(source: Path) -> dict[str, str]:
    """The folders of the package: part → its docstring's first line without the final dot."""
    files = sorted(source.glob("*/__init__.py"))
    texts = {path.parent.name: ast.get_docstring(ast.parse(path.read_text())) for path in files}
    return {part: (text or "").split("\n")[0].rstrip(".") for part, text in texts.items()}


def faults_of_the_table(page: str, source: Path) -> list[str]:
    """Where the table of parts and the package's folders disagree."""
    table, folders = described(page), docstrings(source)
    faults = [f"no row for the folder {part}" for part in folders.keys() - table.keys()]
    for part, (holds, to_come) in table.items():
        if to_come == (part in folders):
            faults.append(f"{part}: marked 'to come' {to_come}, folder there {part in folders}")
        elif part in folders and folders[part] != holds:
            faults.append(f"{part}: the table says {holds!r}, its docstring {folders[part]!r}")
    return faults


def test_the_drawing_is_the_layer_contract() -> None:
    assert [set(line) for line in drawn(PAGE)] == [set(line) for line in layers()]


def test_the_table_describes_every_part_in_the_words_of_its_docstring() -> None:
    check_none(faults_of_the_table(PAGE, SOURCE))
    assert described(PAGE).keys() == {part for line in drawn(PAGE) for part in line}


def test_a_wrong_table_is_found(tmp_path: Path) -> None:
    for part, text in {"base": '"""The ground."""', "nets": '"""Nets."""', "lost": ""}.items():
        (tmp_path / part).mkdir()
        (tmp_path / part / "__init__.py").write_text(text)
    page = "| `base` | The ground | no |\n| `nets` (to come) | Nets | |\n| `gone` | Gone | |\n"
    assert faults_of_the_table(page, tmp_path) == [
        "no row for the folder lost",
        "nets: marked 'to come' True, folder there True",
        "gone: marked 'to come' False, folder there False",
    ]
    other = page.replace("The ground", "The sky")
    assert "base: the table says 'The sky', its docstring 'The ground'" in faults_of_the_table(
        other, tmp_path
    )


def torch_imports(page: str, source: Path) -> list[str]:
    """Imports of torch in parts whose third column begins with "no"."""
    without = re.findall(r"^\| `(\w+)`[^|]*\|[^|]+\| no", page, flags=re.MULTILINE)
    imports = (
        (name, node.lineno, [alias.name for alias in node.names], getattr(node, "module", ""))
        for part in without
        for name, node in nodes(source, part)
        if isinstance(node, ast.Import | ast.ImportFrom)
    )
    return [
        f"{name}:{line}"
        for name, line, names, module in imports
        if "torch" in {entry.split(".")[0] for entry in [*names, module or ""]}
    ]


def test_only_the_parts_that_may_import_torch_do() -> None:
    check_none(torch_imports(PAGE, SOURCE))


def test_an_import_of_torch_is_found(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.py").write_text("import numpy\ndef f():\n    from torch import nn\n")
    assert torch_imports("| `data` | Data | no (arrays) |", tmp_path) == ["data/a.py:3"]
    assert torch_imports("| `data` | Data | yes |", tmp_path) == []


def catalogs(source: Path) -> dict[str, str]:
    """Every `Catalog("kind", "package")` in the source: kind → package; nothing is imported."""
    calls = (node for _, node in nodes(source, ".") if isinstance(node, ast.Call))
    written = [call for call in calls if ast.unparse(call.func) == "Catalog"]
    pairs = [tuple(ast.literal_eval(argument) for argument in call.args) for call in written]
    return dict(pairs)


def kinds(page: str) -> dict[str, list[str]]:
    """The table of kinds: kind → the paths in its row."""
    rows = re.findall(r"^\| an? ([\w ]+) \| (one file .+)$", page, flags=re.MULTILINE)
    return {kind: re.findall(r"`([\w/.]+[/.][\w/]*)`", row) for kind, row in rows}


def faults_of_the_kinds(page: str, source: Path, root: Path) -> list[str]:
    """Where the table of kinds, the catalogs and the folders disagree."""
    table, known = kinds(page), catalogs(source)
    faults = [f"no row for the kind {kind}" for kind in known.keys() - table.keys()]
    for kind, paths in table.items():
        if known.get(kind, "").replace(".", "/") + "/" not in paths:
            faults.append(f"{kind}: no Catalog of the folder {paths[0]}")
        found = [path for path in paths if (source / path).exists() or (root / path).exists()]
        faults += [f"{kind}: no {path}" for path in paths if path not in found]
    return faults


def test_every_kind_has_its_folder_its_catalog_and_its_law() -> None:
    check_none(faults_of_the_kinds(PAGE, SOURCE, ROOT))


def test_a_wrong_table_of_kinds_is_found(tmp_path: Path) -> None:
    (tmp_path / "nets").mkdir()
    (tmp_path / "a.py").write_text('NETS = Catalog("net", "nets")\nOPS = Catalog("op", "ops")\n')
    page = "| a net | one file in `nets/` | `tests/laws/test_nets.py` |\n| a pet | one file `p/` |"
    assert faults_of_the_kinds(page, tmp_path, tmp_path) == [
        "no row for the kind op",
        "net: no tests/laws/test_nets.py",
        "pet: no Catalog of the folder p/",
        "pet: no p/",
    ]


# ------------------------------------------------------------------------ the documentation index


def indexed(index: str) -> dict[str, set[str]]:
    """The index's table of entries: kind → names."""
    rows = re.findall(r"^\| ([\w ]+) \|([^|]*)\|", index, flags=re.MULTILINE)
    return {kind: set(re.findall(r"`([\w-]+)`", names)) for kind, names in rows}


def test_the_documentation_index_names_every_entry_and_no_other() -> None:
    index = indexed((ROOT / "docs" / "README.md").read_text(encoding="utf-8"))
    found = {kind: Catalog(kind, folder).names() for kind, folder in catalogs(SOURCE).items()}
    check_none(
        [
            f"docs/README.md should say: | {kind} | {' '.join(f'`{name}`' for name in names)} |"
            for kind, names in found.items()
            if index.get(kind) != set(names)
        ]
    )


def test_the_index_is_read_from_its_table() -> None:
    assert indexed("| net | `a-b` `c` | [p](p.md) |\n|---|---|\n")["net"] == {"a-b", "c"}


# ---------------------------------------------------------------------------- the layer contract


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter on the package in `folder`, with the contracts in `folder`."""
    command = "import sys; from importlinter.cli import lint_imports as run; sys.exit(run(%s))"
    return subprocess.run(
        [sys.executable, "-c", command % "config_filename='pyproject.toml', no_cache=True"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def copy_of_the_package(folder: Path) -> None:
    shutil.copytree(SOURCE, folder / "pellucid", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)


def test_imports_point_only_down(tmp_path: Path) -> None:
    copy_of_the_package(tmp_path)
    result = lint_imports(tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("file", "line", "told"),
    [
        ("base/seeds.py", "def f(): import pellucid.cli.main", "pellucid.base is not allowed"),
        ("nets/linear.py", "import pellucid.data.load", "pellucid.nets is not allowed"),
        ("elsewhere/__init__.py", "", "elsewhere"),
    ],
    ids=["upward", "sibling", "part without a line"],
)
def test_a_planted_import_is_found(tmp_path: Path, file: str, line: str, told: str) -> None:
    copy_of_the_package(tmp_path)
    path = tmp_path / "pellucid" / file
    path.parent.mkdir(exist_ok=True)
    with path.open("a", encoding="utf-8") as source:
        source.write(f"\n{line}\n")
    result = lint_imports(tmp_path)
    assert result.returncode != 0
    assert told in result.stdout + result.stderr
