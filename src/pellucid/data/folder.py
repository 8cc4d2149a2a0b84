"""Any folder of pictures: a sub-folder a class, with train/ and test/ above them if you like."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pellucid.base.errors import BadData, WrongUse
from pellucid.data import decoded, fetch, pictures
from pellucid.data.dataset import Card, Dataset, Split
from pellucid.data.settings import at_least
from pellucid.data.split import Index, picture_dataset, stratified

PARTS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test", "testing"),
}
"""Sub-folders that stand for a split, as people call them."""

SHARES = (0.70, 0.15, 0.15)
VALIDATION_SHARE = 0.15
"""Of train, where the folder has a test/ but no validation/."""

REMEMBERED_FROM = 200
"""Pictures from which on the decoded arrays are kept in the cache: fewer take a second or two."""

TRAITS = ("is_grey", "is_transparent", "is_deep")
"""What a note tells of the pictures at load."""

LARGEST_SHARE = 0.5
"""Of the machine's memory that the pictures may take: training needs room as well."""


@dataclass(frozen=True)
class Found:
    """The files of one part of a folder."""

    files: list[Path]
    labels: Index


@dataclass(frozen=True)
class Decoded:
    """Pixels uint8 (n, channel, row, column), labels, and of each picture (n,) what it was like."""

    pixels: NDArray[np.uint8]
    labels: Index
    is_grey: NDArray[np.bool_]
    is_transparent: NDArray[np.bool_]
    is_deep: NDArray[np.bool_]


def load(path: Path, *, size: int = 64, split_seed: int = 0, skip_broken: bool = False) -> Dataset:
    """The pictures below `path`, at `size` × `size` pixels.

    Layout: `path/<class>/…` or `path/train/<class>/…` with `test/` and `validation/` beside it.
    The shorter side is scaled to `size` with antialiasing and the middle cut out, so that
    proportions stay. Grey if all pictures are grey, else colour. Without `test/` the pictures of
    each class are split 70 : 15 : 15.

    Raises `BadData` for a layout that is none, an empty class, one class only, a broken picture.
    """
    at_least(str(path), "size", size, 1)
    parts, classes = scan(path)
    count = sum(len(part.files) for part in parts.values())
    _check_memory(path, count, size)
    notes: list[str] = []
    read = {
        part: _decoded(path / part, found, size, skip_broken, notes)
        for part, found in parts.items()
    }
    _check_left(path, next(iter(read.values())), classes)
    notes += _changed(read)
    splits = _divide(_unified(read, notes), split_seed)
    _check_splits(path, splits, count)
    notes += _thin_classes(splits, classes)
    total = sum(map(len, splits.values()))
    card = Card(
        name=path.resolve().name,
        title=f"{total:,} pictures of {len(classes)} classes, a folder of yours",
        source=str(path.resolve()),
        licence="known to you",
    )
    return picture_dataset(
        card, classes, splits["train"], splits["validation"], splits["test"], notes
    )


def scan(path: Path) -> tuple[dict[str, Found], list[str]]:
    """The picture files of each part (`train`, `validation`, `test`, or `.`), and the classes."""
    try:
        roots = _roots(path)
        members = {part: _members(root) for part, root in roots.items()}
    except PermissionError as error:
        raise BadData(
            str(error.filename), "a folder that may not be read", "one that may", "see chmod u+rx"
        ) from error
    first = next(iter(roots))
    classes = sorted(members[first])
    _check_classes(roots[first], members[first])
    for part, found in members.items():
        _check_known(roots[part], found, classes)
    return {part: _found(found, classes) for part, found in members.items()}, classes


def _roots(path: Path) -> dict[str, Path]:
    """Part → its folder, train first; one part called `.` where the classes lie in `path`."""
    folders = _folders(path)
    named = {
        part: path / name for part, names in PARTS.items() for name in names if name in folders
    }
    # a class may be called "train": then there are pictures in it, not folders
    return named if "train" in named and _folders(named["train"]) else {".": path}


def _found(members: dict[str, list[Path]], classes: list[str]) -> Found:
    files = [file for name in classes for file in members.get(name, [])]
    labels = [place for place, name in enumerate(classes) for _ in members.get(name, [])]
    return Found(files, np.array(labels, dtype=np.int64))


def _folders(path: Path) -> list[str]:
    return sorted(one.name for one in path.iterdir() if one.is_dir() and one.name[0] not in "._")


