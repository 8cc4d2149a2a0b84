"""Faults of the MLP on digits."""

from __future__ import annotations

from doctor.mutant import Mutant, array, config, data, source, wrong_labels

FILE, SETTINGS = "digits.npz", "config.json"
SCALED = 'train_x = torch.tensor(data["train_x"], dtype=torch.float32) / config["pixel_max"]'
HONEST = "the printed number is no longer what it says"

MUTANTS: list[Mutant] = [
    *(
        config("learning-rate-too-high", f"x{factor}", SETTINGS, severity, lr=0.002 * factor,
               also="non-finite-values dead-units")
        for severity, factor in ((1, 30), (2, 100), (3, 1000))
    ),
    *(
        config("learning-rate-too-low", f"/{factor}", SETTINGS, severity, lr=0.002 / factor,
               also="stopped-too-early")
        for severity, factor in ((1, 30), (2, 100), (3, 1000))
    ),
    source("eval-forgotten", "no eval", ("    model.eval()\n", ""), by_definition=HONEST),
    source("gradients-not-cleared", "never", ("        optimizer.zero_grad()\n", "")),
    source("weights-never-change", "never steps", ("        optimizer.step()\n", "")),
    data("label-errors", "40 %", array(FILE, "train_y", wrong_labels(0.4, 10)), 2),
]  # fmt: skip
