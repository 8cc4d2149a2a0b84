"""The network that is asked about, and its pictures, in the pictures' own values 0…1."""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from pellucid.base.errors import BadData, WrongUse
from pellucid.fool.bounds import Scaling


@dataclass
class Victim:
    """A network in eval mode with pictures (n, channel, row, column) in 0…1 as float64.

    The network is given offset + gain · value for each channel, in float32.
    """

    network: nn.Module
    pictures: Tensor
    scaling: Scaling
    classes: list[str]
    title: str
    labels: list[int | None] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    """What each picture is called: its number in the data set, or in the file."""
    source: dict[str, str] = field(default_factory=dict)
    """How the network can be made again: `run`, or `factory` and `weights`."""
    split: str = ""

    def __post_init__(self) -> None:
        count = len(self.pictures)
        self.labels = self.labels or [None] * count
        self.numbers = self.numbers or list(range(count))

    def given(self, pictures: Tensor) -> Tensor:
        """What the network is given for pictures (n, channel, row, column) in 0…1: float32."""
        offset, gain = (one.view(1, -1, 1, 1) for one in (self.scaling.offset, self.scaling.gain))
        return (offset + gain * pictures).float()

    @torch.no_grad()
    def scores(self, pictures: Tensor, at_once: int = 256) -> Tensor:
        """The network's scores (n, classes) for pictures in 0…1."""
        parts = [self.network(self.given(part)) for part in torch.split(pictures, at_once)]
        return torch.cat(parts).double()

    def answer_to(self, picture: Tensor) -> int:
        """The class that the network itself answers to one picture (channel, row, column)."""
        return int(self.scores(picture[None])[0].argmax())

    def with_pixel(self, picture: Tensor, row: int, column: int, value: Tensor) -> Tensor:
        """A copy of a picture in which one pixel has the value (channel,)."""
        changed = picture.clone()
        changed[:, row, column] = value
        return changed

    def name_of(self, number: int) -> str:
        """A class by name."""
        return self.classes[number] if number < len(self.classes) else str(number)


def fingerprint(network: nn.Module) -> str:
    """SHA-256 of the names, types, shapes and bits of all weights and buffers."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        plain = tensor.detach().cpu().contiguous()
        digest.update(f"{name} {plain.dtype} {tuple(plain.shape)};".encode())
        digest.update(plain.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def picture_fingerprint(picture: Tensor) -> str:
    """SHA-256 of a picture's values as float64."""
    return hashlib.sha256(picture.double().contiguous().numpy().tobytes()).hexdigest()


@torch.no_grad()
def check(victim: Victim) -> None:
    """Refuse what no question can be asked of.

    Raises `BadData` for pictures outside 0…1 and weights that are not finite, `WrongUse` for a
    network in training mode, one whose answers are not scores, are not finite, or are others
    when it is asked again.
    """
    where = victim.title
    for name, tensor in victim.network.state_dict().items():
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            count = int((~tensor.isfinite()).sum())
            raise BadData(
                f"{where}, weights {name}",
                f"{count} numbers that are not finite",
                "finite weights",
                "the training failed: see pellucid doctor, or take an earlier checkpoint",
            )
    if victim.network.training or any(part.training for part in victim.network.modules()):
        raise WrongUse(
            where,
            "a network in training mode, whose answers are random or depend on the batch",
            "eval mode",
            "call network.eval() first",
        )
    _check_kind(victim)
    _check_range(victim)
    _check_scores(victim)


def _check_kind(victim: Victim) -> None:
    """Refuse weights of another precision than the pictures, which are given in float32."""
    for name, weight in victim.network.named_parameters():
        if weight.is_floating_point() and weight.dtype != torch.float32:
            raise WrongUse(
                f"{victim.title}, weights {name}",
                str(weight.dtype).removeprefix("torch."),
                "float32",
                "return network.float() from the factory",
            )


def _check_range(victim: Victim) -> None:
    pictures = victim.pictures
    low, high = float(pictures.min()), float(pictures.max())
    if not 0 <= low <= high <= 1:
        are_levels = low >= 0 and 2 < high <= 255
        raise BadData(
            f"{victim.title}, pictures",
            f"values from {low:.3g} to {high:.3g}",
            "pictures in their own values, 0 to 1 (or bytes, 0 to 255)",
            "store levels as bytes: inputs.astype('uint8')"
            if are_levels
            else "give them before they are standardised, and add --standardise",
        )


