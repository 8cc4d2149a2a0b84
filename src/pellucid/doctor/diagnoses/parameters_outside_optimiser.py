"""Parameters that matter are not registered, or in no optimiser."""

from __future__ import annotations

from pellucid.doctor.cases import NETWORK, OPTIMISER, script
from pellucid.doctor.diagnosis import PROCEDURE, Diagnosis, plural
from pellucid.doctor.finding import Finding
from pellucid.watch.trace import Trace

HEAD = f"{NETWORK}\noptimiser = {OPTIMISER}\nnetwork[4] = nn.Linear(32, 3)"


class ParametersOutsideOptimiser(Diagnosis):
    """Parameters that matter are not registered, or in no optimiser."""

    LOOKS = 2  # a warm-up step may precede the second optimiser's first step
    GROUP = PROCEDURE
    EXPLAINS = ("weights-never-change",)
    SICK = script(network=HEAD, optimiser="optimiser")
    HEALTHY = script(network=f"{NETWORK}\nnetwork[4] = nn.Linear(32, 3)")

    def find(self, trace: Trace) -> Finding | None:
        looked = [entry for entry in trace.backwards if entry.step > 0 and entry.outside]
        if len(looked) < self.LOOKS:
            return None
        always = set.intersection(*(set(entry.outside) for entry in looked))
        always -= set(trace.waiting.values())  # an optimiser holds them, and makes no step
        if not always:
            return None
        names = ", ".join(sorted(always)[:4]) + (" …" if len(always) > 4 else "")
        return self.proven(
            looked[0].line,
            [f"The loss depends on {plural(len(always), 'parameter tensor')} that no optimiser "
             f"holds: {names}."],
            "build the optimiser after the network is complete; keep layers in an nn.ModuleList "
            "instead of a list, and tensors that are to be learnt as nn.Parameter",
            parameters=sorted(always),
        )  # fmt: skip


DIAGNOSIS = ParametersOutsideOptimiser
