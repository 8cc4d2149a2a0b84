"""The network is one affine map."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from pellucid.doctor.bench import Bench
from pellucid.doctor.cases import NETWORK, script
from pellucid.doctor.diagnosis import OPTIMISATION, Diagnosis
from pellucid.doctor.finding import FAULT, SUGGESTION, Finding
from pellucid.doctor.game import given_to
from pellucid.doctor.looks import WEIGHTED
from pellucid.watch.recorder import tensors_in
from pellucid.watch.trace import Trace

FAR = 100.0
"""How far out the question is put: near 0 a curve may look straight."""
PLAIN = NETWORK.replace("nn.BatchNorm1d(32), ", "").replace("nn.Dropout(0.5), ", "")


class NoNonlinearity(Diagnosis):
    """The network is one affine map."""

    GROUP = OPTIMISATION
    IN_GAMES = True
    TOLERANCE = 1e-3
    """How far from affine, as a share of the answers' spread; rounding is far below."""
    SICK = script(network=PLAIN.replace("nn.ReLU(), ", ""))
    HEALTHY = script(network=PLAIN)

    def probe(self, trace: Trace, bench: Bench) -> Finding | None:
        for name, network, given in _asked(bench):
            parts = [part for part in network.modules() if isinstance(part, WEIGHTED)]
            inputs = [tensor for tensor in tensors_in(given) if tensor.ndim > 1]
            alone = len(inputs) == 1 and inputs[0].dtype.is_floating_point
            if not alone or _is_narrow(parts):
                continue
            away = _away_from_affine(network, parts, given, inputs[0])
            if away is None or not away <= self.TOLERANCE:
                continue
            return self.proven(
                trace.passes[0].line,
                [f"{name}{len(parts)} layers with weights, and no curve: for inputs x and y of a "
                 f"batch, f(x) + f(y) - f(x + y) - f(0) is {away:.1g} of the answers' spread. One "
                 "layer would do the same."],
                "put an activation such as ReLU between the layers",
                kind=SUGGESTION if bench.standing().learns else FAULT, layers=len(parts),
            )  # fmt: skip
        return None


def _asked(bench: Bench) -> Iterator[tuple[str, nn.Module, tuple[Any, ...]]]:
    """The network with what it is given; each one of a game, with its name."""
    network, batch = bench.final().eval(), bench.batches[0]
    if not bench.is_game:
        if len(list(tensors_in((batch.given, batch.named)))) == len(list(tensors_in(batch.given))):
            yield "", network, batch.given
        return
    every = [entry for each in bench.batches for entry in given_to(network, each)]
    for name, part in network.named_children():
        args = next((entry.args for entry in every if entry.name == name), ())
        yield f"{name}: ", part, args


def _is_narrow(parts: Sequence[nn.Module]) -> bool:
    """Whether there is one layer only, or one that is meant to be narrow (an autoencoder's code,
    a map of low rank)."""
    sizes = [part for part in parts if isinstance(part, nn.Linear)]
    between = [part.out_features for part in sizes[:-1]]
    ends = min((sizes[0].in_features, sizes[-1].out_features)) if sizes else 0
    return len(parts) < 2 or any(width < ends for width in between)


def _away_from_affine(
    network: nn.Module, parts: Sequence[nn.Module], given: tuple[Any, ...], inputs: Tensor
) -> float | None:
    """How far the last layer's answer is from an affine map of the inputs."""
    answers: list[Tensor] = []
    handles = [
        part.register_forward_hook(lambda module, given, answer: answers.append(answer))
        for part in parts
    ]
    x = FAR * inputs.double()
    y = x.flip(0)
    network = network.double()
    found = []
    with torch.no_grad():
        for other in (x, y, x + y, torch.zeros_like(x)):
            answers.clear()
            network(*(other if entry is inputs else entry for entry in given))
            if not answers:
                return None
            found.append(answers[-1])
    for handle in handles:
        handle.remove()
    spread = float(found[0].std(0).max())
    rest = float((found[0] + found[1] - found[2] - found[3]).abs().max())
    return rest / spread if spread else None


DIAGNOSIS = NoNonlinearity