def _check_scores(victim: Victim) -> None:
    where, some = victim.title, victim.pictures[:2]
    try:
        _check_answer(where, victim.network(victim.given(some)))
        once = victim.scores(some)
        again = victim.scores(some)
    except (RuntimeError, ValueError, TypeError, IndexError, AttributeError) as error:
        raise WrongUse(
            where,
            f"{type(error).__name__} for pictures {tuple(some.shape)}: {error}",
            "a network that takes these pictures",
            "give pictures of the size that it was made for",
        ) from error
    if once.ndim != 2 or once.shape[1] < 2:
        raise WrongUse(
            where,
            f"answers of shape {tuple(once.shape)} for {len(some)} pictures",
            "one score for each class: (pictures, classes)",
            "ask a network that classifies",
        )
    if not bool(once.isfinite().all()):
        raise WrongUse(where, "scores that are not finite", "finite scores", "check its weights")
    if not torch.equal(once, again):
        raise WrongUse(
            where,
            f"two answers to one picture that differ by {float((once - again).abs().max()):.3g}",
            "the same answer each time",
            "switch off what is random in its forward, such as functional.dropout without training",
        )
    _check_logits(where, once)
    _check_alone(victim)
    _check_ending(victim)
    worst = max((one for one in victim.labels if one is not None), default=0)
    if worst >= once.shape[1]:
        raise BadData(
            f"{where}, labels",
            f"the class {worst}",
            f"classes from 0 to {once.shape[1] - 1}, as the network has {once.shape[1]} scores",
            "give labels that count from 0, or a network of as many classes",
        )


def _check_answer(where: str, answer: object) -> None:
    if not isinstance(answer, Tensor):
        raise WrongUse(
            where,
            f"an answer of type {type(answer).__name__}",
            "one tensor of scores: (pictures, classes)",
            "write a factory whose forward returns the scores alone",
        )


def _check_alone(victim: Victim) -> None:
    """Refuse a network whose answer to a picture hangs on the others of its batch."""
    first = victim.pictures[:1]
    pair = victim.pictures[:2] if len(victim.pictures) > 1 else torch.cat([first, 1 - first])
    once = victim.scores(pair)
    try:
        alone = torch.cat([victim.scores(one[None]) for one in pair])
        apart = float((alone - once).abs().max())
        found = f"scores that change by {apart:.3g} with the other pictures of the batch"
    except (RuntimeError, ValueError) as error:
        apart, found = float("inf"), f"{type(error).__name__} for a single picture: {error}"
    if apart > 1e-3 * max(1.0, float(once.abs().max())):
        raise WrongUse(
            victim.title,
            found,
            "a network that answers each picture by itself",
            "put batch norm in eval mode, with its running statistics kept",
        )


_LAID_OUT = ("View", "UnsafeView", "Reshape", "Squeeze", "Unsqueeze", "Clone", "Alias")


def _check_ending(victim: Victim) -> None:
    """Refuse a network that ends in a sigmoid, by the operation that made its answer.

    Autograd knows that operation. A forward that it cannot follow is let pass.
    """
    made = None
    with contextlib.suppress(RuntimeError), torch.enable_grad():
        given = victim.given(victim.pictures[:1]).requires_grad_()
        made = victim.network(given.clone()).grad_fn
    while made is not None and made.name().startswith(_LAID_OUT):
        made = made.next_functions[0][0]
    if made is not None and made.name().startswith(("Sigmoid", "Hardsigmoid")):
        raise WrongUse(
            victim.title,
            "answers that are squeezed to 0…1 by a sigmoid",
            "scores (logits), before the sigmoid",
            "leave the sigmoid out of the network; the order of its scores stays the same",
        )


def _check_logits(where: str, scores: Tensor) -> None:
    sums = scores.sum(dim=1)
    if bool((scores >= 0).all()) and bool(((sums - 1).abs() < 1e-5).all()):
        raise WrongUse(
            where,
            "answers from 0 to 1 that add up to 1: probabilities",
            "scores (logits), before the softmax",
            "leave the softmax out of the network; cross entropy does it, too",
        )
    if bool((scores <= 0).all()) and bool(((scores.exp().sum(dim=1) - 1).abs() < 1e-5).all()):
        raise WrongUse(
            where,
            "logarithms of probabilities",
            "scores (logits), before the log softmax",
            "leave the log softmax out of the network",
        )
