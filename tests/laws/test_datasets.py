"""What holds for every data set of the catalog, and that a planted fault is found."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import struct
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import fields, replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pellucid.data import decoded, find
from pellucid.data.card import Card
from pellucid.data.dataset import IGNORED, Dataset, Split
from pellucid.data.load import SETS, load
from pellucid.data.split import picture_dataset

NAMES = SETS.names()
CIFAR = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

Files = dict[str, bytes]
"""File name → content as it lies on the disk."""


def chance() -> np.random.RandomState:
    return np.random.RandomState(0)


def idx_files() -> Files:
    files = {}
    for prefix, count in (("train", 240), ("t10k", 40)):
        pixels = np.random.RandomState(count).randint(0, 256, (count, 28, 28)).astype(np.uint8)
        labels = (np.arange(count) % 10).astype(np.uint8)
        images = struct.pack(">4B3I", 0, 0, 8, 3, count, 28, 28) + pixels.tobytes()
        marks = struct.pack(">4BI", 0, 0, 8, 1, count) + labels.tobytes()
        files[f"{prefix}-images-idx3-ubyte.gz"] = gzip.compress(images)
        files[f"{prefix}-labels-idx1-ubyte.gz"] = gzip.compress(marks)
    return files


def cifar_binary() -> Files:
    batches = [f"data_batch_{number}.bin" for number in range(1, 6)]
    content = {}
    for place, name in enumerate([*batches, "test_batch.bin"]):
        records = np.random.RandomState(place).randint(0, 256, (40, 3073)).astype(np.uint8)
        records[:, 0] = np.arange(40) % 10
        content[f"cifar-10-batches-bin/{name}"] = records.tobytes()
    return {"cifar-10-binary.tar.gz": gzip.compress(tar(content))}


def cifar_pictures() -> Files:
    content = {}
    for part, count in (("train", 20), ("test", 4)):
        for name in CIFAR:
            for number in range(count):
                path = f"cifar10-pictures/{part}/{name}/{number:04}.jpg"
                content[path] = picture("JPEG", len(content), (32, 32, 3))
    return {"cifar10-pictures.tar": tar(content)}


def omniglot_zips() -> Files:
    files = {}
    for part, alphabets in ((1, ("Greek", "Korean")), (2, ("Greek", "Latin"))):
        content = {}
        for alphabet, one, number in product(alphabets, (1, 2), range(20)):
            path = f"images_background_small{part}/{alphabet}/character0{one}/00_{number:02}.png"
            content[path] = picture("PNG", seed_of(alphabet, one, number), (105, 105))
        files[f"images_background_small{part}.zip"] = zipped(content)
    return files


def seed_of(alphabet: str, one: int, number: int) -> int:
    return ord(alphabet[0]) * 10_000 + one * 100 + number


def names_text() -> Files:
    letters = chance().randint(0, 26, (200, 7))
    words = ["".join(chr(97 + letter) for letter in row[: 2 + row[0] % 6]) for row in letters]
    return {"names.txt": "\n".join([*words, words[0]]).encode()}


def picture(form: str, seed: int, shape: tuple[int, ...]) -> bytes:
    pixels = np.random.RandomState(seed).randint(0, 256, shape).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, form)
    return out.getvalue()


def tar(content: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in content.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def zipped(content: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return out.getvalue()


SAMPLES: dict[str, Callable[[], Files]] = {
    "mnist": idx_files,
    "fashion-mnist": idx_files,
    "cifar10": cifar_binary,
    "cifar10-pictures": cifar_pictures,
    "omniglot": omniglot_zips,
    "names": names_text,
}
"""A tiny offline sample of each set, in the format of its files."""


@pytest.fixture
def sample(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Dataset:
    """The set `request.param`, loaded offline from a tiny sample in its own file format."""
    name = str(request.param)
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PELLUCID_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("PELLUCID_OFFLINE", "1")
    module = SETS.load(name)
    if module.SOURCE is not None:
        assert name in SAMPLES, f"write a sample of {name} into SAMPLES"
        plant(module, SAMPLES[name](), tmp_path / "data", monkeypatch)
    return load(name)


def plant(module: object, files: Files, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write the files of a sample, and let the set expect their hashes."""
    source = module.SOURCE  # type: ignore[attr-defined]
    folder = root / source.folder
    folder.mkdir(parents=True)
    hashes = {}
    for file, content in files.items():
        (folder / file).write_bytes(content)
        is_wrapped = file.endswith(".gz") and not file.endswith(".tar.gz")
        inner = gzip.decompress(content) if is_wrapped else content
        hashes[file] = hashlib.sha256(inner).hexdigest()
    monkeypatch.setattr(module, "SOURCE", source.with_hashes(hashes))


def splits(dataset: Dataset) -> dict[str, Split]:
    parts = {"train": dataset.train, "validation": dataset.validation}
    return {**parts, "test": dataset.open_test("law")}


def check_card(card: Card, name: str) -> None:
    assert card.name == name
    for field in fields(Card):
        if field.name in ("title", "source", "licence", "flaws"):
            assert getattr(card, field.name), f"{name}: the card's {field.name} is empty"
    assert 0 < card.content_share <= 1
    for file, digest in card.hashes.items():
        assert len(digest) == 64, f"{name}: {file} has no SHA-256"


def check_disjoint(dataset: Dataset) -> None:
    parts = splits(dataset)
    rows = {part: {row.tobytes() for row in split.inputs} for part, split in parts.items()}
    for first, second in (("train", "validation"), ("train", "test"), ("validation", "test")):
        shared = len(rows[first] & rows[second])
        assert shared == 0, f"{shared} examples in {first} and in {second}"
        assert dataset.duplicates[f"{first}-{second}"] == 0