def _members(root: Path) -> dict[str, list[Path]]:
    """Class → its picture files at any depth, in an order that is the same on any machine."""
    return {
        name: sorted(_pictures(root / name), key=lambda file: file.relative_to(root).as_posix())
        for name in _folders(root)
    }


def _pictures(folder: Path) -> Iterator[Path]:
    for file in folder.rglob("*"):
        if file.suffix.lower() in pictures.ENDINGS and file.name[0] not in "._" and file.is_file():
            yield file


def _decoded(root: Path, found: Found, size: int, skip_broken: bool, notes: list[str]) -> Decoded:
    """The pictures of one part; decoded once where there are many."""
    skipped: list[BadData] = []

    def make() -> dict[str, NDArray[np.uint8]]:
        made = _decode(found, size, skip_broken, skipped)
        return {
            "pixels": made.pixels,
            "labels": made.labels.astype("<i8").view(np.uint8),
            **{trait: getattr(made, trait).astype(np.uint8) for trait in TRAITS},
        }

    # a broken picture is told again at every load, so only flawless folders are remembered
    if len(found.files) < REMEMBERED_FROM or skip_broken:
        arrays = make()
    else:
        mark = hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:16]
        arrays = decoded.remembered(f"folder-{mark}-{size}", _listing(found), make)
    if skipped:
        names = ", ".join(Path(error.where).name for error in skipped[:5])
        more = f" and {len(skipped) - 5} more" if len(skipped) > 5 else ""
        notes.append(f"broken pictures left out: {len(skipped):,} ({names}{more})")
    traits = {trait: arrays[trait] > 0 for trait in TRAITS}
    return Decoded(arrays["pixels"], arrays["labels"].view("<i8"), **traits)


