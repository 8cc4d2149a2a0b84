"""Where a network's units are read: after each layer with weights and what belongs to it."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from pellucid.base.errors import unknown_name
from pellucid.inside.listen import as_maps, describe, leaves, listening, title

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.ConvTranspose2d)
WEIGHTED = (*CONVOLUTIONS, nn.Linear, nn.LSTM, nn.GRU, nn.RNN)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm, nn.GroupNorm, nn.InstanceNorm2d)
ACTIVATIONS = (
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.SELU, nn.GELU, nn.SiLU, nn.Mish,
    nn.Tanh, nn.Sigmoid, nn.Hardtanh, nn.Softplus, nn.Hardswish,
)  # fmt: skip
BETWEEN = (nn.MaxPool2d, nn.AvgPool2d, nn.Dropout, nn.Dropout2d, nn.Identity)


@dataclass(frozen=True)
class Point:
    """A layer with weights, and the module whose answer is read for its units."""

    name: str
    read: str
    kind: str
    units: int
    rows: int
    columns: int
    drive: str
    """The last module before the activation function: it still changes where a ReLU is silent."""

    @property
    def title(self) -> str:
        """The layer's name as it is shown."""
        return title(self.name)

    @property
    def moment(self) -> str:
        """Where it is read, in words; empty where it is the layer's own answer."""
        return "" if self.read == self.name else f"read after {title(self.read)}"


def points_of(network: nn.Module, example: Tensor, chosen: tuple[str, ...] = ()) -> list[Point]:
    """The points in the order in which they are met by `example` (1, …).

    A unit is read after the norm and the activation function that follow its layer, so that a
    large number means that the unit speaks up, whatever sign its norm has. `chosen` names layers,
    which need not have weights; raises `WrongUse` with near misses for one that there is not.
    """
    met: list[tuple[str, nn.Module, Tensor]] = []

    def note(name: str, module: nn.Module, answer: Tensor) -> None:
        if answer.ndim >= 2 and answer.is_floating_point():
            met.append((name, module, as_maps(answer[:1]) if answer.ndim <= 4 else answer))

    with listening(network, list(leaves(network)), note):
        network(example)
    met = [one for one in met if one[2].ndim == 4]
    found = [_point(met, place) for place, one in enumerate(met) if isinstance(one[1], WEIGHTED)]
    if not chosen:
        return found
    own = {title(name): _made(name, name, module, maps) for name, module, maps in met}
    own.update({one.title: one for one in found})
    for name in chosen:
        if name not in own:
            raise unknown_name("--layer", name, own)
    return [own[name] for name in chosen]


def _point(met: list[tuple[str, nn.Module, Tensor]], place: int) -> Point:
    """The point of a layer: norms and activation functions after it belong to it."""
    name, layer, maps = met[place]
    read, drive, units = name, name, maps.shape[1]
    for later, module, answer in met[place + 1 :]:
        fits = answer.shape[1] == units and all(
            after <= before for after, before in zip(answer.shape[2:], maps.shape[2:], strict=True)
        )
        if not isinstance(module, (*NORMS, *ACTIVATIONS, *BETWEEN)) or not fits:
            break
        if isinstance(module, NORMS) and drive == read:
            drive = later
        if not isinstance(module, BETWEEN):
            read, maps = later, answer
    return _made(name, read, layer, maps, drive)


def _made(name: str, read: str, layer: nn.Module, maps: Tensor, drive: str = "") -> Point:
    units, rows, columns = maps.shape[1:]
    return Point(name, read, describe(layer), units, rows, columns, drive or name)
