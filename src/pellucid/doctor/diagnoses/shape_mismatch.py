"""Tensors that meet do not fit."""

from __future__ import annotations

from pellucid.doctor.cases import NETWORK, script
from pellucid.doctor.diagnosis import PROCEDURE, Diagnosis
from pellucid.doctor.finding import Finding
from pellucid.watch.trace import Trace

WORDS = ("shape", "size", "dimension", "channels", "broadcast")


class ShapeMismatch(Diagnosis):
    """Tensors that meet do not fit."""

    GROUP = PROCEDURE
    SICK = script(network=NETWORK.replace("nn.Linear(32, 3)", "nn.Linear(30, 3)"))
    HEALTHY = script()

    def find(self, trace: Trace) -> Finding | None:
        crash = trace.crash
        if crash is None or crash.kind not in ("RuntimeError", "ValueError", "IndexError"):
            return None
        if not crash.mend and not any(word in crash.text for word in WORDS):
            return None
        if crash.kind == "IndexError" and not crash.walk:
            return None  # an index of the script's own
        evidence = [crash.text]
        if crash.walk:
            kind, size, got = crash.walk[-1]
            evidence.append(f"In {kind}({size}), which got {got}.")
        mend = crash.mend or "print the shapes of both before this line"
        return self.proven(crash.line, evidence, mend, walk=[list(entry) for entry in crash.walk])


DIAGNOSIS = ShapeMismatch
