"""Faults in other guises than those of the diagnoses' own scripts."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from torch.nn import functional

import guise_cases
import guise_cases_data
import guise_cases_files
from pellucid.doctor.cases import EVALUATE, NETWORK, STEP, long_script, script
from pellucid.doctor.diagnoses import regularisation_too_strong
from pellucid.doctor.examination import Examination, examine
from pellucid.doctor.finding import FAULT, SUGGESTION, SUSPECTED
from pellucid.doctor.script import run_script

ANSWER = "network(inputs[rows])"
LOSS = f"functional.cross_entropy({ANSWER}, labels[rows])"
ONE_UNIT = NETWORK.replace("nn.Linear(32, 3)", "nn.Linear(32, 1)")
YES = "(labels[rows] > 0).float()"

YES_OR_NO = "functional.binary_cross_entropy_with_logits"
WIDE = "network = nn.Sequential(nn.Linear(12, 512), nn.ReLU(), nn.Linear(512, 1))"
LABELS = "labels = (inputs[:, 0] + inputs[:, 1] > 0).long() + (inputs[:, 2] > 0).long()"
RARE = """
labels = 3 * (inputs[:, 0] + 0.5 * torch.randn(1000) > 0).long()
common = torch.cat([(labels[:900] == 0).nonzero()[:, 0], (labels[:900] == 3).nonzero()[:20, 0]])"""

BODY = """\
class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(12, 32), nn.Linear(32, 3)

    def forward(self, x):
        x = functional.relu(self.first(x))
        return self.second(functional.dropout(x, 0.5, self.training))


