"""How long `pellucid --help` and `import pellucid` take, beside a bare `python -c pass`.

python benchmarks/startup.py
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

import results_page

COMMANDS = {
    "`python -c pass`": [sys.executable, "-c", "pass"],
    "`python -c 'import pellucid'`": [sys.executable, "-c", "import pellucid"],
    "`pellucid --help`": [sys.executable, "-m", "pellucid", "--help"],
    "`pellucid nets list`": [sys.executable, "-m", "pellucid", "nets", "list"],
    "`python -c 'import torch'`": [sys.executable, "-c", "import torch"],
}
TURNS = 15


def main() -> None:
    """Take turns, so that a slow moment of the machine meets all alike."""
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(TURNS):
        for name, words in COMMANDS.items():
            begun = time.perf_counter()
            subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
            times[name].append(time.perf_counter() - begun)
    bare = statistics.median(times["`python -c pass`"])
    rows = [
        [name, f"{statistics.median(own):.3f} s", f"{min(own):.3f} s",
         f"{statistics.median(own) - bare:.3f} s"]
        for name, own in times.items()
    ]  # fmt: skip
    for row in rows:
        print(*row)
    head = ["command", "median", "least", "beyond bare Python"]
    results_page.write("startup", results_page.machine() + "\n\n" + results_page.table(head, rows))


if __name__ == "__main__":
    main()
