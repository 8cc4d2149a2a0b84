"""Scripts of all kinds under the doctor: they behave as without it, or it says what it cannot see.

What `python script.py` does is the expected value wherever a script runs in a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import pellucid
from pellucid.doctor.cases import script

TRAINING = script()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(text: str, name: str = "train.py") -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(text)


def alone(*words: str, stdin: str = "", **more: str) -> subprocess.CompletedProcess[bytes]:
    """A Python process in the folder."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"} | more
    return subprocess.run(
        [sys.executable, *words], input=stdin.encode(), capture_output=True, env=environment,
        check=False, timeout=300,
    )  # fmt: skip


def both(*words: str, stdin: str = "") -> subprocess.CompletedProcess[bytes]:
    """The script without and with the doctor: same output, same exit code; the latter's."""
    plain = alone(*words, stdin=stdin)
    watched = alone("-m", "pellucid", "doctor", "--no-probe", *words, stdin=stdin)
    assert watched.stdout == plain.stdout
    assert watched.returncode == plain.returncode
    return watched


EVERYTHING = (
    """
import argparse, atexit, pickle, sys, warnings
from pathlib import Path

import helper

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--debug", action="store_true")
    parser.add_argument("--json")
    print(parser.parse_args(), parser.prog, sys.argv)
print(__name__, __file__, __package__, __spec__, type(__loader__).__name__, sys.path[0])
print(sys.stdin.read(), Path("beside.txt").read_text(), helper.word)


class Own:
    number = 3


print(pickle.loads(pickle.dumps(Own())).number, Own.__module__)
sys.stdout.flush()
sys.stdout.buffer.write(bytes(range(256)))
atexit.register(lambda: print("at the end"))
"""
    + TRAINING
    + """
Path("made.txt").write_text("made")
sys.exit("as a text")
"""
)


def test_a_script_of_many_habits_does_what_it_does_alone() -> None:
    write("word = 'beside the script'", "inner/helper.py")
    write("read", "beside.txt")
    write(EVERYTHING, "inner/train.py")
    watched = both("inner/train.py", "--debug", "--json", "x", stdin="from outside")
    assert watched.returncode == 1
    assert Path("made.txt").read_text() == "made"
    assert not Path("x").exists()
    assert b"as a text\n" in watched.stderr
    assert b"30 steps" in watched.stderr


CHILDREN = """
import multiprocessing, os, torch
from torch.utils.data import DataLoader, TensorDataset


def double(number):
    return 2 * number


if __name__ == "__main__":
    spawning = multiprocessing.get_context("spawn")
    with spawning.Pool(1) as pool:
        print(pool.map(double, [1, 2]))
    torch.manual_seed(0)
    data = TensorDataset(torch.randn(32, 4), torch.randn(32, 1))
    network = torch.nn.Linear(4, 1)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
    for inputs, targets in DataLoader(data, 8, num_workers=2):
        optimiser.zero_grad()
        torch.nn.functional.mse_loss(network(inputs), targets).backward()
        optimiser.step()
    print(network.weight.tolist(), flush=True)
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        print("once")
"""


def test_child_processes_are_the_scripts_own_and_say_nothing() -> None:
    write(CHILDREN)
    watched = both("train.py")
    assert watched.stdout.count(b"once") == 1
    assert watched.stderr.count(b"4 steps and 4 passes were watched") == 1


def test_a_script_that_leaves_by_os_exit_is_told_to_have_done_so() -> None:
    write("import os, sys\nprint('here', flush=True)\nos._exit(5)\n")
    watched = both("train.py")
    assert watched.returncode == 5
    assert b"ended itself with os._exit" in watched.stderr


def test_ctrl_c_ends_the_script_as_python_does_and_the_doctor_still_speaks() -> None:
    heard = "signal.signal(signal.SIGINT, signal.default_int_handler)"  # if it was begun deaf to it
    pressed = f"import os, signal\n{heard}\nos.kill(os.getpid(), signal.SIGINT)\n"
    write(f"{TRAINING}{pressed}train(1000)\n")
    plain = alone("train.py")
    watched = alone("-m", "pellucid", "doctor", "--no-probe", "train.py")
    assert watched.returncode == 130
    assert watched.stdout == plain.stdout
    for words in (b"Traceback (most recent call last):", b"KeyboardInterrupt\n"):
        assert words in plain.stderr
        assert words in watched.stderr
    assert b"were watched" in watched.stderr


DISTRIBUTED = """
import torch, torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

dist.init_process_group("gloo")
torch.manual_seed(0)
network = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.BatchNorm1d(8), torch.nn.Linear(8, 1))
network = DistributedDataParallel(network)
optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
torch.manual_seed(dist.get_rank())
for _ in range(6):
    inputs, targets = torch.randn(8, 4), torch.randn(8, 1)
    optimiser.zero_grad()
    torch.nn.functional.mse_loss(network(inputs), targets).backward()
    optimiser.step()
    with torch.no_grad():
        network(torch.randn(8, 4))
if dist.get_rank() == 0:
    print(sum(w.double().sum().item() for w in network.parameters()))
dist.destroy_process_group()
"""


