"""One door to all data: a name, a folder of pictures, or a text file."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.base.catalog import Catalog
from pellucid.base.errors import BadData, PellucidError, near_misses, unknown_name
from pellucid.data import settings as settings_of

if TYPE_CHECKING:
    from pellucid.data.dataset import Dataset

SETS = Catalog("data set", "data.sets")

PROGRAMS = (".py", ".ipynb")
TABLES = (".csv", ".tsv", ".xls", ".xlsx", ".parquet", ".json", ".jsonl")
ARRAYS = (".npy", ".npz", ".pt", ".pth", ".pkl", ".pickle", ".mat", ".h5", ".hdf5")
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")


def load(name: str, **settings: Any) -> Dataset:
    """The data set called `name`, or the folder of pictures or text file at the path `name`.

    `settings` are the data set's own (`accepted_settings`), e.g. `split_seed=1`; words such as
    `"64"` become values. Raises `WrongUse` for a name or setting that there is not, `BadData` for
    data that cannot be used.
    """
    loader = _loader(name)
    dataset: Dataset = loader(**settings_of.checked(name, loader, settings))
    return dataset


def accepted_settings(name: str) -> list[str]:
    """The settings that `load(name, …)` knows."""
    return settings_of.names_of(_loader(name))


def is_set(name: str) -> bool:
    """Whether `name` is in the catalog (a folder of the same name is `./name`)."""
    return name in SETS.files


def _loader(name: str) -> Callable[..., Dataset]:
    if is_set(name):
        loader: Callable[..., Dataset] = SETS.load(name).load
        return loader
    path = Path(name).expanduser()
    if path.is_dir():
        from pellucid.data import folder

        return partial(folder.load, path)
    if path.is_file():
        _check_file(path)
        from pellucid.data import text

        return partial(text.load, path)
    raise _nothing_there(name, path)


def _check_file(path: Path) -> None:
    """Refuse files that are known not to be plain text, with the way that leads on."""
    from pellucid.data.pictures import ENDINGS

    ending = path.suffix.lower()
    if ending in PROGRAMS:
        raise _program(path)
    if ending in TABLES:
        raise BadData(
            str(path),
            f"a table ({ending})",
            "a folder of pictures with one sub-folder a class, or a text file",
            "for numbers in a table use Python: pellucid.data.arrays.from_arrays(inputs, labels)",
        )
    if ending in ARRAYS:
        raise BadData(
            str(path),
            f"a file of arrays ({ending})",
            "a folder of pictures with one sub-folder a class, or a text file",
            "load it in Python and call pellucid.data.arrays.from_arrays(inputs, labels)",
        )
    if ending in ARCHIVES:
        raise BadData(
            str(path), f"an archive ({ending})", "a folder or a text file", "unpack it first"
        )
    if ending in ENDINGS:
        raise BadData(
            str(path),
            "one picture",
            "a folder with one sub-folder a class",
            f"give the folder above the classes, e.g. {path.parent.parent}",
        )


def _program(path: Path) -> BadData:
    """The error for code given as data: what it makes is named with `--net`."""
    file = path.with_suffix(".py")
    copied = "" if path.suffix == ".py" else f"copy its network into {file.name}; "
    return BadData(
        str(path),
        f"a program ({path.suffix}), which is no data",
        "a data set's name, a folder of pictures or a text file",
        f"{copied}to train what it makes: pellucid train digits --net {file}:NAME, where NAME is "
        "a function or class in it (to learn to write like it, give a copy that ends with .txt)",
    )


def _nothing_there(name: str, path: Path) -> PellucidError:
    """The error for a name that is neither in the catalog nor on the disk."""
    looks_like_path = "/" in name or "\\" in name or name.startswith((".", "~")) or path.suffix
    if not looks_like_path:
        error = unknown_name("data set", name, SETS.files)
        error.expected += ", or the path of a folder of pictures or of a text file"
        return error
    beside = [one.name for one in path.parent.iterdir()] if path.parent.is_dir() else []
    close = near_misses(path.name, beside)
    missing = next(one for one in (path, *path.parents) if one.parent.is_dir())
    fix = f"did you mean {path.parent / close[0]}?" if close else "check the path"
    return BadData(
        name,
        f"nothing there ({missing} does not exist)",
        "a folder of pictures or a text file",
        fix,
    )
