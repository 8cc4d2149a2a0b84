"""Whether a loader's workers all draw the same random numbers: asked of a fork of the process,
which is what a worker is, so that nothing of the script's is touched."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset
from torch.utils.data._utils import worker

SEED = 12_345
DEPTH = 3
"""Attributes of attributes in which a data set's own generators are looked for."""


def shared_randomness(loader: DataLoader[Any]) -> tuple[str, ...]:
    """The generators that every worker begins with in the same state, and that an example draws
    from; nothing if there is none, or if it cannot be asked."""
    is_forked = multiprocessing.get_start_method(allow_none=True) in (None, "fork")
    if loader.num_workers < 2 or isinstance(loader.dataset, IterableDataset) or not is_forked:
        return ()
    if loader.multiprocessing_context is not None or not hasattr(os, "fork"):
        return ()
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        _answer(loader, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        said = answer.read()
    os.waitpid(child, 0)
    found: tuple[str, ...] = pickle.loads(said) if said else ()
    return found


def _answer(loader: DataLoader[Any], writing: int) -> None:
    """In the fork: say which generators are shared, and end without a trace."""
    try:
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        os.write(writing, pickle.dumps(_shared(loader)))
    finally:
        os._exit(0)


def _shared(loader: DataLoader[Any]) -> tuple[str, ...]:
    dataset: Any = loader.dataset
    first, second = _begin(loader, 0), _begin(loader, 1)
    dataset[next(iter(loader.sampler))]
    after = _states(dataset)
    return tuple(
        name
        for name, state in second.items()
        if first.get(name) == state and after.get(name) != state
    )


def _begin(loader: DataLoader[Any], number: int) -> dict[str, bytes]:
    """The state of every generator when a worker begins, as PyTorch begins it."""
    dataset: Any = loader.dataset
    random.seed(SEED + number)
    torch.manual_seed(SEED + number)
    np.random.seed(SEED + number)
    worker._worker_info = worker.WorkerInfo(
        id=number, num_workers=loader.num_workers, seed=SEED + number, dataset=dataset
    )
    if loader.worker_init_fn is not None:
        loader.worker_init_fn(number)
    return _states(dataset)


def _states(dataset: Any) -> dict[str, bytes]:
    found: dict[str, Any] = {
        "random": random.getstate(),
        "numpy.random": np.random.get_state(),
        "torch": torch.get_rng_state().numpy().tobytes(),
    }
    found |= dict(_own(dataset, "dataset", DEPTH))
    return {name: pickle.dumps(state) for name, state in found.items()}


def _own(thing: Any, name: str, depth: int) -> Iterator[tuple[str, Any]]:
    """The states of generators that a data set, or what it holds, carries with it."""
    if isinstance(thing, np.random.Generator):
        yield name, thing.bit_generator.state
    elif isinstance(thing, np.random.RandomState):
        yield name, thing.get_state()
    elif isinstance(thing, random.Random):
        yield name, thing.getstate()
    elif isinstance(thing, torch.Generator):
        yield name, thing.get_state().numpy().tobytes()
    elif depth and hasattr(thing, "__dict__"):
        for key, value in vars(thing).items():
            yield from _own(value, f"{name}.{key}", depth - 1)
