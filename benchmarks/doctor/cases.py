"""All programs to be run, and a cache of their runs in a work folder outside the repository."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from doctor import forked
from doctor.forked import Record
from doctor.material import Files, as_bytes, files_of, write
from doctor.mutant import Mutant, mutants_of, program_text, programs, traps

KINDS = ("healthy", "trap", "mutant")
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Case:
    """A program as it is run: healthy, a trap, or with one planted fault."""

    program: str
    kind: str
    """`healthy`, `trap` or `mutant`."""
    mutant: Mutant | None = None

    @property
    def key(self) -> str:
        return self.mutant.key if self.mutant else f"{self.program}/{self.kind}"

    def text(self) -> str:
        whole = program_text(self.program)
        return self.mutant.text(whole) if self.mutant else whole

    def files(self) -> Files:
        return self.mutant.files() if self.mutant else files_of(self.program)


def all_cases(only: Sequence[str] = (), kinds: Sequence[str] = KINDS) -> list[Case]:
    """Every case of these kinds whose key begins with one of `only`, if any are given."""
    found = []
    for program in programs():
        found.append(Case(program, "healthy"))
        found += [Case(program, "mutant", mutant) for mutant in mutants_of(program)]
    found += [Case(trap, "trap") for trap in traps()]
    return [
        case
        for case in found
        if case.kind in kinds and (not only or case.key.startswith(tuple(only)))
    ]


@dataclass(frozen=True)
class Job:
    """One run of one case: with which seed, and who watches."""

    case: Case
    seed: int
    way: str
    options: tuple[str, ...] = ()


class Work:
    """The folder with the runs that were made; each is found again by a hash of all it is of."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "runs").mkdir(parents=True, exist_ok=True)

    def path(self, job: Job) -> Path:
        print_of = hashlib.sha256()
        parts = [_print_of_case(job.case), str(job.seed), job.way, _torch_version()]
        if job.way in (forked.DOCTOR, forked.MENDED):
            parts += [_print_of_source(), *job.options]
        if job.way == forked.RIVALS:
            parts.append((Path(__file__).parent / "rivals.py").read_text())
        for part in parts:
            print_of.update(part.encode() + b"\0")
        return self.folder / "runs" / f"{print_of.hexdigest()[:32]}.json"

    def known(self, job: Job) -> Record | None:
        try:
            record: Record = json.loads(self.path(job).read_text())
        except (OSError, ValueError):
            return None
        return record

    def of(self, job: Job) -> Record:
        """The run's record, made now if it is not known."""
        record = self.known(job)
        if record is not None:
            return record
        folder = self.folder / f"run-{os.getpid()}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (folder / "train.py").write_text(job.case.text(), encoding="utf-8")
        write(job.case.files(), folder)
        record = forked.run(folder, ["--seed", str(job.seed)], job.way, list(job.options))
        record |= {"key": job.case.key, "seed": job.seed, "way": job.way}
        path = self.path(job)
        whole = path.with_suffix(f".{os.getpid()}")
        whole.write_text(json.dumps(record))
        whole.rename(path)
        shutil.rmtree(folder, ignore_errors=True)
        return record

    def make(self, jobs: list[Job], processes: int) -> None:
        """Make the runs that are missing, in some processes at a time."""
        missing = [job for job in jobs if self.known(job) is None]
        print(f"{len(missing):,} of {len(jobs):,} runs to make", flush=True)
        if not missing:
            return
        forked.load()
        children = []
        for number in range(processes):
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    for job in _said(missing[number::processes]):
                        self.of(job)
                    code = 0
                finally:
                    os._exit(code)
            children.append(child)
        if any(os.waitpid(child, 0)[1] for child in children):
            raise SystemExit("a process that runs the programs has failed")


def _said(jobs: list[Job]) -> Iterator[Job]:
    for number, job in enumerate(jobs):
        if number % 50 == 0:
            print(f"  {number:>5} of {len(jobs)}: {job.case.key}, {job.way}", flush=True)
        yield job


@functools.cache
def _print_of_case(case: Case) -> str:
    found = hashlib.sha256(case.text().encode())
    for name, content in sorted(case.files().items()):
        found.update(name.encode())
        found.update(as_bytes(name, content))
    return found.hexdigest()


@functools.cache
def _print_of_source() -> str:
    """Of everything that decides what the doctor says."""
    found = hashlib.sha256()
    for path in sorted((ROOT / "src" / "pellucid").rglob("*.py")):
        found.update(path.read_bytes())
    return found.hexdigest()


@functools.cache
def _torch_version() -> str:
    from importlib.metadata import version

    return version("torch")