network = Network()"""

GUISES = {
    "dropout called as a function, in evaluation": (
        "eval-forgotten",
        script(network=BODY, evaluate=EVALUATE.replace("network.eval()\n", "")),
    ),
    "answers that are moved before their loss": (
        "eval-forgotten",
        script(
            step=STEP.replace(ANSWER, f"{ANSWER}.unflatten(0, (4, 8)).flatten(0, 1)"),
            evaluate=EVALUATE.replace("network.eval()\n", ""),
        ),
    ),
    "dropout called as a function, in training": (
        "trained-in-eval-mode",
        script(network=BODY, step=STEP.replace("network.train()", "network.eval()")),
    ),
    "one unit, squeezed": (
        "softmax-over-one-unit",
        script(
            network=ONE_UNIT,
            step=STEP.replace(
                LOSS, f"functional.binary_cross_entropy({ANSWER}.softmax(1)[:, 0], {YES})"
            ),
            evaluate="return 0",
        ),
    ),
    "a sigmoid instead of a softmax": (
        "softmax-before-cross-entropy",
        script(step=STEP.replace(ANSWER, f"{ANSWER}.sigmoid()")),
    ),
    "a softmax, where the targets of a row add up to more than 1": (
        "output-cannot-reach-targets",
        script(
            step=STEP.replace(
                LOSS, f"functional.mse_loss({ANSWER}.softmax(1), torch.ones(len(rows), 3))"
            ),
            evaluate="return 0",
        ),
    ),
    "a ReLU before cross entropy": (
        "output-cannot-reach-targets",
        long_script(
            network=NETWORK.replace("nn.Linear(32, 3)", "nn.Linear(32, 3), nn.ReLU()")
            + "\nnn.init.constant_(network[4].bias, -1)"
        ),
    ),
    "one class in all training labels": (
        "bad-split",
        script().replace("\n\nnetwork =", "\nlabels[:192] = 1\n\nnetwork =", 1),
    ),
    "one evaluation of many examples at the end": (
        "eval-forgotten",
        script(evaluate=EVALUATE.replace("network.eval()\n", "").replace("16", "64")),
    ),
    "dropout of one-dimensional answers": (
        "evaluation-not-repeatable",
        script(
            network=BODY.replace(", self.training", "")
            .replace("(32, 3)", "(32, 1)")
            .replace("0.5))", "0.5))[:, 0]"),
            step=STEP.replace(LOSS, f"{YES_OR_NO}({ANSWER}, {YES})"),
            evaluate="network.eval()\nwith torch.no_grad():\n    return network(inputs).mean()",
        ),
    ),
    "scores that are never above 0": (
        "output-cannot-reach-targets",
        script(
            network=ONE_UNIT,
            step=STEP.replace(LOSS, f"{YES_OR_NO}(-{ANSWER}[:, 0].relu(), {YES})"),
            evaluate="return 0",
        ),
    ),
    "a tanh, halved": (
        "output-cannot-reach-targets",
        long_script(
            network=ONE_UNIT.replace(")\n)", ")\n, nn.Tanh())"),
            step=STEP.replace(LOSS, f"functional.mse_loss({ANSWER}[:, 0] / 2, inputs[rows, 0])"),
            evaluate="return 0",
        ),
    ),
    "hidden layers frozen as they were drawn": (
        "frozen-by-mistake",
        long_script(network=NETWORK + "\nnetwork[0].requires_grad_(False)"),
    ),
    "every parameter frozen, and an optimiser of those that are not": (
        "frozen-by-mistake",
        script(
            network=NETWORK + "\nnetwork.requires_grad_(False)",
            optimiser="torch.optim.SGD([w for w in network.parameters() if w.requires_grad])",
        ),
    ),
    "an input that is not used": (
        "samples-mixed",
        script(network=BODY.replace("self.first(x)", "self.first(torch.ones_like(x))")),
    ),
    "a column less a row, by hand": (
        "target-broadcast",
        script(
            network=ONE_UNIT,
            step=STEP.replace(LOSS, f"(({ANSWER} - inputs[rows, 0]) ** 2).mean()"),
            evaluate="return 0",
        ),
    ),
    "two classes exchanged in training alone": (
        "targets-miscoded",
        long_script(step=STEP.replace("labels[rows]", "torch.tensor([0, 2, 1])[labels[rows]]")),
    ),
    "yes and no exchanged, told by a mask": (
        "targets-miscoded",
        long_script(
            network=ONE_UNIT,
            step=STEP.replace(LOSS, f"{YES_OR_NO}({ANSWER}[:, 0], 1 - {YES})"),
            evaluate="network.eval()\nwith torch.no_grad():\n"
            "    said = network(inputs[192:])[:, 0] > 0\n"
            "return said[labels[192:] > 0].float().mean().item()",
        ),
    ),
    "numbers of other rows": (
        "labels-unrelated-to-inputs",
        script(
            step=STEP.replace(
                LOSS, f"functional.mse_loss({ANSWER}, inputs[torch.randperm(640)[:32], :3])"
            ),
            evaluate="return 0",
        )
        .replace("256", "640")
        .replace("192", "640")
        .replace("train(30)", "train(120)"),
    ),
    "pictures to be drawn again, evaluated upside down": (
        "train-test-preprocessing-differs",
        long_script(
            network="network = nn.Sequential(nn.Linear(12, 12))",
            step=STEP.replace(LOSS, f"functional.mse_loss({ANSWER}, inputs[rows])"),
            evaluate="network.eval()\nwith torch.no_grad():\n    shown = 5 - 3 * inputs[192:]\n"
            "    return functional.mse_loss(network(shown), shown).item()",
        ),
    ),
    "numbers learnt by heart": (
        "overfitting",
        long_script(
            network=WIDE,
            step=STEP.replace(
                LOSS, "functional.mse_loss(network(inputs[rows])[:, 0], noise[rows])"
            ),
            evaluate="network.eval()\nwith torch.no_grad():\n"
            "    return functional.mse_loss(network(inputs[192:])[:, 0], noise[192:]).item()",
        )
        .replace("\n\nnetwork =", "\nnoise = torch.randn(256) + inputs[:, 0]\n\nnetwork =", 1)
        .replace("(0, 192, (32,))", "(0, 48, (32,))")
        .replace("train(120)", "train(400)"),
    ),
    "a class that is rare in training alone": (
        "majority-answer",
        long_script(
            network="network = nn.Linear(12, 2)",
            step=STEP.replace("labels[rows]", "(labels[rows] == 3).long()"),
            evaluate="network.eval()\nwith torch.no_grad():\n    said = network(inputs[192:])\n"
            "return (said.argmax(1) == (labels[192:] == 3).long()).float().mean().item()",
        )
        .replace("256", "1000")
        .replace("torch.randint(0, 192, (32,))", "common[torch.randint(0, len(common), (32,))]")
        .replace("train(120)", "train(600)")
        .replace(LABELS, LABELS + RARE),
    ),
    "a softmax over one unit, before a loss by hand": (
        "softmax-over-one-unit",
        script(
            network=ONE_UNIT.replace("nn.Linear(32, 1)", "nn.Linear(32, 1), nn.Softmax(dim=1)"),
            step=STEP.replace(LOSS, f"(({ANSWER}[:, 0] - inputs[rows, 0]) ** 2).mean()"),
            evaluate="return 0",
        ),
    ),
    "a softmax over the batch of one unit": (
        "samples-mixed",
        script(
            network=ONE_UNIT.replace("nn.Linear(32, 1)", "nn.Linear(32, 1), nn.Softmax(dim=0)"),
            step=STEP.replace(LOSS, f"(({ANSWER}[:, 0] - inputs[rows, 0]) ** 2).mean()"),
            evaluate="return 0",
        ),
    ),
    "symbols of several examples mixed": (
        "samples-mixed",
        script(
            network="network = nn.Sequential(nn.Embedding(9, 6), nn.Flatten(0), "
            "nn.Unflatten(0, (12, 192)), nn.Linear(192, 96), nn.Flatten(0), "
            "nn.Unflatten(0, (32, 36)), nn.Linear(36, 3))",
            evaluate="return 0",
        ).replace("torch.randn(256, 12)", "torch.randint(0, 9, (256, 12))"),
    ),
    "a loss function that refuses what is no number": (
        "non-finite-values",
        script(
            network=ONE_UNIT,
            step=STEP.replace(
                LOSS,
                f"functional.binary_cross_entropy(({ANSWER}[:, 0] - 9).log().sigmoid(), {YES})",
            ),
        ),
    ),
    "one of two optimisers with a rate of 0": (
        "weights-never-change",
        script(
            network=NETWORK + "\nsecond = torch.optim.SGD(network[4].parameters(), lr=0.0)",
            optimiser="torch.optim.Adam(network[:4].parameters(), lr=0.01)",
            step=STEP + "\nsecond.step()\nsecond.zero_grad()",
        ),
    ),
    "a loss written by hand": (
        "learning-rate-too-high",
        long_script(
            optimiser="torch.optim.SGD(network.parameters(), lr=300.0)",
            step=STEP.replace(
                LOSS, f"(-{ANSWER}.log_softmax(1)[torch.arange(32), labels[rows]]).mean()"
            ),
        ),
    ),
}


def test_dropout_is_found_by_a_diagnosis_that_was_loaded_while_the_function_was_exchanged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop = functional.dropout
    with monkeypatch.context() as exchanged:
        exchanged.setattr(functional, "dropout", lambda *args, **named: drop(*args, **named))
        importlib.reload(regularisation_too_strong)
    found = examined(tmp_path / "train.py", regularisation_too_strong.DIAGNOSIS.SICK)
    assert [finding.name for finding in found.alarms] == ["regularisation-too-strong"]


def examined(path: Path, text: str) -> Examination:
    path.write_text(text)
    outcome = run_script(path, [])
    assert outcome.exit_code == 0 or outcome.trace.crash, outcome
    return examine(outcome.trace, outcome.captured, seconds=600)


def names_in(path: Path, text: str) -> list[str]:
    found = examined(path, text).findings
    return [finding.name for finding in found if finding.grade != SUSPECTED]


PLANTED = guise_cases.SICK | guise_cases_data.SICK | guise_cases_files.SICK
SICK = GUISES | PLANTED
HEALTHY = guise_cases.HEALTHY | guise_cases_data.HEALTHY | guise_cases_files.HEALTHY


@pytest.mark.parametrize("guise", SICK)
def test_a_fault_is_found_as(guise: str, tmp_path: Path) -> None:
    name, text = SICK[guise]
    assert name in names_in(tmp_path / "train.py", text)


@pytest.mark.parametrize("guise", HEALTHY)
def test_without_the_fault_none_of_these_is_said(guise: str, tmp_path: Path) -> None:
    said = names_in(tmp_path / "train.py", HEALTHY[guise])

    assert {name for name, _ in PLANTED.values()}.isdisjoint(said)


def test_nothing_but_the_start_is_blamed_where_all_is_zero(tmp_path: Path) -> None:
    """No gradient leads to any moment of the sequences then, though the last one is read."""
    assert names_in(tmp_path / "train.py", guise_cases.ALL_ZERO) == ["bad-initialisation"]


@pytest.mark.parametrize(("foretold", "kind"), [("twin(states)", SUGGESTION), ("0", FAULT)])
def test_a_rate_is_no_fault_where_a_twin_foretells_the_targets(
    foretold: str, kind: str, tmp_path: Path
) -> None:
    found = examined(tmp_path / "train.py", guise_cases.TWIN.format(foretold))
    assert ("learning-rate-too-low", kind) in [(f.name, f.kind) for f in found.findings]