def _listing(found: Found) -> str:
    """Changes whenever a file comes, goes or changes."""
    digest = hashlib.sha256(f"{decoded.FORMAT} {TRAITS}".encode())
    for file, label in zip(found.files, found.labels, strict=True):
        status = file.stat()
        digest.update(f"{file}|{label}|{status.st_size}|{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _decode(found: Found, size: int, skip_broken: bool, skipped: list[BadData]) -> Decoded:
    def one(file: Path) -> pictures.Picture | BadData:
        try:
            # twice the size is kept by the decoder, so that the antialiasing has what it needs
            picture = pictures.look_at(file, at_least=2 * size)
        except BadData as error:
            return error
        return replace(picture, pixels=pictures.fit(picture.pixels, (size, size)))

    kept: list[pictures.Picture] = []
    labels: list[int] = []
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        read = zip(found.labels, pool.map(one, found.files), strict=True)
        for done, (label, made) in enumerate(read, 1):
            if isinstance(made, BadData):
                if not skip_broken:
                    pool.shutdown(cancel_futures=True)
                    raise made
                skipped.append(made)
                continue
            kept.append(made)
            labels.append(int(label))
            if done % 100 == 0 and len(found.files) >= REMEMBERED_FROM:
                fetch.listener.counted("pictures", done, len(found.files))
    return _stacked(kept, labels, size)


def _stacked(kept: list[pictures.Picture], labels: list[int], size: int) -> Decoded:
    is_grey = np.array([one.pixels.shape[2] == 1 for one in kept], dtype=bool)
    count = 1 if is_grey.all() else 3
    pixels = np.empty((len(kept), count, size, size), dtype=np.uint8)
    for place, picture in enumerate(kept):
        pixels[place] = pictures.channels(picture.pixels, count).transpose(2, 0, 1)
    return Decoded(
        pixels,
        np.array(labels, dtype=np.int64),
        is_grey,
        is_transparent=np.array([one.is_transparent for one in kept], dtype=bool),
        is_deep=np.array([one.is_deep for one in kept], dtype=bool),
    )


def _changed(parts: dict[str, Decoded]) -> list[str]:
    """Notes on the pictures that could not be taken as they were."""
    total = sum(len(part.labels) for part in parts.values())
    told = {
        "is_transparent": ("transparent in places", "what is transparent is read as white"),
        "is_deep": ("with more than 8 bits a channel", "scaled to the levels 0 to 255"),
    }
    notes = []
    for trait, (what, done) in told.items():
        count = sum(int(getattr(part, trait).sum()) for part in parts.values())
        if count:
            notes.append(f"pictures {what}: {count:,} of {total:,}; {done}")
    return notes


def _unified(parts: dict[str, Decoded], notes: list[str]) -> dict[str, Split]:
    """Every part with the same channels: colour as soon as one picture is in colour."""
    grey = sum(int(part.is_grey.sum()) for part in parts.values())
    total = sum(len(part.is_grey) for part in parts.values())
    if 0 < grey < total:
        notes.append(
            f"pictures in grey among others in colour: {grey:,} of {total:,}; all are read as "
            "colour, the grey ones with three equal channels"
        )
    count = 1 if grey == total else 3
    return {
        part: Split(
            np.repeat(found.pixels, 3, axis=1) if found.pixels.shape[1] < count else found.pixels,
            found.labels,
        )
        for part, found in parts.items()
    }


def _divide(parts: dict[str, Split], split_seed: int) -> dict[str, Split]:
    """Train, validation and test: as the folder says, else drawn within each class."""
    if "." in parts:
        everything = parts["."]
        drawn = stratified(everything.labels, SHARES, split_seed)
        return dict(zip(PARTS, map(everything.take, drawn), strict=True))
    missing = [part for part in PARTS if part not in parts]
    share = VALIDATION_SHARE
    shares = [1 - share * len(missing)] + [share] * len(missing)
    drawn = stratified(parts["train"].labels, shares, split_seed)
    return {
        **parts,
        **dict(zip(["train", *missing], map(parts["train"].take, drawn), strict=True)),
    }


def _thin_classes(splits: dict[str, Split], classes: list[str]) -> list[str]:
    """A note on the classes that have no example in some split."""
    notes = []
    for part, split in splits.items():
        counts = np.bincount(split.labels, minlength=len(classes))
        empty = [name for name, count in zip(classes, counts, strict=True) if count == 0]
        if empty:
            names = ", ".join(empty[:5]) + (" …" if len(empty) > 5 else "")
            notes.append(f"classes without an example in {part}: {len(empty):,} ({names})")
    return notes


def _check_classes(root: Path, members: dict[str, list[Path]]) -> None:
    layout = f"one sub-folder a class, e.g. {root.name}/cats and {root.name}/dogs"
    if not members:
        loose = sum(1 for _ in _pictures(root))
        tables = sorted(file.name for file in root.glob("*.csv"))
        found = f"{loose:,} pictures directly in it" if loose else "no sub-folders and no pictures"
        if tables and not loose:
            found = f"{tables[0]} without any pictures"
        fix = "move every picture into a folder with its class's name"
        raise BadData(str(root), found, layout, fix)
    for name, files in members.items():
        if not files:
            raise BadData(
                str(root / name),
                "no pictures",
                "at least one (" + " ".join(pictures.ENDINGS) + ")",
                "put pictures there or delete the folder",
            )
    if len(members) == 1:
        raise BadData(
            str(root),
            f"one class only, {next(iter(members))!r}",
            "at least two: with one there is nothing to tell apart",
            f"add a folder for another class, {layout.split(', ')[1]}",
        )


def _check_known(root: Path, members: dict[str, list[Path]], classes: list[str]) -> None:
    for name in members:
        if name not in classes:
            raise BadData(
                str(root / name),
                f"a class {name!r} that train has not",
                "one of " + ", ".join(classes),
                "rename the folder, or give train examples of it too",
            )


def _check_left(path: Path, train: Decoded, classes: list[str]) -> None:
    """With broken pictures left out, every class must still have one to learn from."""
    counts = np.bincount(train.labels, minlength=len(classes))
    if not counts.all():
        name = classes[int(np.argmin(counts))]
        raise BadData(
            str(path / name), "only broken pictures", "at least one whole one", "add whole pictures"
        )


def _check_splits(path: Path, splits: dict[str, Split], count: int) -> None:
    empty = [part for part, split in splits.items() if len(split) == 0]
    if empty:
        raise BadData(
            str(path),
            f"{count} pictures, which leaves none for {' and '.join(empty)}",
            "at least three pictures a class",
            "add pictures",
        )


def _check_memory(path: Path, count: int, size: int) -> None:
    """Refuse a size at which the pictures cannot lie in memory."""
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows tells it in another way
        return
    needed = 2 * count * 3 * size * size  # once decoded, once divided into the splits
    if needed > LARGEST_SHARE * memory:
        fitting = int((LARGEST_SHARE * memory / (6 * count)) ** 0.5)
        raise WrongUse(
            f"data set {path}, setting size",
            f"{size}, at which {count:,} pictures need {needed / 1e9:.1f} GB",
            f"at most half of this machine's {memory / 1e9:.1f} GB",
            f"--set size={fitting}, or less",
        )
