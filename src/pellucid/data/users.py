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
    if labels is not None and (labels.shape != (len(inputs),) or labels.min() < 0):
        raise BadData(
            str(path),
            f"labels {labels.shape} for {len(inputs)} inputs",
            "one label a picture, from 0",
            "numpy.savez(FILE, inputs=…, labels=…)",
        )
    return inputs[:, None] if inputs.ndim == 3 else inputs, labels
