"""No step reaches the weights."""

from __future__ import annotations

import torch

from pellucid.doctor.bench import Bench
from pellucid.doctor.cases import STEP, script
from pellucid.doctor.diagnosis import PROCEDURE, Diagnosis, by_line, plural
from pellucid.doctor.finding import Finding
from pellucid.watch.trace import Trace


class WeightsNeverChange(Diagnosis):
    """No step reaches the weights: none is made, it comes after clearing, or its rate is 0."""

    PASSES = 10  # backward passes or steps: accumulation over more is rare in a whole script
    TINY, SAME = 1e-6, 0.9
    """A rate below which weights are compared, and the share of them that is the same then."""
    GROUP = PROCEDURE
    EXPLAINS = ("learning-rate-too-low", "optimiser-unsuited", "stopped-too-early")
    SICK = script(
        step=STEP.replace("optimiser.zero_grad()\n", "").replace(
            "optimiser.step()", "optimiser.zero_grad()\noptimiser.step()"
        )
    )
    HEALTHY = script(step=STEP.replace("optimiser.zero_grad()\n", "") + "\noptimiser.zero_grad()")

    def find(self, trace: Trace) -> Finding | None:
        backwards, steps = len(trace.backwards), len(trace.steps)
        if backwards < self.PASSES:
            return None
        if not steps and trace.moved_by_hand:
            return None  # steps that the script makes by itself
        if not steps:
            return self.proven(
                trace.backwards[-1].line,
                [f"{backwards} backward passes, and no step of an optimiser."],
                "call optimiser.step() after loss.backward()",
                backward_passes=backwards,
            )
        if steps >= self.PASSES and not any(step.with_gradient for step in trace.steps):
            return self.proven(
                trace.steps[0].line,
                [f"{steps} steps, in none of which a parameter had a gradient other than 0, while "
                 f"{backwards} backward passes were made."],
                "clear the gradients before the backward pass, not between it and the step",
                steps=steps,
            )  # fmt: skip
        for own in by_line(trace.steps):
            if len(own) >= self.PASSES and all(not any(step.rates) for step in own):
                return self.proven(
                    own[0].line,
                    [f"{len(own)} steps with a learning rate of 0."],
                    "give the optimiser a learning rate above 0, and look at the schedule",
                    steps=len(own),
                )
            if len(own) >= self.PASSES and not any(step.with_gradient for step in own):
                return self.proven(
                    own[0].line,
                    [f"{len(own)} steps here, in none of which a parameter of this optimiser had a "
                     "gradient, while those of others had."],
                    "look between these parameters and their loss for detach() or no_grad, and "
                    "for clearing after the backward pass",
                    steps=len(own),
                )  # fmt: skip
        return self._waiting(trace)

    def _waiting(self, trace: Trace) -> Finding | None:
        if not trace.waiting or len(trace.steps) < self.PASSES:
            return None
        names = sorted(trace.waiting.values())
        return self.proven(
            trace.steps[-1].line,
            [f"The optimiser of {plural(len(names), 'parameter tensor')} that the losses depend on "
             f"never makes a step, while {len(trace.steps)} steps of others were made: "
             f"{', '.join(names[:4])}."],
            "call its step() after the backward pass of its loss",
            parameters=names,
        )  # fmt: skip

    def probe(self, trace: Trace, bench: Bench) -> Finding | None:
        """Steps so small that weights stay the same to the last bit."""
        rate = max((rate for step in trace.steps for rate in step.rates), default=0.0)
        if len(trace.steps) < self.PASSES or not 0 < rate < self.TINY:
            return None
        before, after = (
            torch.cat([w.detach().flatten() for w in network.parameters() if w.requires_grad])
            for network in (bench.first(), bench.final())
        )
        same = float((before == after).double().mean())
        if same < self.SAME:
            return None
        return self.proven(
            trace.steps[0].line,
            [f"After {len(trace.steps)} steps with a learning rate of {rate:g}, {100 * same:.4g} % "
             f"of the {before.numel():,} weights are what they were to the last bit."],
            "set the learning rate to 0.001, for a start", same=same, rate=rate,
        )  # fmt: skip


DIAGNOSIS = WeightsNeverChange
