"""The documentation runs, names everything, and its links lead somewhere.

How blocks are written is told in CONTRIBUTING.md, "Documentation that runs".
"""

from __future__ import annotations

import io
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import typer

import pellucid
from pellucid.base.catalog import Catalog
from pellucid.cli.main import COMMANDS, main

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
ALL_MARKDOWN = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
INDEX = ROOT / "docs" / "README.md"

CATALOGS = [
    COMMANDS,
    Catalog("data set", "data.sets"),
    Catalog("net", "nets"),
    Catalog("task", "train.tasks"),
    Catalog("instrument", "inside.instruments"),
    Catalog("attribution", "inside.attributions"),
    Catalog("op family", "scratch.ops"),
    Catalog("layer family", "scratch.layers"),
    Catalog("scratch net", "scratch.nets"),
]

# ----------------------------------------------------------------------------------- the blocks

FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    place: str
    language: str
    body: str
    skipped: str | None = None
    """The reason behind `no-test:`, which may be forgotten (then it is empty)."""
    expected: str | None = None

    @property
    def runs(self) -> bool:
        if self.skipped is not None:
            return False
        return self.language == "python" or (self.language == "sh" and self._is_ours)

    @property
    def _is_ours(self) -> bool:
        return all(words[0] == "pellucid" for words in self.commands)

    @property
    def commands(self) -> list[list[str]]:
        """The words of each command of a `sh` block."""
        lines = self.body.replace("\\\n", " ").splitlines()
        commands = [shlex.split(line, comments=True) for line in lines]
        return [words for words in commands if words]


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page; a `text` block right after another is its expected output."""
    text = page.read_text(encoding="utf-8")
    found: list[Block] = []
    end = -1
    for match in FENCE.finditer(text):
        language, _, mark = match["info"].partition(" ")
        line = text.count("\n", 0, match.start()) + 1
        follows = end >= 0 and not text[end : match.start()].strip()
        if language == "text" and follows and found[-1].language in ("python", "sh"):
            found[-1] = Block(**{**vars(found[-1]), "expected": match["body"]})
        else:
            reason = mark.removeprefix("no-test").lstrip(":").strip()
            skipped = reason if mark.startswith("no-test") else None
            found.append(Block(f"{page.name}:{line}", language, match["body"], skipped))
        end = match.end()
    return found


def run_page(page: Path) -> None:
    """Run a page's blocks in order, in the present folder; raises at the first that differs."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for block in filter(lambda block: block.runs, blocks(page)):
        with patch.dict(os.environ):  # what a command sets there ends with it
            is_python = block.language == "python"
            printed = run_python(block, namespace) if is_python else run_commands(block)
        if block.expected is not None and not fits(printed, block.expected):
            pytest.fail(f"{block.place} printed:\n{printed}\nexpected:\n{block.expected}")


def run_python(block: Block, namespace: dict[str, Any]) -> str:
    out = io.StringIO()
    with redirect_stdout(out):
        exec(compile(block.body, block.place, "exec"), namespace)
    return out.getvalue()


def run_commands(block: Block) -> str:
    """What the commands print for people; after a failing one, which ends the block, its error."""
    out, err = io.StringIO(), io.StringIO()
    for words in block.commands:
        into = Path(words[-1]) if words[-2:-1] == [">"] else None
        words = words[:-2] if into else words
        signs = [word for word in words if word in ("|", ">", ">>", "<", "&&", ";", "&")]
        assert not signs, f"{block.place}: {signs} would need a shell; mark it no-test"
        printed = io.StringIO()
        with redirect_stdout(printed), redirect_stderr(err), pytest.raises(SystemExit) as ended:
            main(words[1:])
        if into:
            into.write_text(printed.getvalue(), encoding="utf-8")
        else:
            out.write(printed.getvalue())
        if ended.value.code:
            failure = f"{block.place}: {shlex.join(words)} ended with {ended.value.code}"
            assert block.expected is not None, f"{failure}:\n{out.getvalue()}{err.getvalue()}"
            return out.getvalue() + err.getvalue()
    return out.getvalue()


def fits(printed: str, expected: str) -> bool:
    """Whether the lines agree, spaces at their ends aside; `…` stands for anything."""
    pattern = ".*".join(re.escape(part) for part in tidy(expected).split("…"))
    return re.fullmatch(pattern, tidy(printed), re.DOTALL) is not None


def tidy(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())


RUNNING = [page for page in PAGES if any(block.runs for block in blocks(page))]
RESTING = [block for page in PAGES for block in blocks(page) if block.skipped is not None]


@pytest.mark.parametrize("page", RUNNING, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_blocks_of_the_page_run(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])
    try:
        run_page(page)
    finally:  # another page may write a module of the same name
        for name, module in list(sys.modules.items()):
            if str(getattr(module, "__file__", None) or "").startswith(str(tmp_path)):
                del sys.modules[name]


