"""A loss that was heard is computed again: with the same numbers, and with others."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from pellucid.watch.listener import Listener
from pellucid.watch.program import Program
from pellucid.watch.tape import Tape


def heard(tape: Tape, network: nn.Module, *given: Tensor) -> Tensor:
    """A pass as the follower notes one."""
    chance = torch.get_rng_state()
    answer: Tensor = network(*given)
    tape.add_pass(network, given, {}, [answer], chance)
    return answer


def by_name(program: Program | None, **networks: nn.Module) -> Program:
    assert program is not None
    weights = {
        id(weight): f"{name}.{own}"
        for name, network in networks.items()
        for own, weight in network.named_parameters()
    }
    return program.on(weights, {id(network): name for name, network in networks.items()})


def test_two_networks_are_played_again_with_other_ones_in_their_places() -> None:
    torch.manual_seed(0)
    first, second = nn.Linear(3, 4), nn.Linear(4, 2)
    others = {"first": nn.Linear(3, 4), "second": nn.Linear(4, 2)}
    x, y, tape = torch.randn(5, 3), torch.randn(5, 2), Tape()
    code = heard(tape, first, x)
    with Listener([code]) as listener:
        code = code.relu() * 2
    tape.add(listener.calls)
    answer = heard(tape, second, code)
    with Listener([answer]) as listener:
        loss = functional.mse_loss(answer, y)
    tape.add(listener.calls)
    program = by_name(tape.program(loss), first=first, second=second)
    (again,) = program.again([], {}, networks={"first": first, "second": second})
    (other,) = program.again([], {}, networks=others)
    assert torch.equal(again, loss)
    expected = functional.mse_loss(others["second"](others["first"](x).relu() * 2), y)
    assert torch.equal(other, expected)


def test_what_is_written_into_a_constant_is_written_into_a_copy_of_it() -> None:
    network, tape = nn.Linear(2, 2), Tape()
    x, kept = torch.ones(1, 2), torch.zeros(2, 2)
    answer = heard(tape, network, x)
    with Listener([answer]) as listener:
        kept[0] = answer[0]
        kept[1] = 3 * answer[0]
        loss = kept.sum()
    tape.add(listener.calls)
    before = kept.detach().clone()
    program = by_name(tape.program(loss), network=network)
    with torch.no_grad():
        network.weight.zero_()
        network.bias.fill_(1)
    (again,) = program.again([], {}, networks={"network": network})
    assert again.item() == 2 * (1 + 3)
    assert torch.equal(kept, before)


def test_a_cut_off_the_graph_that_nobody_heard_is_found() -> None:
    generator, judge, tape = nn.Linear(2, 3), nn.Linear(3, 1), Tape()
    made = heard(tape, generator, torch.randn(4, 2))
    cut = made.detach()
    verdict = heard(tape, judge, cut)
    with Listener([verdict]) as listener:
        loss = verdict.sum()
    tape.add(listener.calls)
    program = by_name(tape.program(loss), generator=generator, judge=judge)
    assert [call.name for call in program.calls][1] == "detach"
    (again,) = program.again([], {}, networks={"generator": generator, "judge": judge})
    again.backward()  # type: ignore[no-untyped-call]
    assert generator.weight.grad is None
    assert torch.equal(judge.weight.grad, made.detach().sum(0, keepdim=True))


def test_dropout_drops_the_same_again_and_others_when_drawn_anew() -> None:
    torch.manual_seed(0)
    network, tape = nn.Sequential(nn.Linear(8, 64), nn.Dropout(0.5)), Tape()
    x = torch.randn(4, 8)
    one, other = heard(tape, network, x), heard(tape, network, x)
    with Listener([other]) as listener:
        loss = (one - other).pow(2).mean()
    tape.add(listener.calls)
    program = by_name(tape.program(loss), network=network)
    parts = {"network": network}
    assert torch.equal(program.again([], {}, networks=parts)[0], loss)
    assert not torch.equal(program.drawn_anew().again([], {}, networks=parts)[0], loss)


def test_a_tape_reaches_back_to_the_step_before_of_the_same_optimiser() -> None:
    network, tape = nn.Linear(2, 1), Tape()
    first = heard(tape, network, torch.randn(3, 2))
    tape.note_step(0)
    second = heard(tape, network, torch.randn(3, 2))
    tape.note_step(1)
    assert tape.program(first) is not None
    tape.note_step(0)
    assert tape.program(first) is None
    assert tape.program(second) is not None
    tape.note_step(1)
    tape.note_step(0)
    assert tape.program(second) is None
