"""One sample's output depends on other samples, or not on its own input."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pellucid.doctor.bench import Bench
from pellucid.doctor.cases import script
from pellucid.doctor.diagnosis import OUTPUT, Diagnosis
from pellucid.doctor.effect import NOTHING
from pellucid.doctor.finding import Finding
from pellucid.doctor.game import given_to
from pellucid.doctor.judged import Judge, answers_of
from pellucid.doctor.turns import batches_differ
from pellucid.watch.captured import Batch
from pellucid.watch.recorder import tensors_in
from pellucid.watch.trace import Trace

BODY = """\
class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(12, 32), nn.Linear(32, 3)

    def forward(self, x):
        return self.second(functional.softmax(self.first(x), dim={}) * 32)


network = Network()"""


EXACT = 1e-6
"""Rounding of a loss whose terms are added up in another order, as a share."""


class SamplesMixed(Diagnosis):
    """One sample's output depends on other samples, or not on its own input."""

    GROUP = OUTPUT
    IN_GAMES = True
    EXPLAINS = ("output-cannot-reach-targets", "regularisation-too-strong")
    HURTS_LEARNING = False
    SHARE = 1e-4
    """Change of the others' answers, as a share of the answers' spread: rounding is far below."""
    SICK = script(network=BODY.format(0))
    HEALTHY = script(network=BODY.format(1))

    def find(self, trace: Trace) -> Finding | None:
        """A softmax of one unit an example that is not always 1 goes over the batch."""
        for call in trace.losses:
            single = len(call.shape) == 1 or (len(call.shape) == 2 and call.shape[1] == 1)
            made = call.made_by[:1] in (("Softmax",), ("LogSoftmax",))
            if single and made and call.low is not None and call.low != call.high:
                return self.proven(
                    call.line,
                    [f"The answer {call.shape}, one unit an example, comes from {call.made_by[0]} "
                     "and is not always the same: the softmax goes over the examples of the batch, "
                     "so that the answer to one depends on the others."],
                    "leave the softmax out; a sigmoid makes a share of one unit",
                    shape=list(call.shape),
                )  # fmt: skip
        return None

    def probe(self, trace: Trace, bench: Bench) -> Finding | None:
        if bench.is_game:
            return self._of_a_game(trace, bench)
        batch = bench.batches[0]
        inputs = [tensor for tensor in tensors_in((batch.given, batch.named)) if tensor.ndim]
        if len(inputs) != 1 or batch.size < 3:
            return None
        if not batches_differ(bench.batches):
            return None  # the whole of a graph or a set, which may be meant to mix
        network = bench.first().eval()
        if any(_uses_the_batch(part) for part in network.modules()):
            return None
        return self._of_one_batch(trace, network, batch, inputs[0])

    def _of_a_game(self, trace: Trace, bench: Bench) -> Finding | None:
        """A network is given the same for every example."""
        network, found = bench.final(), dict[str, list[Tensor]]()
        with torch.no_grad():
            for batch in bench.batches:
                for entry in given_to(network, batch):
                    given = (tensor for tensor in tensors_in(entry.args) if tensor.ndim)
                    found.setdefault(entry.name, []).extend(given)
        for name, tensors in found.items():
            rows = sum(len(tensor) for tensor in tensors)
            if tensors and rows > 2 and all(bool((t == tensors[0][:1]).all()) for t in tensors):
                return self.proven(
                    trace.passes[0].line,
                    [f"{name} is given {rows:,} examples in these {len(bench.batches)} batches, "
                     "and all are the same to the last bit: its answer is one for all."],
                    "give it what differs from example to example, such as fresh noise",
                    examples=rows,
                )  # fmt: skip
        return None

    def _of_one_batch(
        self, trace: Trace, network: nn.Module, batch: Batch, inputs: Tensor
    ) -> Finding | None:
        line = trace.passes[0].line
        if inputs.dtype.is_floating_point and _is_deaf(network, batch, inputs):
            return self.proven(
                line,
                [f"No gradient leads from the answers to the {batch.size} examples of a batch, and "
                 "with every example changed the answers are the same to the last bit: the input "
                 "is not used."],
                "look for the place where the network computes with something else than its input",
                examples=batch.size,
            )  # fmt: skip
        if _loses_whose(network, batch):
            return self._without_order(trace, batch)
        unused, moments = _unused_moments(network, batch, inputs)
        if moments > unused >= moments / 2:
            return self.proven(
                line,
                [f"No gradient leads from the answers to {unused} of the {moments} moments of the "
                 f"{batch.size} sequences of a batch: what stands there is not used."],
                "read the recurrent layer's last state, states[:, -1], or a mean over all of them",
                unused=unused, moments=moments,
            )  # fmt: skip
        moved, spread = _others_moved(network, batch, inputs)
        if not spread or moved <= self.SHARE * spread:
            return None
        return self.proven(
            line,
            [f"In eval mode, one example of a batch of {batch.size} was changed: the answers to "
             f"the others moved by up to {moved:.3g} (their spread is {spread:.3g})."],
            "look for a softmax, mean or norm over axis 0, a view or reshape that moves examples "
            "into one another, or batch_first",
            moved=moved, spread=spread,
        )  # fmt: skip

    def _without_order(self, trace: Trace, batch: Batch) -> Finding:
        return self.proven(
            trace.backwards[0].line,
            [f"With the {batch.size} answers of a batch exchanged among the examples the loss is "
             "the same, and with the targets exchanged it is not: it does not know which answer "
             "belongs to which target."],
            "look for a sort, or another call that moves answers to other rows, between the "
            "network and the loss",
            examples=batch.size,
        )  # fmt: skip


