"""`pellucid sample`: new texts from a network that says the next symbol."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pellucid.base.errors import WrongUse
from pellucid.data.symbols import RARE
from pellucid.train.sampling import sample

TALE = "the sea and the sky and the sand."
NAMES = {"kind": "symbols", "classes": [".", "a", "b", "c"], "shape": [6]}
TEXT = {"kind": "symbols", "classes": [RARE, "\n", "a", "b"], "shape": [6]}


class Table(nn.Module):
    """Scores of the next symbol from the present one alone; notes the longest row it was given."""

    def __init__(self, scores: list[list[float]]) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.tensor(scores))
        self.longest = 0
        self.first: list[int] = []

    def forward(self, x: Tensor) -> Tensor:
        self.longest = max(self.longest, x.shape[1])
        self.first.append(int(x[0, 0]))
        return self.table[x]


def chain(*pairs: tuple[int, int], size: int = 4) -> Table:
    """After the first of each pair comes the second, for sure."""
    scores = torch.zeros(size, size)
    for here, there in pairs:
        scores[here, there] = 100.0
    return Table(scores.tolist())


def test_a_name_is_what_stands_between_two_boundaries() -> None:
    network = chain((0, 1), (1, 2), (2, 3), (3, 0))
    assert sample(network, NAMES, count=3) == ["abc"] * 3
    assert network.first[0] == 0  # it begins with the boundary


def test_a_name_goes_on_from_its_start() -> None:
    assert sample(chain((2, 3), (3, 0)), NAMES, count=1, start="ab") == ["abc"]


def test_a_name_without_an_end_stops_at_the_longest_row_that_was_learned() -> None:
    network = chain((0, 1), (1, 1))
    assert sample(network, NAMES, count=2, length=200) == ["aaaaaa"] * 2
    assert network.longest == 6
    assert sample(chain((0, 1), (1, 1)), NAMES, count=1, length=2) == ["aa"]
    assert sample(chain((1, 1)), NAMES, count=1, start="aa") == ["aaaaaa"]


def test_a_text_runs_on_with_a_window_as_long_as_the_trained_one() -> None:
    network = chain((1, 2), (2, 3), (3, 2))
    assert sample(network, TEXT, count=1, length=9) == ["ababababa"]
    assert network.longest == 6


def test_the_mark_of_unknown_symbols_is_never_written() -> None:
    network = chain((1, 0), (2, 0), (3, 0))
    texts = sample(network, TEXT, count=20, length=20)
    assert RARE not in "".join(texts)
    assert all(len(text) == 20 for text in texts)


def test_the_same_seed_draws_the_same_texts_and_another_seed_others() -> None:
    network = Table(torch.zeros(4, 4).tolist())
    state = torch.get_rng_state()
    first = sample(network, TEXT, seed=3)
    assert first == sample(network, TEXT, seed=3)
    assert first != sample(network, TEXT, seed=4)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_symbols_are_drawn_as_often_as_the_temperature_says(temperature: float) -> None:
    scores = [0.0, math.log(1), math.log(2), math.log(4)]
    texts = sample(Table([scores] * 4), TEXT, count=400, length=50, temperature=temperature, seed=1)
    counts = Counter("".join(texts))
    powers = {"\n": 1.0, "a": 2 ** (1 / temperature), "b": 4 ** (1 / temperature)}
    for symbol, power in powers.items():
        share = power / sum(powers.values())
        spread = math.sqrt(share * (1 - share) / 20_000)
        assert counts[symbol] / 20_000 == pytest.approx(share, abs=4 * spread)


def test_temperature_0_takes_the_likeliest_symbol() -> None:
    network = Table([[0.0, 0.0, 0.2, 0.1]] * 4)
    assert sample(network, TEXT, count=2, length=5, temperature=0) == ["aaaaa"] * 2


def test_the_network_is_left_in_its_mode() -> None:
    network = chain((1, 2))
    sample(network.train(), TEXT, count=1, length=1)
    assert network.training
    sample(network.eval(), TEXT, count=1, length=1)
    assert not network.training


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"start": "ax"}, "'x', which is not known"),
        ({"start": "."}, "which marks a boundary"),
        ({"start": "A"}, "write 'a' instead"),
        ({"start": "abcabc"}, "6 symbols"),
        ({"temperature": -0.1}, "a number above 0"),
        ({"temperature": math.nan}, "a number above 0"),
        ({"count": 0}, "1 or more"),
        ({"length": 0}, "1 or more"),
    ],
)
def test_what_cannot_be_drawn_is_told(words: dict[str, Any], told: str) -> None:
    with pytest.raises(WrongUse) as error:
        sample(chain((0, 1)), NAMES, **words)
    assert told in str(error.value)


def test_pictures_are_no_texts() -> None:
    with pytest.raises(WrongUse, match="pellucid predict"):
        sample(chain((0, 1)), {**NAMES, "kind": "pictures"})
    with pytest.raises(WrongUse, match="without the record"):
        sample(chain((0, 1)))


# -------------------------------------------------------------------------------- the command


def test_the_command_prints_and_records_the_texts(shelf: Path, call) -> None:
    outcome = call(
        "sample",
        "tale",
        "--count",
        2,
        "--length",
        30,
        "--start",
        "the s",
        "--seed",
        5,
        "--json",
        "s.json",
    )
    assert outcome.code == 0, outcome.err
    record = json.loads(Path("s.json").read_text())
    assert len(record["samples"]) == 2
    for text in record["samples"]:
        assert text.startswith("the s")
        assert len(text) == 5 + 30
        assert text in outcome.out
    assert (record["seed"], record["temperature"]) == (5, 0.8)


def test_a_network_that_learned_a_sentence_writes_its_words(shelf: Path, call) -> None:
    call("sample", "tale", "--count", 1, "--temperature", 0, "--start", "the s", "--json", "s.json")
    text = json.loads(Path("s.json").read_text())["samples"][0]
    assert set(text.split()[:-1]) <= set(TALE.split())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("plain",), "pellucid predict plain FILE"),
        (("tael",), "did you mean tale?"),
        (("tale", "--start", "the Sea"), "write 's' instead"),
        (("tale", "--temperature", "-1"), "a number above 0"),
        (("tale", "--temperature", "hot"), "--temperature"),
        (("tale", "--count", "0"), "1 or more"),
    ],
)
def test_wrong_use_is_told_with_the_way_out(shelf: Path, call, words, told: str) -> None:
    outcome = call("sample", *words)
    assert outcome.code == 2
    assert told in outcome.err
