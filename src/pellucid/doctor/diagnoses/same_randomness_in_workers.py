"""Loader workers draw the same random numbers."""

from __future__ import annotations

from pellucid.doctor.cases import script
from pellucid.doctor.diagnosis import DATA, Diagnosis
from pellucid.doctor.finding import Finding
from pellucid.watch.trace import Trace

NOISY = """\
class Noisy(torch.utils.data.Dataset):
    def __init__(self):
        self.chance = numpy.random.default_rng(0)

    def __len__(self):
        return 192

    def __getitem__(self, k):
        noise = self.chance.normal(size=12)
        return inputs[k] + 0.1 * torch.tensor(noise, dtype=torch.float32), labels[k]


def own_chance(number):
    torch.utils.data.get_worker_info().dataset.chance = numpy.random.default_rng(number)


loader = torch.utils.data.DataLoader(Noisy(), 32, num_workers=2{})

network = """
STEP = """\
for rows, goals in loader:
    network.train()
    optimiser.zero_grad()
    functional.cross_entropy(network(rows), goals).backward()
    optimiser.step()"""


class SameRandomnessInWorkers(Diagnosis):
    """Loader workers draw the same random numbers."""

    GROUP = DATA
    HURTS_LEARNING = False
    SICK = (
        script(step=STEP)
        .replace("import torch\n", "import numpy\nimport torch\n", 1)
        .replace("network = ", NOISY.format(""), 1)
        .replace("train(30)", "train(2)")
    )
    HEALTHY = SICK.replace("num_workers=2", "num_workers=2, worker_init_fn=own_chance")

    def find(self, trace: Trace) -> Finding | None:
        found = next((loader for loader in trace.loaders if loader.same_chance), None)
        if found is None:
            return None
        names = ", ".join(found.same_chance)
        return self.proven(
            found.line,
            [f"The {found.workers} workers of this loader each begin with a copy of {names} in the "
             f"same state, and an example draws from it: {found.workers} examples get the same "
             "random numbers."],
            "give each worker a generator of its own in worker_init_fn, seeded with the worker's "
            "number, or draw from torch's or numpy's global one",
            workers=found.workers, shared=list(found.same_chance),
        )  # fmt: skip


DIAGNOSIS = SameRandomnessInWorkers