def check_arrays(dataset: Dataset) -> None:
    for part, split in splits(dataset).items():
        assert len(split) > 0, f"{part} is empty"
        assert split.labels.dtype == np.int64
        assert len(split.labels) == len(split.inputs)
        known = split.labels[split.labels != IGNORED]
        assert 0 <= known.min() <= known.max() < len(dataset.classes)
        if dataset.kind == "pictures":
            assert split.inputs.dtype == np.uint8
            assert split.inputs.shape[1:] == dataset.shape
            assert split.inputs.shape[1] in (1, 3)
        else:
            assert split.inputs.shape == split.labels.shape


def check_normalisation(dataset: Dataset) -> None:
    if dataset.kind == "pictures":
        scaled = dataset.train.inputs.astype(np.float64) / 255
        np.testing.assert_allclose(dataset.mean, scaled.mean(axis=(0, 2, 3)), rtol=1e-9)
        np.testing.assert_allclose(dataset.std, scaled.std(axis=(0, 2, 3)), rtol=1e-9)


def check_stratified(dataset: Dataset) -> None:
    if dataset.kind == "pictures":
        for part in (dataset.train, dataset.validation):
            counts = np.bincount(part.labels, minlength=len(dataset.classes))
            assert counts.min() > 0
    # the exact share of each class is tested in tests/data/test_split.py


@pytest.mark.parametrize("name", NAMES)
def test_the_card_is_complete(name: str) -> None:
    module = SETS.load(name)
    check_card(module.CARD, name)
    if module.SOURCE is not None:
        assert module.CARD.hashes == module.SOURCE.hashes
        assert all(file.bytes > 0 for file in module.SOURCE.files)
        # a public set has two ways to it, or its card says that there is none
        for file in module.SOURCE.files:
            told = any("no public download" in flaw for flaw in module.CARD.flaws)
            assert len(file.mirrors) >= 2 or told


@pytest.mark.parametrize("sample", NAMES, indirect=True, ids=NAMES)
def test_a_sample_loads_offline_and_its_splits_are_disjoint(sample: Dataset) -> None:
    check_arrays(sample)
    check_disjoint(sample)
    check_normalisation(sample)
    check_stratified(sample)


@pytest.mark.parametrize("sample", NAMES, indirect=True, ids=NAMES)
def test_the_same_seed_gives_the_same_order_and_another_one_does_not(sample: Dataset) -> None:
    again, other = load(sample.card.name), load(sample.card.name, split_seed=1)
    for part, split in splits(sample).items():
        np.testing.assert_array_equal(split.inputs, splits(again)[part].inputs)
        np.testing.assert_array_equal(split.labels, splits(again)[part].labels)
    assert not np.array_equal(sample.validation.inputs, other.validation.inputs)


@pytest.mark.parametrize("sample", NAMES, indirect=True, ids=NAMES)
def test_every_look_at_the_test_split_is_told(sample: Dataset) -> None:
    looks: list[tuple[str, int]] = []
    sample.on_look.append(lambda reason, count: looks.append((reason, count)))
    assert sample.sizes["test"] > 0
    assert looks == []
    split = sample.open_test("final figure")
    assert looks == [("final figure", len(split))]


@pytest.mark.real
@pytest.mark.parametrize("name", NAMES)
def test_the_real_set_keeps_the_law(name: str) -> None:
    source = SETS.load(name).SOURCE
    if source is not None and source.bytes > 50e6 and not decoded.has_slot(name):
        pytest.skip(f"{name} is not decoded yet; once: pellucid data show {name}")
    if source is not None and not all(find.locate(source).values()):
        pytest.skip(f"{name} is not in PELLUCID_DATA ({os.environ.get('PELLUCID_DATA')})")
    dataset = load(name)
    check_arrays(dataset)
    check_disjoint(dataset)
    check_stratified(dataset)


def sound() -> Dataset:
    def part(seed: int) -> Split:
        pixels = np.random.RandomState(seed).randint(0, 256, (20, 1, 4, 4)).astype(np.uint8)
        return Split(pixels, np.arange(20) % 2)

    card = Card("made", "a title", "a source", "a licence", ("a flaw",))
    return picture_dataset(card, ["a", "b"], part(0), part(1), part(2))


def leaking() -> Dataset:
    dataset = sound()
    dataset.validation.inputs[3] = dataset.train.inputs[5]
    return dataset


def normalised_on_everything() -> Dataset:
    dataset = sound()
    everything = np.concatenate([split.inputs for split in splits(dataset).values()]) / 255
    return replace(dataset, mean=(everything.mean(),), std=(everything.std(),))


def label_beyond_the_classes() -> Dataset:
    dataset = sound()
    dataset.train.labels[0] = 2
    return dataset


def test_a_sound_set_keeps_the_law() -> None:
    for check in (check_arrays, check_disjoint, check_normalisation, check_stratified):
        check(sound())
    check_card(sound().card, "made")


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        (leaking, check_disjoint),
        (normalised_on_everything, check_normalisation),
        (label_beyond_the_classes, check_arrays),
    ],
)
def test_a_planted_fault_breaks_the_law(
    fault: Callable[[], Dataset], check: Callable[[Dataset], None]
) -> None:
    with pytest.raises(AssertionError):
        check(fault())


@pytest.mark.parametrize("field", ["title", "source", "licence", "flaws"])
def test_an_incomplete_card_breaks_the_law(field: str) -> None:
    with pytest.raises(AssertionError):
        check_card(replace(sound().card, **{field: ""}), "made")
