"""Files are found, downloaded, resumed and checked; a server on this machine stands for mirrors."""

from __future__ import annotations

import errno
import gzip
import hashlib
import os
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pellucid.base.errors import BadData, PellucidError, WrongUse
from pellucid.data import fetch, find
from pellucid.data.source import RemoteFile, Source

CONTENT = bytes(range(256)) * 4096
"""1 MiB."""
SHA = hashlib.sha256(CONTENT).hexdigest()


class Mirrors(ThreadingHTTPServer):
    """Paths: `/good/…`, `/short/…` (breaks off at half), `/wrong/…`, `/stubborn/…` (no ranges)."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, str | None]] = []
        self.content = CONTENT

    def handle_error(self, *_: Any) -> None:
        """Quiet: a client that stops reading is part of the tests."""

    def file(self, *kinds: str, name: str = "set.bin", sha256: str = SHA) -> RemoteFile:
        base = f"http://127.0.0.1:{self.server_port}"
        mirrors = tuple(f"{base}/{kind}/{name}" for kind in kinds)
        return RemoteFile(name, sha256, len(self.content), mirrors)


class Handler(BaseHTTPRequestHandler):
    server: Mirrors

    def do_GET(self) -> None:
        kind, wanted = self.path.split("/")[1], self.headers.get("Range")
        self.server.asked.append((kind, wanted))
        if kind == "gone":
            self.send_error(404)
            return
        content = self.server.content if kind != "wrong" else b"x" * len(self.server.content)
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        if kind == "stubborn":
            start = 0
        if start >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        end = len(content) // 2 if kind == "short" and not start else len(content)
        self.wfile.write(content[start:end])

    def log_message(self, *_: Any) -> None:
        """Quiet."""


class Ear(fetch.Listener):
    def __init__(self) -> None:
        self.said: list[str] = []
        self.steps: list[int] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def progress(self, name: str, done: int, total: int) -> None:
        self.steps.append(done)


@pytest.fixture
def server() -> Iterator[Mirrors]:
    with Mirrors() as mirrors:
        thread = threading.Thread(target=mirrors.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield mirrors
        mirrors.shutdown()
        thread.join()


@pytest.fixture
def ear(monkeypatch: pytest.MonkeyPatch) -> Ear:
    monkeypatch.delenv("PELLUCID_OFFLINE")
    heard = Ear()
    monkeypatch.setattr(fetch, "listener", heard)
    return heard


def part_of(file: RemoteFile, mirror: int = 0) -> Path:
    mark = hashlib.sha256(file.mirrors[mirror].encode()).hexdigest()[:8]
    return find.cache_folder() / "made" / f"{file.name}.{mark}.part"


def test_a_missing_file_is_downloaded_with_its_size_told_first(server: Mirrors, ear: Ear) -> None:
    source = Source("made", (server.file("good"),))
    path = find.get("made", source)["set.bin"]
    assert path.read_bytes() == CONTENT
    assert ear.said == [f"made: downloading 1 file, 1.0 MB, to {path.parent}"]
    assert ear.steps[-1] == len(CONTENT)
    find.get("made", source)
    assert len(server.asked) == 1


def test_the_next_mirror_is_asked_when_one_fails(server: Mirrors, ear: Ear) -> None:
    path = find.get("made", Source("made", (server.file("gone", "wrong", "good"),)))["set.bin"]
    assert path.read_bytes() == CONTENT
    assert [kind for kind, _ in server.asked] == ["gone", "wrong", "good"]
    assert "HTTP 404" in ear.said[1]
    assert "SHA-256" in ear.said[2]


def test_a_broken_download_is_continued_where_it_broke_off(server: Mirrors, ear: Ear) -> None:
    source = Source("made", (server.file("short"),))
    with pytest.raises(BadData, match="no mirror that gave it"):
        find.get("made", source)
    half = len(CONTENT) // 2
    assert part_of(source.files[0]).stat().st_size == half
    assert find.get("made", source)["set.bin"].read_bytes() == CONTENT
    assert server.asked == [("short", None), ("short", f"bytes={half}-")]
    assert not list(find.cache_folder().rglob("*.part"))


@pytest.mark.parametrize("kind", ["good", "stubborn"])
@pytest.mark.parametrize("length", [1000, len(CONTENT), len(CONTENT) + 5])
def test_a_part_that_does_not_fit_is_thrown_away(
    kind: str, length: int, server: Mirrors, ear: Ear
) -> None:
    source = Source("made", (server.file(kind),))
    part = part_of(source.files[0])
    part.parent.mkdir(parents=True)
    part.write_bytes(b"z" * length)
    assert find.get("made", source)["set.bin"].read_bytes() == CONTENT


def test_no_wrong_file_ever_lies_in_the_cache(server: Mirrors, ear: Ear) -> None:
    with pytest.raises(BadData, match=r"wrong/set\.bin \(content whose SHA-256 is not"):
        find.get("made", Source("made", (server.file("wrong"),)))
    assert [path for path in (find.cache_folder() / "made").iterdir() if path.is_file()] == []


def test_the_unpacked_content_counts_not_the_wrapper(server: Mirrors, ear: Ear) -> None:
    server.content = gzip.compress(CONTENT, compresslevel=1, mtime=7)
    source = Source("made", (server.file("good", name="set.gz"),))
    assert gzip.decompress(find.get("made", source)["set.gz"].read_bytes()) == CONTENT


def test_a_damaged_wrapper_is_no_content(server: Mirrors, ear: Ear) -> None:
    server.content = gzip.compress(CONTENT)[:-100]
    with pytest.raises(BadData, match="SHA-256 is not"):
        find.get("made", Source("made", (server.file("good", name="set.gz"),)))


def test_offline_asks_nobody_and_says_what_is_missing_and_where_to_put_it(
    server: Mirrors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Source("made", (server.file("good"),))
    with pytest.raises(BadData) as caught:
        find.get("made", source)
    assert "set.bin missing while the network is forbidden" in caught.value.found
    assert str(tmp_path / "cache" / "made") in caught.value.expected
    assert "$PELLUCID_DATA/made" in caught.value.expected
    monkeypatch.setenv("PELLUCID_DATA", str(tmp_path))
    with pytest.raises(BadData, match=str(tmp_path / "made")):
        find.get("made", source)
    assert server.asked == []


def test_a_set_without_a_public_copy_says_so(ear: Ear) -> None:
    with pytest.raises(BadData, match="of which no public copy is known"):
        find.get("made", Source("made", (RemoteFile("set.bin", SHA, 5),)))


@pytest.mark.parametrize("place", ["made/set.bin", "other/set.bin", "set.bin"])
def test_the_users_own_folder_comes_first(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mine" / place
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    monkeypatch.setenv("PELLUCID_DATA", str(tmp_path / "mine"))
    source = Source("made", (RemoteFile("set.bin", SHA, 5),), also=("other",))
    assert find.get("made", source) == {"set.bin": path}


def test_a_file_with_the_wrapper_taken_off_is_found_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "set").write_bytes(CONTENT)
    monkeypatch.setenv("PELLUCID_DATA", str(tmp_path))
    assert find.get("made", Source("made", (RemoteFile("set.gz", SHA, 5),)))["set.gz"].name == "set"


def test_another_sets_file_of_the_same_name_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "set.bin").write_bytes(b"of another set")
    monkeypatch.setenv("PELLUCID_DATA", str(tmp_path))
    with pytest.raises(BadData, match="missing"):
        find.get("made", Source("made", (RemoteFile("set.bin", SHA, 5, ("http://x",)),)))


def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Source, Path]:
    path = tmp_path / "mine" / "made" / "set.bin"
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    monkeypatch.setenv("PELLUCID_DATA", str(tmp_path / "mine"))
    return Source("made", (RemoteFile("set.bin", SHA, 5, ("http://x",)),)), path


def test_a_wrong_file_is_named_with_both_hashes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, path = planted(tmp_path, monkeypatch)
    path.write_bytes(b"x")
    with pytest.raises(BadData) as caught:
        find.get("made", source)
    assert caught.value.where == str(path)
    assert hashlib.sha256(b"x").hexdigest()[:12] in caught.value.found
    assert SHA[:12] in caught.value.expected
    assert "pellucid data get made" in caught.value.fix


def test_a_file_found_right_is_not_read_again_until_it_is_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, path = planted(tmp_path, monkeypatch)
    find.get("made", source)
    with monkeypatch.context() as patch:
        patch.setattr(find, "content_sha256", lambda _: pytest.fail("read again"))
        find.get("made", source)
    status = path.stat()
    path.write_bytes(b"x" + CONTENT[1:])
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    with pytest.raises(BadData, match="content with SHA-256"):
        find.get("made", source)


def test_a_full_disk_is_told_before_the_download(
    server: Mirrors, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage("/")._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(BadData, match=r"0\.0 MB free on the disk, expected 1\.0 MB") as caught:
        find.get("made", Source("made", (server.file("good"),)))
    assert "PELLUCID_CACHE" in caught.value.fix
    assert server.asked == []


def test_a_disk_that_fills_up_on_the_way_is_told(
    server: Mirrors, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(fetch.Resuming, "_write", full)
    with pytest.raises(BadData, match="no space left on the disk"):
        find.get("made", Source("made", (server.file("good"),)))


def test_a_cache_that_may_not_be_written_is_told(
    server: Mirrors, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", forbidden)  # root may write anywhere
    with pytest.raises(WrongUse, match="a folder that may not be written"):
        find.get("made", Source("made", (server.file("good"),)))


def test_offline_is_for_the_whole_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PELLUCID_OFFLINE", "0")
    assert not find.is_offline()
    find.offline()
    assert find.is_offline()


def test_every_error_here_has_four_parts() -> None:
    with pytest.raises(PellucidError) as caught:
        find.get("made", Source("made", (RemoteFile("set.bin", SHA, 5, ("http://x",)),)))
    assert all(caught.value.as_record().values())
