"""Pictures that a user names: a data set, a folder, or a file of arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.base.errors import BadData, WrongUse
from pellucid.data.load import load

Pictures = tuple[NDArray[Any], NDArray[Any] | None, tuple[str, ...]]


def users_pictures(written: str) -> Pictures:
    """Pictures (n, c, h, w) as bytes or numbers, labels if there are any, and the classes' names.

    `written` is a data set's name or a folder, whose validation pictures are taken, or an `.npz`
    file with `inputs` and maybe `labels`. Raises `WrongUse` or `BadData`.
    """
    if written.endswith(".npz"):
        return *_of_file(Path(written)), ()
    data = load(written)
    if data.kind != "pictures":
        raise WrongUse(
            "--pictures",
            f"{written}, which holds {data.kind}",
            "pictures",
            "give a folder of pictures or an .npz file",
        )
    return data.validation.inputs, data.validation.labels, data.classes


def _of_file(path: Path) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """`inputs` (n, c, h, w) and, where there are any, `labels`; nothing is unpickled."""
    if not path.is_file():
        raise WrongUse("--pictures", f"no file {path}", "a file of arrays", "check the spelling")
    try:
        with np.load(path, allow_pickle=False) as stored:
            found = {name: stored[name] for name in stored.files}
    except (ValueError, OSError) as error:
        raise BadData(
            str(path), f"a file that cannot be read ({error})", "arrays", "use numpy.savez"
        ) from error
    inputs, labels = found.get("inputs"), found.get("labels")
    if inputs is None or inputs.ndim not in (3, 4) or not inputs.size:
        what = f"arrays {', '.join(found)}" if inputs is None else f"inputs {inputs.shape}"
        raise BadData(
            str(path),
            what,
            "inputs (picture, channel, row, column) and maybe labels (picture,)",
            "numpy.savez(FILE, inputs=…, labels=…)",
        )
    if inputs.dtype.kind not in "buif":
        raise BadData(
            str(path), f"inputs of {inputs.dtype}", "bytes or real numbers", "store inputs as such"
        )
    if labels is not None:
        _check_labels(path, labels, len(inputs))
    return inputs[:, None] if inputs.ndim == 3 else inputs, labels


def _check_labels(path: Path, labels: NDArray[Any], count: int) -> None:
    found = ""
    if labels.shape != (count,):
        found = f"labels {labels.shape} for {count} inputs"
    elif labels.dtype.kind not in "iu":
        found = f"labels of {labels.dtype}"
    elif labels.min() < 0:
        found = f"the label {labels.min()}"
    if found:
        raise BadData(
            str(path),
            found,
            "one label a picture, a whole number from 0",
            "numpy.savez(FILE, inputs=…, labels=…)",
        )
