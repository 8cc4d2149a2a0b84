"""The last activation cannot produce the targets."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from pellucid.doctor.bench import Bench
from pellucid.doctor.cases import NETWORK, STEP, script
from pellucid.doctor.diagnosis import OUTPUT, Diagnosis
from pellucid.doctor.effect import Change, itself
from pellucid.doctor.finding import Finding
from pellucid.doctor.game import GameJudge
from pellucid.doctor.judged import answers_of
from pellucid.doctor.looks import RELUS, SIGMOIDS, TANHS, activations
from pellucid.watch.program import Program, Slot
from pellucid.watch.trace import LossCall, Trace

ONE = NETWORK.replace("nn.Linear(32, 3)", "nn.Linear(32, 1), nn.Sigmoid()")
LOSS = "functional.cross_entropy(network(inputs[rows]), labels[rows])"
COMPARED = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")
YES_OR_NO = "binary_cross_entropy_with_logits"
REACH = {"Sigmoid": (0.0, 1.0), "Tanh": (-1.0, 1.0), "Relu": (0.0, math.inf),
         "Softmax": (0.0, 1.0)}  # fmt: skip
SCORES = {("Relu",): (0.0, math.inf), ("Neg", "Relu"): (-math.inf, 0.0), ("Tanh",): (-1.0, 1.0),
          ("Softplus",): (0.0, math.inf), ("LogSigmoid",): (-math.inf, 0.0),
          ("LogSoftmax",): (-math.inf, 0.0)}  # fmt: skip
"""By the nodes that made a score, the last first, what it reaches."""
BOUNDED: dict[str, tuple[Callable[..., Any], ...]] = {"Sigmoid": SIGMOIDS, "Tanh": TANHS}
RESHAPES = ("getitem", "squeeze", "unsqueeze", "flatten", "view", "reshape")
MOVED = ("Div", "Mul", "Add", "Sub", "Rsub", "Neg")
"""Nodes that shift and stretch."""


class OutputCannotReachTargets(Diagnosis):
    """The last activation cannot produce the targets."""

    CALLS = 3  # looked at, in all of which a target lies outside
    HELPS = 0.8
    BEYOND = 0.05
    """Share of the targets beyond the ends of a stretched activation."""
    SLACK = 0.01  # of the reach: targets of 1 are approached by a sigmoid, which is enough
    GROUP = OUTPUT
    IN_GAMES = True
    SICK = script(
        network=ONE,
        step=STEP.replace(
            LOSS, "functional.mse_loss(network(inputs[rows])[:, 0], 5 * inputs[rows, 0])"
        ),
        evaluate="return 0",
    )
    HEALTHY = SICK.replace(", nn.Sigmoid()", "")

    def find(self, trace: Trace) -> Finding | None:
        return self._by_shares(trace) or self._by_reach(trace)

    def _by_shares(self, trace: Trace) -> Finding | None:
        """Scores of one sign, or of -1 to 1, from which a sigmoid makes no share near 0 or 1."""
        for call in trace.losses:
            reach = next((r for nodes, r in SCORES.items() if call.made_by[: len(nodes)] == nodes),
                         None)  # fmt: skip
            if call.name != YES_OR_NO or reach is None or call.target_low is None:
                continue
            low, high = (_sigmoid(score) for score in reach)
            assert call.target_high is not None
            if call.target_low < low - self.SLACK or call.target_high > high + self.SLACK:
                return self.proven(
                    call.line,
                    [f"The scores come from {' of '.join(call.made_by[:2])} and reach "
                     f"{reach[0]:g} to {reach[1]:g}; {YES_OR_NO} takes them through a sigmoid, "
                     f"which makes shares of {low:.3g} to {high:.3g} of them. The targets go from "
                     f"{call.target_low:.3g} to {call.target_high:.3g}."],
                    "leave the last activation out", target_low=call.target_low,
                    target_high=call.target_high, low=low, high=high,
                )  # fmt: skip
        return None

    def _by_reach(self, trace: Trace) -> Finding | None:
        looked = [call for call in trace.losses if call.target_low is not None]
        outside = [call for call in looked if call.name in COMPARED and self._is_outside(call)]
        if len(outside) < self.CALLS or len(outside) < len(looked) / 2:
            return None
        first = outside[0]
        low, high = REACH[first.made_by[0]]
        reach, wanted = f"{low:g} to {high:g}", ""
        if first.made_by[0] == "Softmax":
            reach += ", 1 in all"
            wanted = f", up to {first.most_at_once:.3g} in all"
        return self.proven(
            first.line,
            [f"The answer comes from {first.made_by[0]}, which reaches {reach}; the targets go "
             f"from {first.target_low:.3g} to {first.target_high:.3g}{wanted}."],
            "leave the last activation out, or bring the targets to its range",
            target_low=first.target_low, target_high=first.target_high,
        )  # fmt: skip

    def _is_outside(self, call: LossCall) -> bool:
        if not call.made_by or call.made_by[0] not in REACH:
            return False
        if call.made_by[0] == "Softmax" and call.most_at_once > 1 + self.SLACK:
            return True
        low, high = REACH[call.made_by[0]]
        assert call.target_low is not None
        assert call.target_high is not None
        return call.target_low < low - self.SLACK or call.target_high > high + self.SLACK

    def probe(self, trace: Trace, bench: Bench) -> Finding | None:
        if isinstance(bench.judge, GameJudge):
            return self._of_a_game(trace, bench, bench.judge)
        return (
            self._stretched(trace, bench)
            or self._by_hand(trace, bench)
            or self._without_relu(trace, bench)
        )

    def _of_a_game(self, trace: Trace, bench: Bench, game: GameJudge) -> Finding | None:
        """What one network makes is to look like data that its last activation cannot produce."""
        for judge in game.judges:
            ends = game.ends_in(bench.first(), judge)[:1]
            if not ends or ends[0] not in REACH:
                continue
            real = game.met(bench.first(), judge)[1]
            beyond = _beyond(real, REACH[ends[0]], self.SLACK)
            if beyond < self.BEYOND:
                continue
            low, high = REACH[ends[0]]
            makes = [k for k, model in enumerate(trace.models) if model.ends_in[:1] == ends]
            return self.proven(
                next((entry.line for entry in trace.passes if entry.model in makes), None),
                [f"What {judge} is given that is made comes from {ends[0]}, which reaches {low:g} "
                 f"to {high:g}; {100 * beyond:.3g} % of the {real.numel():,} numbers that it is "
                 f"given as real lie beyond, from {float(real.min()):.3g} to "
                 f"{float(real.max()):.3g}."],
                "leave the last activation out, or bring the data to its range",
                low=low, high=high, beyond=beyond,
            )  # fmt: skip
        return None

    def _by_hand(self, trace: Trace, bench: Bench) -> Finding | None:
        """The same for a loss of the script's own, which takes the difference to the targets."""
        ends = trace.models[bench.captured.model].ends_in[:1]
        tails = [batch.tail for batch in bench.batches if batch.tail is not None]
        found = map(bench.judge.find_target, bench.batches)
        targets = [target for target in found if target is not None]
        if not ends or ends[0] not in REACH or len(targets) < len(bench.batches) or not tails:
            return None
        alike = math.prod(tails[0].shape) == targets[0].numel()
        if not alike or _first_call(tails[0]) not in ("sub", "rsub"):
            return None
        low, high = REACH[ends[0]]
        every = torch.cat([y.detach().flatten().double() for y in targets])
        beyond = _beyond(every, (low, high), self.SLACK)
        if beyond < self.BEYOND:
            return None
        return self.proven(
            next(entry.line for entry in trace.passes if entry.with_graph),
            [f"The answer comes from {ends[0]}, which reaches {low:g} to {high:g}; "
             f"{100 * beyond:.3g} % of the {len(every):,} targets lie beyond, from "
             f"{float(every.min()):.3g} to {float(every.max()):.3g}."],
            "leave the last activation out, or bring the targets to its range",
            low=low, high=high, beyond=beyond,
        )  # fmt: skip

    def _stretched(self, trace: Trace, bench: Bench) -> Finding | None:
        """An activation of two ends, shifted and stretched: the answers at both ends."""
        call = next((c for c in trace.losses if c.name in COMPARED and c.with_graph), None)
        kind = next((node for node in call.made_by if node not in MOVED), "") if call else ""
        if call is None or kind not in BOUNDED or call.made_by[0] == kind:
            return None
        network, batch = bench.final(), bench.batches[0]
        count = len([c for c in activations(network, [batch]) if c.kind == kind.lower()])
        target = bench.judge.find_target(batch)
        if not count or target is None:
            return None
        ends = []
        for end in REACH[kind]:
            at_end = functools.partial(torch.full_like, fill_value=end)
            change = Change(calls=dict.fromkeys(BOUNDED[kind], at_end), calls_spared=count - 1)
            with torch.no_grad():
                ends.append(answers_of(network, batch, change)[0])
        low, high = float(torch.minimum(*ends).min()), float(torch.maximum(*ends).max())
        beyond = _beyond(target, (low, high), self.SLACK * (high - low))
        if beyond < self.BEYOND:
            return None
        return self.proven(
            call.line,
            [f"The answer comes from {kind} and reaches {low:.3g} to {high:.3g}; "
             f"{100 * beyond:.3g} % of the targets lie beyond, from {float(target.min()):.3g} to "
             f"{float(target.max()):.3g}."],
            "leave the last activation out, or bring the targets to its range",
            low=low, high=high, beyond=beyond,
        )  # fmt: skip

    def _without_relu(self, trace: Trace, bench: Bench) -> Finding | None:
        """A ReLU before a loss that expects scores of classes hides everything below 0."""
        calls = [call for call in trace.losses if call.name == "cross_entropy" and call.with_graph]
        if not calls or calls[0].made_by[:1] != ("Relu",):
            return None
        relus = [c for c in activations(bench.first(), bench.batches[:1]) if c.kind == "relu"]
        if not relus:
            return None
        change = Change(calls=dict.fromkeys(RELUS, itself), calls_spared=len(relus) - 1)
        effect = bench.cure(change, self.HELPS, learnt=1)
        if effect is None:
            return None
        return self.confirmed(
            trace, bench, effect,
            [f"The answer comes from a ReLU, and {calls[0].name} expects numbers of both signs.",
             effect.sentence("the last ReLU left out")],
            "leave the last activation out", where=calls[0].line,
        )  # fmt: skip


def _beyond(numbers: Tensor, reach: tuple[float, float], slack: float) -> float:
    """The share of the numbers that lie outside."""
    low, high = reach[0] - slack, reach[1] + slack
    return float(((numbers < low) | (numbers > high)).double().mean())


def _first_call(tail: Program) -> str:
    """What a loss does first with the answer, reshapes left out."""
    slot = Slot(0)
    for call in tail.calls:
        if slot not in call.leaves():
            continue
        if call.name not in RESHAPES:
            return call.name
        slot = Slot(call.results[0])
    return ""


def _sigmoid(score: float) -> float:
    return 1 / (1 + math.exp(-score)) if score > -700 else 0.0


DIAGNOSIS = OutputCannotReachTargets