@pytest.mark.parametrize("block", RESTING, ids=lambda block: block.place)
def test_a_block_that_does_not_run_says_why(block: Block) -> None:
    assert block.skipped, f"{block.place}: write no-test: REASON"
    pytest.skip(f"{block.place}: {block.skipped}")


FAULTY = {
    "python raises": "```python\nassert 1 == 2\n```\n",
    "python prints something else": "```python\nprint(1)\n```\n\n```text\n2\n```\n",
    "a later block needs what is not there": "```python\na = 1\n```\n```python\nb\n```\n",
    "a command fails": "```sh\npellucid nosuchcommand\n```\n",
    "a command fails otherwise": "```sh\npellucid nosuchcommand\n```\n```text\nAll well\n```\n",
    "a command prints something else": "```sh\npellucid --version\n```\n\n```text\nsnake\n```\n",
    "a pipe": "```sh\npellucid --help | head\n```\n",
}


@pytest.mark.parametrize("fault", FAULTY)
def test_a_faulty_page_fails(fault: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(FAULTY[fault], encoding="utf-8")
    with pytest.raises((AssertionError, NameError, pytest.fail.Exception)):
        run_page(page)


def test_a_sound_page_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = tmp_path / "page.md"
    page.write_text(
        "```python\na = 1\n```\n\nwords\n\n```python\nprint(a, 0.25)\n```\n\n```text\n1 0.…\n```\n"
        "```sh\npellucid --version  # a comment\n```\n```text\npellucid …\n```\n"
        "```sh\npellucid --version > version.txt\n```\n"
        "```python\nassert open('version.txt').read().startswith('pellucid')\n```\n"
        "```sh\npellucid nosuchcommand\n```\n```text\ncommand: found …\nFix: …\n```\n"
        "```python no-test: needs a card\nraise SystemExit\n```\n"
        "```sh\npip install it\n```\n",
        encoding="utf-8",
    )
    assert [block.runs for block in blocks(page)] == 6 * [True] + 2 * [False]
    assert blocks(page)[6].skipped == "needs a card"
    run_page(page)


# ------------------------------------------------------------------------- everything is named


def code_in(text: str) -> str:
    """What stands as code in Markdown: fenced blocks and `spans`."""
    fenced = [match["body"] for match in FENCE.finditer(text)]
    return "\n".join([*fenced, *re.findall(r"`([^`\n]+)`", FENCE.sub("", text))])


def unnamed(names: set[str], text: str) -> list[str]:
    """The names that do not stand in `text` as words of their own; a dash belongs to a word."""
    return sorted(
        name for name in names if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text)
    )


def options(name: str) -> Iterator[str]:
    """`name`, its subcommands (`data list`), and the long options of all of them."""
    command: Any = typer.main.get_command(COMMANDS.load(name).app)
    yield from _options(command, name)


def _options(command: Any, path: str) -> Iterator[str]:
    yield path
    for parameter in command.params:
        written = [*parameter.opts, *parameter.secondary_opts]
        if not getattr(parameter, "hidden", False):
            yield from (option for option in written if option.startswith("--"))
    for name, inner in getattr(command, "commands", {}).items():
        yield from _options(inner, f"{path} {name}")


def documented() -> str:
    """All code in the documentation, the index aside, as it only lists the names."""
    pages = [page.read_text(encoding="utf-8") for page in PAGES if page != INDEX]
    return "\n".join(map(code_in, pages))


@pytest.mark.parametrize("catalog", CATALOGS, ids=lambda catalog: catalog.kind)
def test_every_entry_is_named_in_the_documentation(catalog: Catalog) -> None:
    missing = unnamed(set(catalog.names()), documented())
    assert not missing, f"not named as code in docs/: {', '.join(missing)}"


@pytest.mark.parametrize("name", COMMANDS.names())
def test_every_subcommand_and_option_is_named_in_the_documentation(name: str) -> None:
    missing = unnamed(set(options(name)) - {"--help"}, documented())
    assert not missing, f"not named as code in docs/: {', '.join(missing)}"


def test_every_name_that_the_package_offers_is_named_in_the_documentation() -> None:
    missing = unnamed(set(pellucid.__all__), documented())
    assert not missing, f"not named as code in docs/: {', '.join(missing)}"


def test_every_environment_variable_is_named_in_the_documentation() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    missing = unnamed(set(re.findall(r"PELLUCID_[A-Z]+(?:_[A-Z]+)*", source)), documented())
    assert not missing, f"not named as code in docs/: {', '.join(missing)}"


def test_what_is_not_named_is_found() -> None:
    text = code_in("Take `--net dense`, not --nets.\n```sh\npellucid train my-net\n```\n`a-b`\n")
    assert unnamed({"--net", "dense", "train", "--nets", "net", "b"}, text) == [
        "--nets",
        "b",
        "net",
    ]