def _is_deaf(network: nn.Module, batch: Batch, inputs: Tensor) -> bool:
    """Whether the answers do not depend on the input at all."""
    x = inputs.detach().clone().requires_grad_()
    others = inputs.flip(-1) * 1.5 + inputs.std() + 1
    answers = []
    for given in (x, others):
        torch.manual_seed(0)
        answer = next(iter(tensors_in(network(*_with(batch.given, inputs, given), **batch.named))))
        answers.append(answer)
    if not answers[0].requires_grad or not torch.equal(answers[0], answers[1]):
        return False
    slope = torch.autograd.grad(answers[0].sum(), x, allow_unused=True)[0]
    return slope is None


def _loses_whose(network: nn.Module, batch: Batch) -> bool:
    """Whether the loss takes the answers in any order, but not the targets."""
    target, tail = Judge.find_target(batch), batch.tail
    if target is None or tail is None or tail.inputs != 1:
        return False
    with torch.no_grad(), torch.random.fork_rng():
        answer = answers_of(network, batch, NOTHING)[0]
        if len(answer) != batch.size or torch.equal(answer, answer.roll(1, 0)):
            return False
        moved = tail.exchanged(lambda tensor: tensor.roll(1, 0) if tensor is target else tensor)
        base, rolled, flipped = (float(tail.again([a], {})[0].sum())
                                 for a in (answer, answer.roll(1, 0), answer.flip(0)))  # fmt: skip
        other = float(moved.again([answer], {})[0].sum())
    near = EXACT * abs(base)
    return max(abs(base - rolled), abs(base - flipped)) <= near < abs(base - other) / 100


def _unused_moments(network: nn.Module, batch: Batch, inputs: Tensor) -> tuple[int, int]:
    """Of sequences that go through a recurrent layer: moments that differ from example to example
    and are not used, and all of them."""
    layer = next((part for part in network.modules() if isinstance(part, nn.RNNBase)), None)
    if layer is None or inputs.ndim != 3 or not inputs.dtype.is_floating_point:
        return 0, 0
    x = inputs.detach().clone().requires_grad_()
    answer = next(tensors_in(network(*_with(batch.given, inputs, x), **batch.named)))
    weights = torch.rand(answer.shape, generator=torch.Generator().manual_seed(0)).to(answer)
    slope = torch.autograd.grad((answer * weights).sum(), x, allow_unused=True)[0]
    if slope is None:
        return 0, 0
    along, across = (1, 0) if layer.batch_first else (0, 1)
    varying = inputs.std(across).flatten(1).amax(1) > 0
    silent = slope.movedim(along, 0).flatten(1).abs().amax(1) == 0
    return int((silent & varying).sum()), len(silent)


def _others_moved(network: nn.Module, batch: Batch, inputs: Tensor) -> tuple[float, float]:
    """How far the answers to the unchanged examples move, and how far all answers spread."""
    changed = inputs.clone()
    if changed.dtype.is_floating_point:
        changed[0] = changed[0].flip(-1) + changed.std() + 1
    else:  # symbols: those of another example
        others = (inputs != inputs[:1]).flatten(1).any(1).nonzero().flatten()
        if not len(others):
            return 0.0, 0.0
        changed[0] = inputs[int(others[0])]
    answers = []
    with torch.no_grad():
        for x in (inputs, inputs, changed):
            torch.manual_seed(0)
            given = _with(batch.given, inputs, x)
            answers.append(next(iter(tensors_in(network(*given, **batch.named)))).detach())
    before, again, after = answers
    if not torch.equal(before, again):
        return 0.0, 0.0  # it draws by chance
    if before.ndim < 1 or len(before) != batch.size or before.shape != after.shape:
        return 0.0, 0.0
    return float((before - after)[1:].abs().max()), float(before.std())


def _with(given: tuple[object, ...], old: Tensor, new: Tensor) -> list[object]:
    return [new if entry is old else entry for entry in given]


def _uses_the_batch(part: nn.Module) -> bool:
    is_norm = isinstance(part, nn.modules.batchnorm._BatchNorm)
    return is_norm and not part.track_running_stats


DIAGNOSIS = SamplesMixed
