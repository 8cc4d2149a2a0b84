"""The proof against all levels one by one, against sums by hand, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from fool_victims import network, victim
from pellucid.base.errors import BadData, WrongUse
from pellucid.base.records import read_json, write_json
from pellucid.fool import certificate
from pellucid.fool.asking import Asking, share_fooled
from pellucid.fool.bounds import Scaling
from pellucid.fool.enumeration import answers, enumerate_levels
from pellucid.fool.search import until
from pellucid.fool.single_pixel import Question, graph_of, prove
from pellucid.fool.victim import Victim, check, fingerprint

GREY = ["dense", "convolutions", "averages", "block"]


def two_pixels() -> Victim:
    """Scores 2a + b − 1.5 and 0 for a picture (a, b), now 1 and 0.25: ahead by 0.75.

    Pixel a flips below 0.625; pixel b never, as 2 − 1.5 + b ≥ 0.5.
    """
    layer = nn.Linear(2, 2)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[2.0, 1.0], [0.0, 0.0]]))
        layer.bias.copy_(torch.tensor([-1.5, 0.0]))
    picture = torch.tensor([1.0, 0.25]).double().view(1, 1, 1, 2)
    plain = Scaling(torch.zeros(1).double(), torch.ones(1).double())
    made = nn.Sequential(nn.Flatten(), layer).eval()
    return Victim(made, picture, plain, ["one", "zero"], "two pixels", labels=[0])


def test_the_interval_of_a_linear_network_is_the_one_worked_out_by_hand() -> None:
    proof = prove(two_pixels(), 0)
    (flip,) = proof.flips
    assert (proof.proved, len(proof.flipped), len(proof.undecided)) == (1, 1, 0)
    assert (flip.row, flip.column, flip.becomes, flip.low) == (0, 0, 1, (0.0,))
    assert 0.625 <= flip.high[0] <= 0.625 + 2 * 2.0**-16
    assert 0 <= flip.value[0] < 0.625


def test_values_at_which_the_scores_are_too_close_are_not_said_to_flip() -> None:
    """The same with a hundredth of the weights: within 8e-5 of 0.625 the scores differ by less than
    1.6e-6, which float32 does not tell apart."""
    asked = two_pixels()
    with torch.no_grad():
        for weight in asked.network.parameters():
            weight.div_(100)
    proof = prove(asked, 0)
    (flip,), (tie,) = proof.flips, proof.open
    assert flip.high[0] <= 0.625
    assert (tie[0], tie[1], tie[2]) == (0, 0, flip.high)
    assert 0.625 < tie[3][0] < 0.6252
    assert (proof.proved, len(proof.flipped), len(proof.undecided)) == (1, 1, 0)


@pytest.mark.parametrize("seed", [0, 5])
@pytest.mark.parametrize("name", GREY)
def test_the_proof_agrees_with_all_levels_one_by_one(name: str, seed: int) -> None:
    asked = victim(name, pictures=1, seed=seed)
    check(asked)
    proof = prove(asked, 0)
    found = answers(asked, asked.pictures[0])
    levels = torch.arange(256).double() / 255
    claimed = torch.full_like(found, proof.answer)
    doubtful = torch.zeros_like(found, dtype=torch.bool)
    for flip in proof.flips:
        low, high = flip.low[0], flip.high[0]
        claimed[flip.row, flip.column, (levels >= low) & (levels <= high)] = flip.becomes
        near = ((levels - low).abs() < 2.0**-15) | ((levels - high).abs() < 2.0**-15)
        doubtful[flip.row, flip.column] |= near
    for row, column, low_end, high_end in proof.open:
        doubtful[row, column] |= (levels >= low_end[0]) & (levels <= high_end[0])
    assert torch.equal(found[~doubtful], claimed[~doubtful])
    assert proof.proved + len(proof.flipped) + len(proof.undecided) == 64


def test_some_of_these_networks_flip_and_some_pixels_do_not() -> None:
    """Else the test above would compare nothing."""
    proofs = [prove(victim("convolutions", 1, seed), 0) for seed in (0, 1)]
    proofs.append(prove(victim("averages", 1, 5), 0))
    assert all(proof.flips and proof.proved for proof in proofs)
    assert not any(proof.undecided for proof in proofs)


def test_enumeration_and_proof_list_the_same_pixels() -> None:
    asked = victim("convolutions", 1, 1)
    levels, proof = enumerate_levels(asked, 0), prove(asked, 0)
    assert levels.flipped <= proof.flipped
    assert levels.proved + len(levels.flipped) == 64


@pytest.mark.parametrize("name", ["colour", "colour, smooth", "colour, dense"])
def test_in_colour_random_values_agree_with_the_proof(name: str) -> None:
    asked = victim(name, 1, 3)
    question = Question(asked, 0, graph_of(asked))
    question.ask(seconds=2)
    proof = question.proof()
    chance = torch.Generator().manual_seed(0)
    doubtful = proof.flipped | proof.undecided
    for row in range(8):
        for column in range(8):
            batch = asked.pictures[0].repeat(64, 1, 1, 1)
            batch[:, :, row, column] = (
                torch.rand(64, 3, generator=chance).double().mul(1.4).clamp(0, 1)
            )
            flips = asked.scores(batch).argmax(dim=1) != proof.answer
            assert (row, column) in doubtful or not bool(flips.any())
            boxes = [flip for flip in proof.flips if (flip.row, flip.column) == (row, column)]
            if boxes and bool(flips.any()):
                values = batch[flips][:, :, row, column]
                held = [
                    ((values >= torch.tensor(box.low)) & (values <= torch.tensor(box.high))).all(1)
                    for box in boxes
                ]
                assert bool(torch.stack(held).any(dim=0).all())


def test_boxes_stay_near_cubes_however_much_more_one_channel_matters() -> None:
    asked = victim("colour", 1, 3)
    first = next(part for part in asked.network.modules() if isinstance(part, nn.Conv2d))
    first.weight.data[:, 0] *= 10
    search = Question(asked, 0, graph_of(asked)).search
    seen: list[Tensor] = []

    def noted() -> bool:
        seen.append(search.todo.high - search.todo.low)
        return len(seen) < 20

    search.run(noted)
    sides = torch.cat(seen)
    assert float(sides.amin()) <= 0.5
    assert bool((sides.amax(dim=1) <= 2 * sides.amin(dim=1)).all())


def test_a_flip_that_the_module_does_not_reproduce_is_not_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = two_pixels()
    question = Question(asked, 0, graph_of(asked))
    question.ask()
    monkeypatch.setattr(asked, "answer_to", lambda picture: 0)
    proof = question.proof()
    assert proof.flips == []
    assert proof.undecided == {(0, 0)}


def test_a_search_that_is_stopped_goes_on_to_the_same_end() -> None:
    asked = victim("convolutions", 1, 1)
    graph = graph_of(asked)
    whole = Question(asked, 0, graph)
    whole.ask()
    steps = iter([True, False])
    first = Question(asked, 0, graph)
    first.search.run(lambda: next(steps))
    assert not first.search.is_done
    assert first.proof().undecided
    second = Question(asked, 0, graph)
    second.search.go_on_from(first.search.as_record())
    second.ask()
    assert {(f.row, f.column, f.low, f.high) for f in second.proof().flips} == {
        (f.row, f.column, f.low, f.high) for f in whole.proof().flips
    }


def test_until_ends_when_it_is_told_to() -> None:
    assert until(None, lambda: False)()
    assert not until(None, lambda: True)()
    assert not until(0.0, lambda: False)()


# What is refused, and what is offered instead.


def asked_of(made: nn.Module, side: int = 8) -> Victim:
    chance = torch.Generator().manual_seed(0)
    picture = torch.rand(1, 1, side, side, generator=chance, dtype=torch.float64)
    plain = Scaling(torch.zeros(1).double(), torch.ones(1).double())
    return Victim(made.eval(), picture, plain, list("abcd"), "mine")


class Attention(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        rows = x[:, 0]
        scores: Tensor = torch.softmax(rows @ rows.mT, dim=-1).mean(dim=1)[:, :4]
        return scores


class Branch(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        total = float(x.sum())
        return x.flatten(1)[:, :4] * (1.0 if total > 0 else 2.0)


@pytest.mark.parametrize("made", [Attention(), Branch()], ids=lambda made: type(made).__name__)
def test_what_is_not_covered_is_refused_and_enumeration_offered(made: nn.Module) -> None:
    with pytest.raises(WrongUse) as refused:
        graph_of(asked_of(made))
    assert "--enumerate" in refused.value.fix


class Noisy(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1)[:, :4] + torch.rand(4)


class Together(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1)[:, :4] - x.mean()


class Certain(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return functional.softmax(x.flatten(1)[:, :4], dim=1)


class Logs(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return functional.log_softmax(x.flatten(1)[:, :4], dim=1)


class Endless(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1)[:, :4] / 0.0


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (Noisy(), "two answers to one picture"),
        (Certain(), "probabilities"),
        (Logs(), "logarithms of probabilities"),
        (Endless(), "not finite"),
        (nn.Flatten(0), "answers of shape"),
        (nn.Sequential(nn.Flatten(), nn.Linear(9, 4)), "for pictures"),
    ],
    ids=lambda part: type(part).__name__,
)
def test_a_network_that_cannot_be_asked_is_refused(made: nn.Module, told: str) -> None:
    with pytest.raises(WrongUse, match=told):
        check(asked_of(made))


def test_a_network_that_looks_at_the_other_pictures_is_refused() -> None:
    asked = asked_of(Together())
    asked.pictures = torch.cat([asked.pictures, 1 - asked.pictures])
    with pytest.raises(WrongUse, match="other pictures of the batch"):
        check(asked)


def test_training_mode_and_broken_weights_and_wild_pictures_are_refused() -> None:
    asked = asked_of(network("dense"))
    asked.network.train()
    with pytest.raises(WrongUse, match="training mode"):
        check(asked)
    asked.network.eval()
    asked.pictures = asked.pictures * 3
    with pytest.raises(BadData, match="values from"):
        check(asked)
    asked.pictures = asked.pictures / 3
    with torch.no_grad():
        next(asked.network.parameters())[0, 0] = torch.nan
    with pytest.raises(BadData, match="not finite"):
        check(asked)


def test_enumeration_in_colour_is_refused() -> None:
    with pytest.raises(WrongUse, match="256\\^3"):
        enumerate_levels(victim("colour", 1), 0)


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("inf")])
def test_a_budget_of_nothing_is_refused(seconds: float, tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="--seconds"):
        Asking(two_pixels(), tmp_path, seconds=seconds)


# Certificates.


def test_a_certificate_holds_and_is_not_asked_for_again(tmp_path: Path) -> None:
    asked = victim("convolutions", 2, 1)
    first = list(Asking(asked, tmp_path).answers())
    again = list(Asking(asked, tmp_path).answers())
    assert [one["seconds"] for one in first] == [one["seconds"] for one in again]
    record = certificate.read(Asking(asked, tmp_path).path(0))
    certificate.check_weights(record, asked, tmp_path)
    checked = certificate.verify(record, asked, sample=500)
    assert checked.holds
    assert checked.flips == len(record["flips"]) > 0


def test_a_certificate_that_lies_does_not_hold(tmp_path: Path) -> None:
    asked = victim("convolutions", 1, 1)
    (record,) = Asking(asked, tmp_path).answers()
    hidden = {**record, "flips": [], "becomes_numbers": []}
    assert not certificate.verify(hidden, asked, sample=1000).holds
    moved = {**record["flips"][0], "row": 7, "column": 7, "value": 0.0}
    invented = {**record, "flips": [moved], "becomes_numbers": [record["becomes_numbers"][0]]}
    assert not certificate.verify(invented, asked, sample=0).holds
    other = {**record, "answer_number": (record["answer_number"] + 1) % 4}
    assert not certificate.verify(other, asked, sample=0).holds


def test_a_certificate_for_other_weights_is_refused(tmp_path: Path) -> None:
    (record,) = Asking(two_pixels(), tmp_path).answers()
    other = two_pixels()
    with torch.no_grad():
        next(other.network.parameters()).add_(1e-7)
    assert fingerprint(other.network) != fingerprint(two_pixels().network)
    with pytest.raises(BadData, match="for weights"):
        certificate.check_weights(record, other, tmp_path)


@pytest.mark.parametrize("key", ["kind", "flips", "network", "scaling"])
def test_a_damaged_certificate_is_named(key: str, tmp_path: Path) -> None:
    asking = Asking(two_pixels(), tmp_path)
    list(asking.answers())
    record = read_json(asking.path(0))
    del record[key]
    write_json(asking.path(0), record)
    with pytest.raises(BadData, match=r"certificate|record"):
        certificate.read(asking.path(0))
    assert next(iter(Asking(two_pixels(), tmp_path).answers()))["proved"] == 1


def test_a_picture_that_was_changed_in_a_certificate_is_named(tmp_path: Path) -> None:
    asking = Asking(two_pixels(), tmp_path)
    list(asking.answers())
    record = read_json(asking.path(0))
    record["picture"]["values"][0] = 0.5
    write_json(asking.path(0), record)
    with pytest.raises(BadData, match="own hash"):
        certificate.read(asking.path(0))


def test_the_share_counts_rightly_read_pictures_and_leaves_room_for_undecided_ones() -> None:
    def row(label: str, flipped: int, undecided: int) -> dict[str, object]:
        return {"label": label, "answer": "a", "flipped": flipped, "undecided": undecided}

    share = share_fooled([row("a", 1, 0), row("a", 0, 0), row("a", 0, 2), row("b", 5, 0)])
    assert share["share_fooled"] == 1 / 3
    assert (share["asked"], share["fooled"], share["undecided"], share["wrong"]) == (3, 1, 1, 1)
    certain = share_fooled([row("a", 1, 0), row("a", 0, 0), row("a", 0, 0)])
    assert share["low"] == certain["low"]
    assert share["high"] > certain["high"]
