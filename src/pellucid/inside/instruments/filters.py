"""The patterns that the first layer looks for: its weights as small pictures.

Every kernel of every two-dimensional convolution is kept, per input channel; of a fully connected
first layer every unit's weights in the shape of the picture.
"""

from __future__ import annotations

from torch import Tensor, nn

from pellucid.base.records import Record
from pellucid.inside.listen import describe, leaves, listening, title
from pellucid.inside.subject import Reading, Subject

CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)


def measure(subject: Subject) -> Reading:
    """Weights (filter, channel, row, column) by layer, exactly as they are.

    `first` in the facts names the layer that the input meets first, if its weights are pictures.
    """
    tensors: dict[str, Tensor] = {}
    layers: list[Record] = []
    for name, module in subject.network.named_modules():
        if isinstance(module, CONVOLUTIONS):
            tensors[f"weights.{title(name)}"] = _by_filter(module)
            layers.append(_facts(name, module))
    first, reason = _first_layer(subject)
    if first and f"weights.{first}" not in tensors:
        module = dict(subject.network.named_modules())[first if first != "network" else ""]
        tensors[f"weights.{first}"] = _as_pictures(module, subject.shape)
        layers.insert(0, _facts(first, module))
    return Reading(
        {
            "first": first,
            "layers": layers,
            "error": 0.0,
            "limits": [
                "A filter shows what one unit of the first layer adds up, not what the network "
                "makes of it."
            ],
            "skipped": [reason] if reason else [],
        },
        tensors,
    )


def _by_filter(module: nn.Module) -> Tensor:
    """Kernels as (filter, channel, row, column); a copy."""
    weight: Tensor = module.weight.detach()  # type: ignore[operator]
    if isinstance(module, nn.ConvTranspose2d):  # stored (input, output, row, column)
        weight = weight.transpose(0, 1)
    return weight.float().contiguous().clone()


def _as_pictures(module: nn.Module, shape: tuple[int, ...]) -> Tensor:
    weight: Tensor = module.weight.detach()  # type: ignore[operator]
    return weight.float().reshape(len(weight), *shape).clone()


def _facts(name: str, module: nn.Module) -> Record:
    return {"name": title(name), "kind": describe(module)}


def _first_layer(subject: Subject) -> tuple[str | None, str]:
    """The layer that is called first and has weights, or None with the reason."""
    called: list[tuple[str, nn.Module]] = []
    names = [
        name
        for name, module in leaves(subject.network).items()
        if any(weight.ndim > 1 for weight in module.parameters(recurse=False))
    ]

    def note(name: str, module: nn.Module, _answer: Tensor) -> None:
        called.append((name, module))

    with listening(subject.network, names, note):
        subject.network(subject.shown[:1])
    if not called:
        return None, "No layer with weights was called as a module of its own."
    name, module = called[0]
    kind = describe(module)
    if isinstance(module, nn.Conv2d):
        return title(name), ""
    pixels = len(subject.shape) == 3 and subject.shape[0] * subject.shape[1] * subject.shape[2]
    if isinstance(module, nn.Linear) and pixels and module.in_features == pixels:
        return title(name), ""
    return None, (
        f"The first layer, {title(name)} ({kind}), does not look at a whole picture or at "
        "neighbourhoods of one: its weights are no pictures."
    )
