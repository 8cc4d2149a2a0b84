"""`pellucid check`: a network alone, and a script up to its first step."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import pellucid
from pellucid.doctor.cases import NETWORK, STEP, script

MINE = """
import torch
from torch import nn

def sound():
    return nn.Sequential(nn.Linear(10, 16), nn.ReLU(), nn.Linear(16, 4))

def misfit():
    return nn.Sequential(nn.Conv2d(1, 16, 5), nn.Flatten(), nn.Linear(256, 10))

def wide(width, outputs):
    return nn.Sequential(nn.Linear(10, width), nn.ReLU(), nn.Linear(width, outputs))

class Loud(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(10, 4)
    def forward(self, x):
        print("loud")
        return self.a(x).softmax(0)

class Words(nn.Module):
    def __init__(self):
        super().__init__()
        self.table, self.out = nn.Embedding(50, 8), nn.Linear(8, 5)
    def forward(self, x):
        return self.out(self.table(x).mean(1))

class NeedsCuda(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(10, 3)
    def forward(self, x):
        raise AssertionError("Torch not compiled with CUDA enabled")

class Raises(Words):
    def forward(self, x):
        raise KeyError("lost")

def prose():
    return "a network"
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    Path("mine.py").write_text(MINE)
    yield tmp_path
    sys.modules.pop("mine", None)


def record() -> dict:
    return json.loads(Path("out.json").read_text())


# ------------------------------------------------------------------------------- a network alone


def test_a_sound_network_is_walked_measured_and_learns(here: Path, call) -> None:
    outcome = call("check", "mine.py:sound", "--input", "10", "--json", "out.json")
    assert outcome.code == 0
    assert "Nothing was found" in outcome.out
    found = record()
    (network,) = found["networks"]
    assert network["parameters"] == (10 * 16 + 16) + (16 * 4 + 4)
    assert network["multiply_adds"] == 10 * 16 + 16 * 4
    assert [layer["input"] for layer in network["layers"]] == [[10], [16], [16]]
    assert [layer["output"] for layer in network["layers"]] == [[16], [16], [4]]
    assert found["loss"]["expected"] == pytest.approx(math.log(4))
    assert found["by_heart"][-1]["learnt"] is True
    assert found["step"]["low"] <= found["step"]["seconds"] <= found["step"]["high"]
    assert found["findings"] == []


def test_a_misfit_ends_with_1_and_names_the_number_to_change(here: Path, call) -> None:
    outcome = call("check", "mine.py:misfit", "--input", "1x9x9")
    assert outcome.code == 1
    assert "does not fit" in outcome.out
    mend = "Linear expects 256 features, gets 400 = 16 × 5 × 5: make in_features 400"
    assert mend in outcome.out


def test_what_is_meant_is_no_finding(here: Path, call) -> None:
    words = ("check", "mine.py:Loud", "--input", "10", "--seconds", "0")
    assert call(*words).code == 1
    outcome = call(*words, "--meant", "samples-mixed")
    assert outcome.code == 0
    assert "Meant so, as you said: samples-mixed" in outcome.out


def test_what_the_network_prints_is_no_json(here: Path, call) -> None:
    words = ("check", "mine.py:Loud", "--input", "10", "--seconds", "0", "--json", "-")
    outcome = call(*words)
    assert json.loads(outcome.out)["target"] == "mine.py:Loud"
    assert "loud" in outcome.err


def test_a_factory_gets_its_arguments_and_the_classes(here: Path, call) -> None:
    words = ("check", "mine.py:wide", "--input", "10", "--seconds", "0", "--json", "out.json")
    assert call(*words, "--set", "width=7", "--classes", "5").code == 0
    assert record()["networks"][0]["answer"] == [32, 5]


def test_a_network_of_the_catalog_is_built_for_the_input(here: Path, call) -> None:
    words = ("--input", "1x28x28", "--classes", "10", "--seconds", "0", "--batch-size", "4")
    assert call("check", "lenet", *words, "--json", "out.json").code == 0
    # LeNet-5 with a full second convolution: 156 + 2,416 + 48,120 + 10,164 + 850
    assert record()["networks"][0]["parameters"] == 61_706


WRONG = {
    "no input": (("mine.py:sound",), "--input 3x32x32"),
    "no shape": (("mine.py:sound", "--input", "3xx"), "--input"),
    "an unknown module": (("gone.py:sound", "--input", "10"), "check the spelling"),
    "an unknown name": (("mine.py:soud", "--input", "10"), "did you mean mine:sound?"),
    "an unknown net": (("lenett", "--input", "10"), "lenet"),
    "missing arguments": (("mine.py:wide", "--input", "10"), "--set width=…"),
    "missing classes": (("mine.py:wide", "--input", "10", "--set", "width=3"), "--classes 10"),
    "another argument": (("mine.py:wide", "--input", "10", "--set", "widht=3"), "width?"),
    "no network": (("mine.py:prose", "--input", "10"), "return the network itself"),
    "numbers for tokens": (("mine.py:Words", "--input", "7"), "--tokens 100"),
    "CUDA only": (("mine.py:NeedsCuda", "--input", "10"), ".to(x.device)"),
    "another error": (("mine.py:Raises", "--input", "7:50"), "call it by itself"),
    "an unknown finding": (("mine.py:sound", "--input", "10", "--meant", "mixed"), "--meant"),
    "a batch of one": (("mine.py:sound", "--input", "10", "--batch-size", "1"), "--batch-size 32"),
    "more words": (("mine.py:sound", "more", "--input", "10"), "leave them out"),
    "no such script": (("gone.py",), "check the spelling"),
    "an input for a script": (("--input", "3", "mine.py"), "leave it out"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_use_is_told_in_four_parts(here: Path, call, case: str) -> None:
    words, part = WRONG[case]
    outcome = call("check", *words)
    assert outcome.code == 2
    assert part in outcome.err
    assert "Fix: " in outcome.err


# -------------------------------------------------------------------------------------- a script


def test_a_script_is_ended_at_its_first_step_and_asked(here: Path, call) -> None:
    Path("train.py").write_text(script().replace("train(30)", "print('before')\ntrain(30)"))
    outcome = call("check", "--json", "out.json", "train.py")
    assert outcome.code == 0
    assert "before" in outcome.out
    assert "train.py was ended on purpose at its first step (Adam, train.py:" in outcome.err
    found = record()
    (network,) = found["networks"]
    assert network["name"] == "network (Sequential)"
    assert network["inputs"] == [[32, 12]]
    assert network["parameters"] == (12 * 32 + 32) + 2 * 32 + (32 * 3 + 3)
    assert network["samples"]["mixed"] is False
    assert found["script"]["ended_at"]["optimiser"] == "Adam"
    assert found["loss"]["classes"] == 3
    assert found["by_heart"][0]["optimiser"] == "the script's Adam with rate 0.01"
    assert found["by_heart"][0]["learnt"] is True
    assert found["step"]["batch_size"] == 32


def test_the_script_gets_its_own_arguments_and_no_exception_holds_the_end_up(
    here: Path, call
) -> None:
    text = script(
        step="try:\n    " + STEP.replace("\n", "\n    ") + "\nexcept Exception:\n    pass"
    )
    Path("train.py").write_text("import sys\nprint(sys.argv[1:], __name__)\n" + text)
    outcome = call("check", "--seconds", "0", "train.py", "--epochs", "5", "--json", "x")
    assert outcome.code == 0
    assert "['--epochs', '5', '--json', 'x'] __main__" in outcome.out
    assert "ended on purpose" in outcome.err


LOSSES = {
    "a loss written by hand, in place": """\
optimiser.zero_grad()
scores = network(inputs[rows])
loss = torch.zeros(())
loss += (scores.softmax(1) - functional.one_hot(labels[rows], 3)).pow(2).mean()
loss += 1e-4 * sum(weight.pow(2).sum() for weight in network.parameters())
loss.backward()
optimiser.step()""",
    "two networks and noise": """\
optimiser.zero_grad()
half = network[0](inputs[rows])
half = half + 0.1 * torch.randn_like(half)
functional.cross_entropy(network[1:](half), labels[rows]).backward()
optimiser.step()""",
    "autocast": """\
optimiser.zero_grad()
with torch.autocast("cpu", torch.bfloat16):
    loss = functional.cross_entropy(network(inputs[rows]), labels[rows])
loss.backward()
optimiser.step()""",
    "gathered gradients": """\
for part in rows.split(16):
    (functional.cross_entropy(network(inputs[part]), labels[part]) / 2).backward()
optimiser.step()
optimiser.zero_grad()""",
    "a penalty before the pass": """\
optimiser.zero_grad()
loss = 1e-4 * sum(weight.pow(2).sum() for weight in network.parameters())
loss = loss + functional.cross_entropy(network(inputs[rows]), labels[rows])
loss.backward()
optimiser.step()""",
    "chance between two passes": """\
optimiser.zero_grad()
first = network(inputs[rows])
second = network(torch.roll(inputs[rows], torch.randint(1, 5, ()).item(), 0))
(functional.cross_entropy(first, labels[rows]) + first.sub(second).pow(2).mean()).backward()
optimiser.step()""",
    "a closure": """\
def closure():
    optimiser.zero_grad()
    loss = functional.cross_entropy(network(inputs[rows]), labels[rows])
    loss.backward()
    return loss
optimiser.step(closure)""",
    "a compiled network": """\
optimiser.zero_grad()
functional.cross_entropy(torch.compile(network)(inputs[rows]), labels[rows]).backward()
optimiser.step()""",
}


@pytest.mark.parametrize("case", LOSSES)
def test_the_scripts_own_loss_is_repeated_exactly(here: Path, call, case: str) -> None:
    Path("train.py").write_text(script(step=LOSSES[case]))
    outcome = call("check", "--seconds", "20", "--json", "out.json", "train.py")
    assert outcome.code == 0, outcome.out + outcome.err
    found = record()
    assert found["not_asked"] == []
    assert found["loss"]["kind"] == "the script's own loss"
    assert found["by_heart"][-1]["last_loss"] < found["by_heart"][-1]["first_loss"]


def test_the_loss_before_the_first_step_is_the_one_that_the_script_prints(here: Path, call) -> None:
    step = STEP.replace(".backward()", "", 1).replace("functional.cross", "loss = functional.cross")
    step = step.replace("\noptimiser.step()", "\nprint('LOSS', loss.item())\nloss.backward()\n"
                        "optimiser.step()")  # fmt: skip
    network = NETWORK.replace("nn.Dropout(0.5)", "nn.Dropout(0.0)")
    Path("train.py").write_text(script(network=network, step=step))
    outcome = call("check", "--seconds", "0", "--json", "out.json", "train.py")
    printed = float(outcome.out.split("LOSS ")[1].split()[0])
    assert record()["loss"]["loss"] == pytest.approx(printed, rel=1e-5)


def test_a_fault_of_a_script_is_proven_on_its_own_batch(here: Path, call) -> None:
    network = NETWORK + "\nnetwork.append(nn.Softmax(0))"
    Path("train.py").write_text(script(network=network))
    outcome = call("check", "--seconds", "0", "train.py")
    assert outcome.code == 1
    assert "PROVEN  samples-mixed" in outcome.out
    assert "Softmax 5 goes over the batch: write dim=1" in outcome.out


QUIET = {
    "a generator and a judge": """
G = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 12))
D = nn.Sequential(nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, 1))
d = torch.optim.Adam(D.parameters(), 1e-3)
fake = G(torch.randn(32, 4)).detach()
bce = nn.BCEWithLogitsLoss()
(bce(D(torch.randn(32, 12)), torch.ones(32, 1)) + bce(D(fake), torch.zeros(32, 1))).backward()
d.step()
""",
    "a network of a graph": """
A = torch.eye(40) / 2 + torch.rand(40, 40) / 80
class Graph(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(7, 16), nn.Linear(16, 3)
    def forward(self, x, table):
        return self.b(torch.relu(table @ self.a(x)))
network = Graph()
optimiser = torch.optim.Adam(network.parameters(), 0.01)
some = torch.arange(40) % 3 == 0
goal = torch.randint(0, 3, (40,))
nn.functional.cross_entropy(network(torch.randn(40, 7), A)[some], goal[some]).backward()
optimiser.step()
""",
    "places first, then the batch": """
class Writer(nn.Module):
    def __init__(self):
        super().__init__()
        self.table, self.layer, self.out = nn.Embedding(9, 4), nn.LSTM(4, 8), nn.Linear(8, 9)
    def forward(self, x):
        return self.out(self.layer(self.table(x))[0])
network = Writer()
optimiser = torch.optim.Adam(network.parameters(), 0.01)
x, goal = torch.randint(0, 9, (6, 10)), torch.randint(0, 9, (6, 10))
nn.functional.cross_entropy(network(x).view(-1, 9), goal.view(-1)).backward()
optimiser.step()
""",
}


@pytest.mark.parametrize("case", QUIET)
def test_what_only_looks_odd_is_no_finding(here: Path, call, case: str) -> None:
    Path("train.py").write_text("import torch\nfrom torch import nn\n" + QUIET[case])
    outcome = call("check", "--seconds", "0", "--json", "out.json", "train.py")
    assert outcome.code == 0, outcome.out + outcome.err
    assert record()["findings"] == []


def test_a_crash_is_shown_as_python_does_and_explained(here: Path, call) -> None:
    Path("train.py").write_text(
        script(network=NETWORK.replace("nn.Linear(32, 3)", "nn.Linear(30, 3)"))
    )
    outcome = call("check", "train.py")
    assert outcome.code == 1
    assert "Traceback (most recent call last)" in outcome.err
    assert str(Path(pellucid.__file__).parent) not in outcome.err
    assert "Linear expects 30 features, gets 32: make in_features 32" in outcome.out


def test_a_loss_whose_shapes_do_not_fit_is_explained(here: Path, call) -> None:
    Path("train.py").write_text(script(step=STEP.replace("labels[rows]", "labels[:9]")))
    outcome = call("check", "train.py")
    assert outcome.code == 1
    assert "In cross_entropy, which got (32, 3) and (9,)." in outcome.out


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("import torch\nprint(torch.nn.Linear(3, 4)(torch.ones(2, 3)).shape)\n",
         "ended by itself with exit code 0 after 1 pass through networks, without a step"),
        ("import sys\nsys.exit(7)\n", "exit code 7 after 0 passes"),
        ("this is no Python", "no Python"),
        ("raise KeyError('lost')\n", "KeyError"),
    ],
)  # fmt: skip
def test_a_script_that_never_steps_is_told_so(here: Path, call, text: str, part: str) -> None:
    Path("train.py").write_text(text)
    outcome = call("check", "train.py")
    assert outcome.code == 2
    assert part in outcome.err
    assert "Fix: " in outcome.err


def test_one_of_several_processes_is_refused(here: Path, call, monkeypatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    Path("train.py").write_text(script())
    assert "without torchrun" in call("check", "train.py").err


def test_a_script_that_catches_everything_is_ended_all_the_same(here: Path) -> None:
    Path("train.py").write_text(
        "import torch\nnetwork = torch.nn.Linear(3, 1)\n"
        "optimiser = torch.optim.SGD(network.parameters(), 0.1)\n"
        "while True:\n    try:\n        network(torch.ones(2, 3)).sum().backward()\n"
        "        optimiser.step()\n    except:\n        print('caught')\n"
    )
    words = [sys.executable, "-m", "pellucid", "check", "train.py"]
    ended = subprocess.run(words, capture_output=True, text=True, check=False, timeout=300)
    assert ended.returncode == 2
    assert "catches every exception" in ended.stderr
    assert "caught" in ended.stdout