def test_the_options_of_a_command_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    app = typer.Typer()

    @app.command("list")
    def listing(loud: bool = typer.Option(False, "--loud/--quiet", "-l")) -> None:
        """List."""

    @app.command()
    def show(name: str) -> None:
        """Show."""

    module = type(sys)("pets")
    module.app = app
    monkeypatch.setattr(Catalog, "load", lambda self, name: module)
    seen = set(options("pets"))
    assert seen >= {"pets", "pets list", "pets show", "--loud", "--quiet"}
    assert "-l" not in seen


# ------------------------------------------------------------------------------ links and files


def dead_links(page: Path) -> list[str]:
    """Relative links of a page that lead to no file."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
    local = [target for target in targets if not re.match(r"[a-z]+:", target)]
    return [target for target in local if not (page.parent / target).exists()]


@pytest.mark.parametrize("page", ALL_MARKDOWN, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_links_of_the_page_lead_somewhere(page: Path) -> None:
    assert dead_links(page) == []


def test_a_dead_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("[a](page.md#x) [b](gone.md) ![c](https://example.org/c.png)")
    assert dead_links(page) == ["gone.md"]


def unlisted(index: Path) -> list[str]:
    """Pages beside and below an index that it does not link to."""
    linked = set(re.findall(r"\]\(([^)#]+)", index.read_text(encoding="utf-8")))
    below = [page.relative_to(index.parent).as_posix() for page in index.parent.rglob("*.md")]
    direct = [page for page in below if page.count("/") == 0 or page.endswith("/README.md")]
    return sorted(set(direct) - linked - {index.name})


@pytest.mark.parametrize("index", sorted((ROOT / "docs").rglob("README.md")), ids=str)
def test_the_index_links_to_every_page(index: Path) -> None:
    assert unlisted(index) == []


def test_a_page_without_a_link_is_found(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("[a](a.md)")
    (tmp_path / "a.md").touch()
    (tmp_path / "b.md").touch()
    assert unlisted(tmp_path / "README.md") == ["b.md"]


@pytest.mark.parametrize("number", [0, 1])
def test_the_readmes_first_two_commands_are_one_line_each_without_a_prompt(number: int) -> None:
    first = [block for block in blocks(ROOT / "README.md") if block.language == "sh"][:2]
    assert first[number].body.count("\n") == 1
    assert re.match(r"\w", first[number].body)


def test_the_constraints_pin_every_requirement() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    required = [*project["dependencies"], *(name for extra in extras for name in extra)]
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    pinned = set(re.findall(r"^([\w-]+)==\d", pins, re.MULTILINE))
    assert {re.match(r"[\w-]+", entry)[0].lower() for entry in required} - pinned == set()


# -------------------------------------------------------------------------------- the changelog


def collect(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    (root / "changes").mkdir(exist_ok=True)
    script = root / "changes" / "collect.py"
    script.write_bytes((ROOT / "changes" / "collect.py").read_bytes())
    command = [sys.executable, str(script), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_fragments_become_a_section_and_are_gone(tmp_path: Path) -> None:
    head = "# Changelog\n\n<!-- releases -->\n"
    (tmp_path / "CHANGELOG.md").write_text(f"{head}\n## 0.1.0, 2026-01-01\n")
    (tmp_path / "changes").mkdir()
    (tmp_path / "changes" / "README.md").write_text("the rule")
    (tmp_path / "changes" / "a.fixed.md").write_text("A fault.\n")
    (tmp_path / "changes" / "b.added.md").write_text("One thing,\nin two lines.\n")
    assert collect(tmp_path, "0.2.0", "2026-02-02").returncode == 0
    assert (tmp_path / "CHANGELOG.md").read_text() == (
        f"{head}\n## 0.2.0, 2026-02-02\n\n### Added\n\n- One thing,\n  in two lines.\n\n"
        "### Fixed\n\n- A fault.\n\n## 0.1.0, 2026-01-01\n"
    )
    left = {path.name for path in (tmp_path / "changes").iterdir()}
    assert left == {"README.md", "collect.py"}


def test_a_fragment_of_no_kind_stops_the_collection_before_anything_is_written(
    tmp_path: Path,
) -> None:
    (tmp_path / "CHANGELOG.md").write_text("<!-- releases -->\n")
    (tmp_path / "changes").mkdir()
    (tmp_path / "changes" / "a.improved.md").write_text("Better.")
    assert "found kind 'improved'" in collect(tmp_path, "1", "2026-02-02").stderr
    assert (tmp_path / "CHANGELOG.md").read_text() == "<!-- releases -->\n"


def test_the_fragments_of_today_fit_a_kind() -> None:
    names = [path.name for path in (ROOT / "changes").glob("*.md") if path.name != "README.md"]
    kinds = r"[\w-]+\.(added|changed|fixed|removed)\.md"
    assert [name for name in names if not re.fullmatch(kinds, name)] == []
