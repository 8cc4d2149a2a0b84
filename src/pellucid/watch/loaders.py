"""Which loader a batch came from, and what that loader reads."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor
from torch.utils.data import DataLoader, SequentialSampler, Subset

from pellucid.watch.lines import users_line
from pellucid.watch.recorder import tensors_in
from pellucid.watch.trace import Loader
from pellucid.watch.workers import shared_randomness


class Loaders:
    """Notes every loader that is gone through, and the batch that it has given last."""

    def __init__(
        self, found: list[Loader], safely: Callable[[Callable[..., None]], Callable[..., None]]
    ) -> None:
        self._found = found
        self.note = safely(self._note)
        self._numbers: dict[int, tuple[int, Any]] = {}
        self._bases: dict[int, tuple[int, Any]] = {}
        self.last: tuple[int, list[Tensor]] | None = None
        """The newest batch: its loader's number and its tensors."""

    def wrapped(self, function: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
        @functools.wraps(function)
        def watched(loader: DataLoader[Any]) -> Iterator[Any]:
            return _Noted(function(loader), self, loader)

        return watched

    def _note(self, loader: DataLoader[Any], batch: Any) -> None:
        self.last = (self._number(loader), list(tensors_in(batch)))

    def source(self, rows: int) -> int | None:
        """The loader that a batch of so many rows has come from, as far as one can tell."""
        if self.last is None or not any(len(t) == rows for t in self.last[1] if t.ndim):
            return None
        return self.last[0]

    def gave(self, tensors: list[Tensor]) -> bool:
        """Whether one of these tensors is of the newest batch, as it came."""
        return self.last is not None and any(t is own for t in tensors for own in self.last[1])

    def target(self, rows: int) -> Tensor | None:
        """What came beside the inputs of the newest batch."""
        if self.last is None or len(self.last[1]) < 2:
            return None
        found = self.last[1][1]
        return found if found.ndim and len(found) == rows else None

    def _number(self, loader: DataLoader[Any]) -> int:
        known = self._numbers.get(id(loader))
        if known is not None:
            return known[0]
        dataset: Any = loader.dataset
        indices: Any = None
        while isinstance(dataset, Subset):
            own = list(dataset.indices)
            indices = own if indices is None else [own[k] for k in indices]
            dataset = dataset.dataset
        base = self._bases.setdefault(id(dataset), (len(self._bases), dataset))[0]
        try:
            size = len(dataset)
        except TypeError:
            size = 0
        self._found.append(
            Loader(
                base=base,
                indices=frozenset(range(size) if indices is None else map(int, indices)),
                batch=loader.batch_size or 0,
                in_order=isinstance(loader.sampler, SequentialSampler),
                workers=loader.num_workers,
                line=users_line(),
                same_chance=shared_randomness(loader),
            )
        )
        self._numbers[id(loader)] = (len(self._found) - 1, loader)
        return len(self._found) - 1


class _Noted:
    """A loader's own iterator; what it gives is noted, and everything else is its own."""

    def __init__(self, inner: Iterator[Any], loaders: Loaders, loader: DataLoader[Any]) -> None:
        self._inner, self._loaders, self._loader = inner, loaders, loader

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        batch = next(self._inner)
        self._loaders.note(self._loader, batch)
        return batch

    def __len__(self) -> int:
        return len(self._inner)  # type: ignore[arg-type]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)
