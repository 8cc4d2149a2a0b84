"""A recurrent network's gates through time, and how far back the answer's gradient reaches."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn

from pellucid.base.records import Record
from pellucid.inside.listen import listening, title
from pellucid.inside.subject import Reading, Subject

UNITS = 48
GATES = {nn.LSTM: ("input", "forget", "new", "output"), nn.GRU: ("reset", "update", "new")}
"""In the order in which PyTorch stacks their weights."""


def measure(subject: Subject) -> Reading:
    """`gates.<layer>` (gate, time, unit), `state.<layer>` (time, unit), `slope.<layer>` (time,)."""
    modules = {
        name: module
        for name, module in subject.network.named_modules()
        if isinstance(module, nn.LSTM | nn.GRU)
    }
    if not modules:
        return Reading({"layers": [], **_told(0.0, ["The network has no LSTM and no GRU."])})
    layers: list[Record] = []
    tensors: dict[str, Tensor] = {}
    skipped: list[str] = []
    worst = 0.0
    for name, module in modules.items():
        if module.bidirectional or module.proj_size:
            skipped.append(f"{title(name)}: both directions or a projection are not written out.")
            continue
        given, answer, slope = _heard(subject, name, module)
        if given is None or answer is None:
            skipped.append(f"{title(name)} was never called.")
            continue
        inputs = given if module.batch_first else given.transpose(0, 1)
        steps = inputs[0].double()
        for level in range(module.num_layers):
            gates, states, steps = _unrolled(module, level, steps)
            tensors[f"gates.{title(name)}.{level}"] = gates[..., :UNITS].float()
            tensors[f"state.{title(name)}.{level}"] = states[:, :UNITS].float()
            layers.append(_facts(name, level, module, gates))
        theirs = answer if module.batch_first else answer.transpose(0, 1)
        worst = max(worst, float((theirs[0].double() - steps).abs().max()))
        if slope is not None:
            along = slope if module.batch_first else slope.transpose(0, 1)
            tensors[f"slope.{title(name)}"] = along[0].norm(dim=-1)
    facts = {"layers": layers, "times": _times(subject, layers), "picture": _shown(subject)}
    return Reading({**facts, **_told(worst, skipped)}, tensors)


def _heard(
    subject: Subject, name: str, module: nn.Module
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """What the module is given of the first shown example, its answer, and the score's gradient."""
    kept: dict[str, Tensor] = {}

    def before(_module: nn.Module, inputs: Any) -> Any:
        if "given" in kept:
            return None
        kept["given"] = inputs[0].detach().clone().requires_grad_()
        return (kept["given"], *inputs[1:])

    def after(_name: str, _module: nn.Module, answer: Tensor) -> None:
        kept["answer"] = answer.clone()

    with ExitStack() as stack:
        stack.enter_context(torch.enable_grad())
        stack.callback(module.register_forward_pre_hook(before).remove)
        stack.enter_context(listening(subject.network, [name], after))
        output = subject.network(subject.shown[:1])
        slope = None
        if "given" in kept and isinstance(output, Tensor) and output.requires_grad:
            score = output.flatten(0, -2)[-1].max()  # the last place's largest score
            (slope,) = torch.autograd.grad(score, kept["given"], allow_unused=True)
    given = kept.get("given")
    return given.detach() if given is not None else None, kept.get("answer"), slope


def _unrolled(module: nn.RNNBase, level: int, steps: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Gates (gate, time, unit), states (time, unit) and answers (time, unit), in float64."""
    parts = {
        key: getattr(module, f"{key}_l{level}", torch.zeros(1)).detach().double()
        for key in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    }
    size = module.hidden_size
    hidden = state = torch.zeros(size, dtype=torch.float64)
    gates, states, answers = [], [], []
    for step in steps:
        seen = parts["weight_ih"] @ step + parts["bias_ih"]
        known = parts["weight_hh"] @ hidden + parts["bias_hh"]
        if isinstance(module, nn.LSTM):
            let, keep, new, out = (seen + known).view(4, size)
            each = torch.stack([let.sigmoid(), keep.sigmoid(), new.tanh(), out.sigmoid()])
            state = each[1] * state + each[0] * each[2]
            hidden = each[3] * state.tanh()
        else:
            mine, theirs = seen.view(3, size), known.expand(3 * size).view(3, size)
            reset, update = (mine[:2] + theirs[:2]).sigmoid()
            new = (mine[2] + reset * theirs[2]).tanh()
            each = torch.stack([reset, update, new])
            hidden = state = (1 - update) * new + update * hidden
        gates.append(each)
        states.append(state)
        answers.append(hidden)
    return torch.stack(gates, dim=1), torch.stack(states), torch.stack(answers)


def _facts(name: str, level: int, module: nn.RNNBase, gates: Tensor) -> Record:
    names = GATES[nn.LSTM if isinstance(module, nn.LSTM) else nn.GRU]
    return {
        "name": f"{title(name)}.{level}",
        "module": title(name),
        "kind": type(module).__name__,
        "gates": list(names),
        "units": module.hidden_size,
        "times": gates.shape[1],
        "means": {gate: gates[place].mean(dim=1).tolist() for place, gate in enumerate(names)},
    }


def _times(subject: Subject, layers: list[Record]) -> list[str]:
    """What each step reads, in words."""
    if not layers:
        return []
    count = layers[0]["times"]
    first = subject.shown[0]
    if not subject.is_pictures and not first.is_floating_point() and len(first) == count:
        return [subject.classes[int(one)] if int(one) < len(subject.classes) else str(int(one))
                for one in first]  # fmt: skip
    word = "row" if subject.is_pictures and subject.shape[1] == count else "step"
    return [f"{word} {place}" for place in range(count)]


def _shown(subject: Subject) -> str:
    return str(subject.pictures[0]["class"]) if subject.pictures else ""


def _told(error: float, skipped: list[str]) -> Record:
    return {
        "error": error,
        "limits": [
            "The gates are worked out again in float64 from the weights; the error is the largest "
            "difference between the answers so found and PyTorch's.",
            f"Of the first shown example; the first {UNITS} units are drawn, the means are over "
            "all.",
        ],
        "skipped": skipped,
    }
