"""Dropout, weight decay, clipping or a penalty in the loss keeps the network from learning."""

from __future__ import annotations

from functools import partial

from torch import nn
from torch.nn import functional
from torch.optim import Optimizer

from pellucid.doctor.bench import LATE, REPEATS, Bench
from pellucid.doctor.cases import NETWORK, long_script
from pellucid.doctor.diagnosis import OPTIMISATION, Diagnosis, last_step
from pellucid.doctor.effect import STUCK, Change, itself, median
from pellucid.doctor.finding import CONFIRMED, Finding
from pellucid.doctor.judged import calm
from pellucid.doctor.terms import Terms, terms_of, trivial_of_terms
from pellucid.watch.captured import Batch
from pellucid.watch.replay import DROPOUTS
from pellucid.watch.trace import Trace


class RegularisationTooStrong(Diagnosis):
    """Dropout, weight decay, clipping or a penalty in the loss keeps the network from learning."""

    GROUP = OPTIMISATION
    EXPLAINS = ("learning-rate-too-low", "stopped-too-early", "vanishing-gradients")
    HELPS = 0.7
    """The loss without it, dropout off in both, as a share of the loss with it."""
    STRONG, SOONER = 0.6, 0.8
    """Share of dropout from which on it is told, as a suggestion, that as many steps without it
    come to this share of the loss."""
    LIGHTER = 0.001
    """Times the penalty."""
    SLOWER = 0.1
    """Times the rate, which must not free the run as well."""
    SICK = long_script(network=NETWORK.replace("Dropout(0.5)", "Dropout(0.99)"))
    HEALTHY = long_script()

    def probe(self, trace: Trace, bench: Bench) -> Finding | None:
        if bench.standing().is_good:
            return None
        network, optimisers = bench.beginning()
        model = bench.captured.model
        share = max(trace.models[model].share, *map(_dropped, network.modules()))
        groups = [group for optimiser in optimisers for group in optimiser.param_groups]
        decay = max(float(group.get("weight_decay", 0)) for group in groups)
        tries = []
        if share:
            dropouts = [getattr(functional, name) for name in DROPOUTS]
            change = Change(network=_attend_to_all, calls=dict.fromkeys(dropouts, itself))
            tries.append((f"no dropout instead of {share:g}", change))
        if decay:
            tries.append((f"no weight decay instead of {decay:g}", Change(optimiser=_no_decay)))
        for what, change in tries:
            effect = bench.cure(change, self.HELPS)
            if effect is None and share >= self.STRONG and change.calls:
                effect = bench.sooner(change, self.SOONER)
            effect = effect or bench.late(change)
            if effect is not None:
                return self.confirmed(
                    trace, bench, effect, [effect.sentence(what)],
                    "make dropout or weight decay weaker, until the training loss falls",
                    dropout=share, weight_decay=decay,
                )  # fmt: skip
        return self._clipped(trace, bench) or self._penalised(trace, bench)

    def _clipped(self, trace: Trace, bench: Bench) -> Finding | None:
        """Gradients are clipped so far below their length that steps hardly move."""
        bound = bench.captured.clipped
        if bound is None:
            return None
        change = Change(unclipped=True)
        effect = bench.cure(change, self.HELPS) or bench.late(change)
        if effect is None:
            return None
        what = f"gradients as long as they are instead of {bound:g} at most"
        return self.confirmed(
            trace, bench, effect, [effect.sentence(what)], "clip gradients less, or not at all",
            clipped=bound,
        )  # fmt: skip

    def _penalised(self, trace: Trace, bench: Bench) -> Finding | None:
        """The answers are no better than the targets' mean, and are with a lighter penalty."""
        if bench.is_game or any(batch.tail is None for batch in bench.batches):
            return None
        if bench.standing().improving:
            return None  # it may only have begun
        terms = [found for batch in bench.judge.batches if (found := terms_of(batch)) is not None]
        trivial = trivial_of_terms(bench.judge.batches, bench.final())
        if trivial is None:
            return None
        reached = _compared(bench.final(), terms)
        if reached < STUCK * trivial:
            return None
        steps, change = LATE * bench.steps, Change(batch=partial(_lighter, self.LIGHTER))
        losses: list[float] = []
        while len(losses) < REPEATS:
            losses.append(_compared(bench.trained(change, steps, len(losses)), terms))
            if losses[-1] >= STUCK * trivial:
                return None
        slower = bench.trained(Change(rate=self.SLOWER), steps)
        if _compared(slower, terms) < STUCK * trivial:
            return None  # it is the rate
        return self._told(trace, steps, reached, trivial, median(losses))

    def _told(
        self, trace: Trace, steps: int, reached: float, trivial: float, after: float
    ) -> Finding:
        evidence = (
            "The loss is a sum of what compares with the targets and a penalty that does not. The "
            f"first came to {reached:.4g}; if the answers were always the targets' mean, it would "
            f"be {trivial:.4g}.",
            f"{steps} steps from the beginning on copies with the penalty times {self.LIGHTER:g}: "
            f"{after:.4g} ({REPEATS} of {REPEATS} repetitions).",
        )
        return Finding(
            self.name(), CONFIRMED, last_step(trace), evidence,
            f"weight the penalty less, for a start {1 / self.LIGHTER:g} times",
            {"reached": reached, "trivial": trivial, "factor": self.LIGHTER, "after": after},
            self.EXPLAINS, effect=after / reached,
        )  # fmt: skip


def _lighter(factor: float, batch: Batch) -> Batch:
    found = terms_of(batch)
    return batch if found is None else found.lighter(factor)


def _compared(network: nn.Module, terms: list[Terms]) -> float:
    """The mean of what the loss compares with targets."""
    calm(network, False)
    return sum(found.compared(network) for found in terms) / len(terms)


def _dropped(part: nn.Module) -> float:
    return float(part.p) if isinstance(part, nn.modules.dropout._DropoutNd) else 0.0


def _attend_to_all(network: nn.Module) -> None:
    """Attention drops inside its own function."""
    for part in network.modules():
        if isinstance(part, nn.MultiheadAttention):
            part.dropout = 0.0


def _no_decay(network: nn.Module, optimiser: Optimizer) -> Optimizer:
    for group in optimiser.param_groups:
        group["weight_decay"] = 0
    return optimiser


DIAGNOSIS = RegularisationTooStrong
