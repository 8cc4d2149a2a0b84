"""Texts as numbers: names, text files, vocabularies, and texts that cannot be used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pellucid.base.errors import BadData, WrongUse
from pellucid.data.dataset import IGNORED
from pellucid.data.load import load
from pellucid.data.symbols import RARE, windows, words_as_split


def test_a_word_stands_between_boundaries_and_its_padding_has_no_label() -> None:
    split = words_as_split(["ab", "b"], [".", "a", "b"], length=4)
    assert split.inputs.tolist() == [[0, 1, 2, 0], [0, 2, 0, 0]]
    assert split.labels.tolist() == [[1, 2, 0, IGNORED], [2, 0, IGNORED, IGNORED]]


def test_windows_show_every_next_symbol_once() -> None:
    split = windows(np.arange(1, 7), context=2)  # 1 2 3 4 5 6
    assert split.inputs.tolist() == [[1, 2], [3, 4], [5, 0]]
    assert split.labels.tolist() == [[2, 3], [4, 5], [6, IGNORED]]


def write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def numbered(count: int) -> str:
    """A text in which every place can be told: 0000 0001 0002 …"""
    return " ".join(f"{number:04}" for number in range(count))


def test_a_text_is_cut_into_blocks_that_do_not_overlap(tmp_path: Path) -> None:
    text = numbered(400)
    dataset = load(write(tmp_path / "t.txt", text), context=10)
    assert dataset.kind == "symbols"
    assert dataset.shape == (10,)
    assert "".join(dataset.classes) == RARE + " 0123456789"
    read = {}
    parts = {"train": dataset.train, "validation": dataset.validation}
    for name, split in {**parts, "test": dataset.open_test("law")}.items():
        known = split.labels != IGNORED
        read[name] = int(known.sum())
        written = "".join(dataset.classes[place] for place in split.inputs[known])
        words = [word for word in written.split(" ") if len(word) == 4]
        assert words
        assert all(word in text for word in words)
    # a tenth each of 1999 symbols; the last symbol of a run is no input
    assert read["validation"] in (198, 199)
    assert read["test"] in (198, 199)
    assert 1590 <= read["train"] <= 1600
    assert dataset.notes == ()


def test_another_seed_holds_out_other_blocks(tmp_path: Path) -> None:
    path = write(tmp_path / "t.txt", numbered(400))
    first, again = load(path, context=10), load(path, context=10)
    assert np.array_equal(first.validation.inputs, again.validation.inputs)
    others = [load(path, context=10, split_seed=seed).validation.inputs for seed in range(1, 4)]
    assert any(not np.array_equal(first.validation.inputs, other) for other in others)


def test_rare_symbols_become_one_and_are_told(tmp_path: Path) -> None:
    text = "ab" * 500 + "é" + "ab" * 500
    dataset = load(write(tmp_path / "t.txt", text), context=8, vocabulary=3)
    assert dataset.classes == (RARE, "a", "b")
    assert dataset.notes[0].startswith("1 of 2,001 symbols are read as")


def test_symbols_that_train_never_shows_are_rare(tmp_path: Path) -> None:
    blocks = ["ab" * 100] * 10
    for place in range(10):
        text = "".join([*blocks[:place], "xy" * 100, *blocks[place + 1 :]])
        dataset = load(write(tmp_path / "t.txt", text), context=8)
        learned = np.unique(dataset.train.inputs)
        beyond = set(np.unique(dataset.open_test("law").inputs)) - set(learned) - {0}
        assert not beyond


def test_windows_line_ends_and_a_byte_order_mark_are_taken_off(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    path.write_bytes(b"\xef\xbb\xbf" + b"ab\r\n" * 300)
    assert load(str(path), context=8).classes == (RARE, "\n", "a", "b")


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "an empty text"),
        (b" \n\n", "an empty text"),
        ("für".encode("latin-1") * 1000, r"byte 1 \(0xfc\) that is not UTF-8"),
        (b"abc\0def" * 1000, "a zero byte at 3, as binary files have"),
        (bytes(range(256)) * 20, "a binary file"),
        (b"too short", "9 symbols, expected at least 650"),
    ],
)
def test_a_text_that_cannot_be_used_is_told(content: bytes, found: str, tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_bytes(content)
    with pytest.raises(BadData, match=found):
        load(str(tmp_path / "t.txt"))


def test_a_context_of_nothing_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="setting context: found 0"):
        load(write(tmp_path / "t.txt", "abc" * 500), context=0)


@pytest.mark.parametrize(("symbols", "context"), [(19, None), (20, 1), (649, 63)])
def test_a_text_that_is_too_short_is_told_the_longest_context_that_fits(
    tmp_path: Path, symbols: int, context: int | None
) -> None:
    """A tenth of 20 symbols is 2: one to look back on and one to say."""
    path = write(tmp_path / "t.txt", "ab" * (symbols // 2) + "a" * (symbols % 2))
    with pytest.raises(BadData) as caught:
        load(path)
    if context is None:
        assert caught.value.fix.endswith("with --set context=1 it takes 20 symbols")
    else:
        assert caught.value.fix.endswith(f"--set context={context}")
        assert load(path, context=context).shape == (context,)
        with pytest.raises(BadData):
            load(path, context=context + 1)
