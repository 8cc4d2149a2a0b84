"""Everything a training needs to go on, in one safetensors file.

Nothing is ever unpickled. The file carries a checksum of its own content, so that a damaged file
is named and never half-read.
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pellucid.base.errors import BadData
from pellucid.base.records import SCHEMA, Record, check_schema, damaged, write_bytes
from pellucid.train.optimiser import compiler_left_alone


def save_tensors(path: Path, tensors: dict[str, Tensor], facts: Record) -> None:
    """Write tensors and JSON facts atomically into one safetensors file."""
    from safetensors.torch import save

    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    whole = {"schema": SCHEMA, "checksum": _checksum(plain), **facts}
    write_bytes(path, save(plain, metadata={"pellucid": json.dumps(whole)}))


def load_tensors(path: Path) -> tuple[dict[str, Tensor], Record]:
    """What `save_tensors` wrote.

    Raises `BadData` that names the file if it is missing, damaged, or from a newer Pellucid.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise BadData(
            str(path),
            "no such file",
            "weights written by a training",
            "choose a run that has checkpoints (see: pellucid runs list)",
        )
    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads((file.metadata() or {}).get("pellucid", "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise damaged(path, "bytes that are not a whole safetensors file") from error
    check_schema(path, facts.get("schema", SCHEMA))
    if "checksum" in facts and facts["checksum"] != _checksum(tensors):
        raise damaged(path, "content that does not match its own checksum")
    return tensors, facts


def _checksum(tensors: dict[str, Tensor]) -> int:
    total = 0
    for name in sorted(tensors):
        total = zlib.crc32(name.encode(), total)
        flat = tensors[name].reshape(-1)
        if flat.numel():
            total = zlib.crc32(flat.view(torch.uint8).numpy().data, total)
    return total


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimiser's state as named tensors: `optimiser.<parameter number>.<name>`."""
    with compiler_left_alone():
        state: dict[int, dict[str, Any]] = optimiser.state_dict()["state"]
    return {
        f"optimiser.{number}.{name}": torch.as_tensor(value)
        for number, entries in state.items()
        for name, value in entries.items()
        if value is not None
    }


def restore_optimiser(optimiser: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Put back what `optimiser_tensors` took."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        kind, _, rest = name.partition(".")
        if kind == "optimiser":
            number, _, entry = rest.partition(".")
            state.setdefault(int(number), {})[entry] = tensor
    with compiler_left_alone():
        optimiser.load_state_dict({**optimiser.state_dict(), "state": state})


def part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin with `prefix.`, without it."""
    start = prefix + "."
    return {
        name.removeprefix(start): tensor
        for name, tensor in tensors.items()
        if name.startswith(start)
    }
