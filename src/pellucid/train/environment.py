"""The machine a training runs on: device, precision, versions."""

from __future__ import annotations

import os
import platform
import sys
from datetime import UTC, datetime

import numpy
import torch

from pellucid.base.errors import WrongUse
from pellucid.base.records import Record
from pellucid.base.version import VERSION
from pellucid.train.ranks import Ranks


def choose_device(name: str, ranks: Ranks) -> torch.device:
    """`auto` is a CUDA device where there is one, else the CPU; other names are PyTorch's."""
    if name == "auto":
        name = f"cuda:{ranks.local}" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise WrongUse(
            "device",
            f"{name!r}, which PyTorch cannot use here",
            "cpu, or a device that PyTorch sees",
            "--device cpu",
        ) from error
    return device


def precision(name: str, device: torch.device) -> torch.dtype | None:
    """The type for the forward pass, or None for plain float32.

    `auto` is bf16 on CUDA devices that compute in it, float32 elsewhere: on CPUs without bf16
    units it costs time instead of saving it.
    """
    if name == "bf16":
        return torch.bfloat16
    if name == "auto" and device.type == "cuda" and torch.cuda.is_bf16_supported():
        return torch.bfloat16
    return None


def describe(device: torch.device, ranks: Ranks) -> Record:
    """What a reader needs to judge times and to repeat the training."""
    return {
        "pellucid": VERSION,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "system": platform.platform(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "processes": ranks.world,
        "device": str(device),
        "device_name": torch.cuda.get_device_name(device) if device.type == "cuda" else "",
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": sys.argv,
    }


def processor() -> str:
    """The processor's name, as far as the system tells it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:  # noqa: PTH123
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