def test_of_several_processes_the_first_alone_speaks() -> None:
    write(DISTRIBUTED)
    run = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    plain = alone(*run, "train.py")
    watched = alone(*run, "-m", "pellucid", "doctor", "train.py")
    assert plain.returncode == watched.returncode == 0, watched.stderr.decode()
    assert plain.stdout == watched.stdout != b""
    assert watched.stderr.count(b"PROVEN  eval-forgotten") == 1


# --------------------------------------------------------------------- in the process of the tests


def test_a_module_is_run_with_its_package(call) -> None:
    write("", "package/__init__.py")
    write("number = 4", "package/other.py")
    write("import sys\nfrom .other import number\nprint(number, __package__, sys.argv[1:])",
          "package/train.py")  # fmt: skip
    outcome = call("doctor", "-m", "package.train", "--epochs", "5")
    assert outcome.out == "4 package ['--epochs', '5']\n"
    assert call("doctor", "-m", "package.trian").code == 2
    write("from .other import number", "package/script.py")
    refused = call("doctor", "package/script.py")
    assert refused.code == 1
    assert "attempted relative import with no known parent package" in refused.err


def test_a_script_that_never_trains_is_said_not_to(call) -> None:
    write("print('nothing to do')")
    outcome = call("doctor", "train.py")
    assert (outcome.code, outcome.out) == (0, "nothing to do\n")
    assert "Not observed: a pass through a network; a backward pass; a step of" in outcome.err


@pytest.mark.parametrize(
    ("argument", "code"), [("", 0), ("None", 0), ("7", 7), ("True", 1), ("'text'", 1), ("2.5", 1)]
)
def test_the_exit_code_is_what_python_makes_of_it(call, argument: str, code: int) -> None:
    write(f"import sys\nsys.exit({argument})")
    outcome = call("doctor", "train.py")
    assert outcome.code == code
    if code == 1 and argument != "True":
        assert argument.strip("'") + "\n" in outcome.err


def test_an_exception_goes_to_the_hook_that_the_script_has_set(call, monkeypatch) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # put back after the test
    write("import sys\nsys.excepthook = lambda *e: print('mine:', e[1])\n1 / 0")
    outcome = call("doctor", "train.py")
    assert outcome.code == 1
    assert outcome.out == "mine: division by zero\n"


def test_a_traceback_shows_no_line_of_ours(call) -> None:
    write(TRAINING + "functional.cross_entropy(network(inputs[:4]), labels[:3])\n")
    outcome = call("doctor", "--no-probe", "train.py")
    trace = outcome.err[outcome.err.index("Traceback") : outcome.err.index("ValueError")]
    assert "train.py" in trace
    assert str(Path(pellucid.__file__).parent) not in trace
    assert "overrides.py" not in trace


def test_a_long_run_is_watched_for_its_first_steps_only(call) -> None:
    write(TRAINING)
    outcome = call("doctor", "--no-probe", "--steps", "7", "--json", "f.json", "train.py")
    assert outcome.code == 0
    assert json.loads(Path("f.json").read_text())["watched"]["steps"] == 7


def test_several_networks_at_once_are_watched_and_tried_like_one(call) -> None:
    write(
        "import torch\nfrom torch.nn import Linear\n"
        "torch.manual_seed(0)\n"
        "a, b = Linear(2, 3), Linear(3, 1)\n"
        "optimisers = [torch.optim.SGD(n.parameters(), lr=0.1) for n in (a, b)]\n"
        "for _ in range(5):\n"
        "    [o.zero_grad() for o in optimisers]\n"
        "    torch.nn.functional.mse_loss(b(a(torch.randn(4, 2))), torch.zeros(4, 1)).backward()\n"
        "    [o.step() for o in optimisers]\n"
    )
    outcome = call("doctor", "train.py")
    assert outcome.code == 0
    assert "no-nonlinearity" in outcome.err
    assert "2 layers with weights, and no curve" in outcome.err


def test_a_script_that_patches_pytorch_gets_its_own_functions(call) -> None:
    write(
        "import torch\nfrom torch.nn import functional\n"
        "whole, calls = functional.cross_entropy, []\n"
        "def own(*args, **named):\n    calls.append(1)\n    return whole(*args, **named)\n"
        "functional.cross_entropy = own\n"
        + TRAINING
        + "print(len(calls))\nassert functional.cross_entropy is own\n"
        "functional.cross_entropy = whole\n"
    )
    outcome = call("doctor", "--no-probe", "train.py")
    assert outcome.code == 0, outcome.err
    assert outcome.out.splitlines()[-1] == "30"


def test_a_compiled_network_is_watched(call) -> None:
    compiled = "network = torch.compile(network, backend='eager')\n"
    write(TRAINING.replace("optimiser =", compiled + "optimiser ="))
    outcome = call("doctor", "--no-probe", "--json", "f.json", "train.py")
    assert outcome.code == 0, outcome.err
    bare = script()
    write(bare, "bare.py")
    assert outcome.out == call("doctor", "--no-probe", "bare.py").out
    record = json.loads(Path("f.json").read_text())
    assert record["watched"] == {"steps": 30, "passes": 34}
    assert not any("stumbled" in entry for entry in record["not_observed"])
