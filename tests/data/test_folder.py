"""Any folder of pictures: layouts that work, and every way in which one cannot."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from made import Draw
from pellucid.base.errors import BadData, PellucidError, WrongUse
from pellucid.data import folder
from pellucid.data.load import load


def test_each_sub_folder_is_a_class_and_is_split_in_proportion(pets: Path) -> None:
    dataset = load(str(pets))
    assert dataset.classes == ("cats", "dogs")
    assert dataset.shape == (3, 64, 64)
    assert dataset.sizes == {"train": 28, "validation": 6, "test": 6}
    assert np.bincount(dataset.train.labels).tolist() == [14, 14]


def test_the_size_can_be_chosen_as_a_word_or_a_number(pets: Path) -> None:
    assert load(str(pets), size="16").shape == (3, 16, 16)
    assert load(str(pets), size=16).shape == (3, 16, 16)


def test_the_same_seed_gives_the_same_split_and_another_one_does_not(pets: Path) -> None:
    first, again = load(str(pets), size=8), load(str(pets), size=8)
    other = load(str(pets), size=8, split_seed=1)
    np.testing.assert_array_equal(first.train.inputs, again.train.inputs)
    assert not np.array_equal(first.train.inputs, other.train.inputs)


def test_a_train_and_a_test_folder_are_taken_as_they_are(pets: Path, tmp_path: Path) -> None:
    root = tmp_path / "divided"
    for part, numbers in (("train", range(16)), ("test", range(16, 20))):
        for name in ("cats", "dogs"):
            (root / part / name).mkdir(parents=True)
            for number in numbers:
                shutil.copy(pets / name / f"{number:02}.png", root / part / name)
    dataset = load(str(root), size=8)
    assert dataset.sizes == {"train": 28, "validation": 4, "test": 8}
    shutil.move(root / "test", root / "val")
    (root / "test" / "cats").mkdir(parents=True)
    (root / "test" / "dogs").mkdir()
    for name in ("cats", "dogs"):
        shutil.move(root / "val" / name / "19.png", root / "test" / name)
    assert load(str(root), size=8).sizes == {"train": 32, "validation": 6, "test": 2}


def test_a_class_may_be_called_train(tmp_path: Path, draw: Draw) -> None:
    for name in ("train", "car"):
        for number in range(4):
            draw(tmp_path / "toys" / name / f"{number}.png", number + len(name))
    assert load(str(tmp_path / "toys"), size=8).classes == ("car", "train")


def test_every_class_is_in_every_split_where_it_can_be(tmp_path: Path, draw: Draw) -> None:
    for name, count in (("many", 30), ("three", 3), ("two", 2)):
        for number in range(count):
            draw(tmp_path / "f" / name / f"{number}.png", 100 * count + number)
    dataset = load(str(tmp_path / "f"), size=8)
    assert np.bincount(dataset.train.labels, minlength=3)[1:].tolist() == [1, 1]
    assert np.bincount(dataset.validation.labels, minlength=3)[1:].tolist() == [1, 0]
    assert dataset.notes == ("classes without an example in validation: 1 (two)",)


def test_grey_and_colour_together_are_read_as_colour_and_told(pets: Path, draw: Draw) -> None:
    draw(pets / "cats" / "grey.png", 7, "L")
    dataset = load(str(pets), size=8)
    assert dataset.shape == (3, 8, 8)
    assert dataset.notes == (
        "pictures in grey among others in colour: 1 of 41; all are read as colour, the grey ones "
        "with three equal channels",
    )


def test_grey_in_train_and_colour_in_test_are_read_as_colour(tmp_path: Path, draw: Draw) -> None:
    for part, mode in (("train", "L"), ("test", "RGB")):
        for place, name in enumerate(("a", "b")):
            for number in range(8):
                draw(tmp_path / "f" / part / name / f"{number}.png", number + 9 * place, mode)
    dataset = load(str(tmp_path / "f"), size=8)
    assert dataset.train.inputs.shape[1] == dataset.open_test("test").inputs.shape[1] == 3


def test_all_grey_stays_grey(tmp_path: Path, draw: Draw) -> None:
    for place, name in enumerate(("a", "b")):
        for number in range(5):
            draw(tmp_path / "f" / name / f"{number}.png", number + 9 * place, "L")
    assert load(str(tmp_path / "f"), size=8).shape == (1, 8, 8)


def test_copies_of_a_picture_in_train_and_test_are_counted_and_told(pets: Path) -> None:
    for number in range(20):
        shutil.copy(pets / "cats" / "00.png", pets / "dogs" / f"copy{number}.png")
    dataset = load(str(pets), size=8)
    test = dataset.open_test("count")
    copies = (test.inputs == load(str(pets), size=8).train.inputs[:, None]).all((2, 3, 4)).any(0)
    assert dataset.duplicates["train-test"] == int(copies.sum()) > 0
    assert any("also lie in train" in note for note in dataset.notes)


def test_a_broken_picture_is_named_and_nothing_is_skipped(pets: Path) -> None:
    (pets / "dogs" / "05.png").write_bytes(b"no picture")
    with pytest.raises(BadData, match=r"dogs/05\.png: found a file that is no picture"):
        load(str(pets), size=8)


def test_a_broken_picture_is_left_out_and_told_if_asked(pets: Path) -> None:
    (pets / "dogs" / "05.png").write_bytes(b"no picture")
    dataset = load(str(pets), size=8, skip_broken="true")
    assert sum(dataset.sizes.values()) == 39
    assert dataset.notes == ("broken pictures left out: 1 (05.png)",)


def test_many_pictures_are_decoded_once_until_one_changes(
    pets: Path, draw: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "REMEMBERED_FROM", 10)
    first = load(str(pets), size=8)
    monkeypatch.setattr(folder.pictures, "read", lambda *_, **__: pytest.fail("decoded again"))
    again = load(str(pets), size=8)
    np.testing.assert_array_equal(first.train.inputs, again.train.inputs)
    monkeypatch.undo()
    monkeypatch.setattr(folder, "REMEMBERED_FROM", 10)
    draw(pets / "cats" / "00.png", 999)
    changed = load(str(pets), size=8)
    parts = (("train", first.train, changed.train), ("test", first._test, changed._test))
    validation = not np.array_equal(first.validation.inputs, changed.validation.inputs)
    assert validation or any(not np.array_equal(a.inputs, b.inputs) for _, a, b in parts)


def empty_class(pets: Path) -> str:
    (pets / "birds").mkdir()
    return r"birds: found no pictures, expected at least one"


def one_class(pets: Path) -> str:
    shutil.rmtree(pets / "dogs")
    return r"found one class only, 'cats', expected at least two"


def pictures_without_folders(pets: Path) -> str:
    for number, file in enumerate(sorted(pets.rglob("*.png"))):
        file.rename(pets / f"{number}.png")
    shutil.rmtree(pets / "cats")
    shutil.rmtree(pets / "dogs")
    return r"found 40 pictures directly in it, expected one sub-folder a class"


def labels_without_pictures(pets: Path) -> str:
    shutil.rmtree(pets / "cats")
    shutil.rmtree(pets / "dogs")
    (pets / "labels.csv").write_text("0.png,cat\n")
    return r"found labels\.csv without any pictures"


def nothing_at_all(pets: Path) -> str:
    shutil.rmtree(pets / "cats")
    shutil.rmtree(pets / "dogs")
    return r"found no sub-folders and no pictures"


def class_unknown_to_train(pets: Path) -> str:
    shutil.copytree(pets, pets.parent / "both" / "train")
    shutil.copytree(pets, pets.parent / "both" / "test")
    (pets.parent / "both" / "test" / "dogs").rename(pets.parent / "both" / "test" / "wolves")
    shutil.rmtree(pets)
    (pets.parent / "both").rename(pets)
    return r"wolves: found a class 'wolves' that train has not, expected one of cats, dogs"


def too_few(pets: Path) -> str:
    for name in ("cats", "dogs"):
        for number in range(1, 20):
            (pets / name / f"{number:02}.png").unlink()
    return r"found 2 pictures, which leaves none for validation and test"


def only_broken_ones(pets: Path) -> str:
    for file in (pets / "cats").iterdir():
        file.write_bytes(b"no picture")
    return r"cats: found only broken pictures"


@pytest.mark.parametrize(
    "spoil",
    [
        empty_class,
        one_class,
        pictures_without_folders,
        labels_without_pictures,
        nothing_at_all,
        class_unknown_to_train,
        too_few,
        only_broken_ones,
    ],
)
def test_a_layout_that_is_none_is_told(spoil: object, pets: Path) -> None:
    message = spoil(pets)  # type: ignore[operator]
    with pytest.raises(BadData, match=message) as caught:
        load(str(pets), size=8, skip_broken=True)
    assert caught.value.exit_code == 3


def test_a_folder_that_is_not_there_is_told_with_its_neighbour(pets: Path) -> None:
    with pytest.raises(PellucidError, match="does not exist") as caught:
        load(str(pets.parent / "petz"))
    assert "did you mean" in caught.value.fix
    assert "pets" in caught.value.fix


@pytest.mark.parametrize("size", ["0", "-3", "big", "1.5", True])
def test_a_size_that_is_none_is_wrong_use(size: object, pets: Path) -> None:
    with pytest.raises(WrongUse, match="setting size"):
        load(str(pets), size=size)


def test_a_size_beyond_the_memory_is_refused_with_one_that_fits(pets: Path) -> None:
    with pytest.raises(WrongUse, match="this machine's") as caught:
        load(str(pets), size=1_000_000)
    assert "--set size=" in caught.value.fix


def test_how_many_pictures_were_transparent_or_of_16_bits_is_told(
    pets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clear = Image.new("RGBA", (9, 9), (200, 0, 0, 255))
    clear.save(pets / "cats" / "opaque.png")
    clear.putpixel((0, 0), (0, 0, 0, 0))
    clear.save(pets / "cats" / "clear.png")
    clear.save(pets / "dogs" / "clear.png")
    levels = np.full((9, 9), 257 * 7, np.uint16)
    Image.fromarray(levels).save(pets / "dogs" / "deep.png")
    told = [
        "pictures transparent in places: 2 of 44; what is transparent is read as white",
        "pictures with more than 8 bits a channel: 1 of 44; scaled to the levels 0 to 255",
    ]
    notes = load(str(pets), size=8).notes
    assert [note for note in notes if note in told] == told
    monkeypatch.setattr(folder, "REMEMBERED_FROM", 1)
    for _ in range(2):  # decoded, then as it was kept
        assert set(told) <= set(load(str(pets), size=8).notes)


def test_of_plain_pictures_nothing_is_told(pets: Path) -> None:
    assert not [
        note for note in load(str(pets), size=8).notes if "8 bits" in note or "trans" in note
    ]
