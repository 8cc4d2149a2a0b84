"""The laws of a network of scratch: each file in `scratch/nets/` is held to all of them."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pellucid.scratch.catalog import NETS
from pellucid.scratch.layer import Layer
from pellucid.scratch.layers.activation import ReLU
from pellucid.scratch.layers.linear import Linear
from pellucid.scratch.layers.sequential import Flatten, Sequential
from pellucid.scratch.losses import cross_entropy
from pellucid.scratch.optimisers import Adam
from pellucid.scratch.pictures import Framed, Square, Standardised
from pellucid.scratch.tensor import Tensor

SHAPES = [(1, 8, 8), (1, 28, 28), (3, 32, 32), (2, 9, 14)]
CLASSES = 3

Module = ModuleType | SimpleNamespace


def pictures(count: int, shape: tuple[int, ...]) -> Any:
    return np.random.default_rng(1).standard_normal((count, *shape)).astype(np.float32)


def built(module: Module, shape: tuple[int, ...], seed: int = 0) -> Layer:
    network: Layer = module.build(shape, CLASSES, np.random.default_rng(seed))
    return network


# The laws. Each takes a module, so that the planted faults can be put to it.


def check_scores_every_class(module: Module) -> None:
    """For pictures of any size, in single precision."""
    for shape in SHAPES:
        scores = built(module, shape)(pictures(2, shape))
        assert scores.shape == (2, CLASSES)
        assert scores.data.dtype == np.float32
        assert np.isfinite(scores.data).all()


def check_every_parameter_gets_a_gradient(module: Module) -> None:
    network = built(module, (1, 12, 12))
    cross_entropy(network(pictures(6, (1, 12, 12))), [0, 1, 2, 0, 1, 2]).backward()
    assert network.parameters()
    for name, weight in network.named_parameters().items():
        assert weight.grad is not None, name
        assert weight.grad.any(), name


def check_learns_eight_pictures_by_heart(module: Module) -> None:
    network, x = built(module, (1, 8, 8)), pictures(8, (1, 8, 8))
    labels = np.arange(8) % CLASSES
    optimiser = Adam(network.parameters(), module.LEARNING_RATE)
    for _ in range(150):
        loss = cross_entropy(network(x), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert (network(x).data.argmax(axis=1) == labels).all()


def check_chance_alone_decides_the_weights(module: Module) -> None:
    states = [built(module, (1, 8, 8), seed).state_dict() for seed in (0, 0, 1)]
    for name, array in states[0].items():
        np.testing.assert_array_equal(array, states[1][name])
    assert any((array != states[2][name]).any() for name, array in states[0].items())


def check_says_how_it_is_trained(module: Module) -> None:
    assert (module.__doc__ or "").split("\n")[0].endswith(".")
    assert module.EPOCHS >= 1
    assert module.BATCH_SIZE >= 1
    assert 0 < module.LEARNING_RATE < 1
    assert 0 <= module.WEIGHT_DECAY < 1


LAWS = [
    check_scores_every_class,
    check_every_parameter_gets_a_gradient,
    check_learns_eight_pictures_by_heart,
    check_chance_alone_decides_the_weights,
    check_says_how_it_is_trained,
]


@pytest.mark.parametrize("name", NETS.names())
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__.removeprefix("check_"))
def test_every_net_keeps_the_law(law: Any, name: str) -> None:
    law(NETS.load(name))


class Deaf(Layer):
    """Its weight is never asked."""

    def __init__(self, numbers: int, chance: np.random.Generator) -> None:
        self.inner = Sequential(Flatten(), Linear(numbers, CLASSES, chance))
        self.unused = Linear(2, 2, chance)

    def forward(self, x: Tensor) -> Any:
        return self.inner(x)


def forgetful(shape: Any, classes: int, chance: Any) -> Layer:
    """Draws from a generator of its own."""
    return Sequential(Flatten(), Linear(int(np.prod(shape)), classes, np.random.default_rng()))


def mute(shape: Any, classes: int, chance: Any) -> Layer:
    """Gives nothing below 0, and the same for every class."""
    return Sequential(Flatten(), Linear(int(np.prod(shape)), 1, chance), ReLU())


FAULTS: dict[str, tuple[Any, Any]] = {
    "a layer is never asked": (
        check_every_parameter_gets_a_gradient,
        lambda shape, classes, chance: Deaf(int(np.prod(shape)), chance),
    ),
    "one score for all classes": (check_scores_every_class, mute),
    "its own chance": (check_chance_alone_decides_the_weights, forgetful),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(fault: str) -> None:
    law, build = FAULTS[fault]
    with pytest.raises(AssertionError):
        law(SimpleNamespace(build=build, LEARNING_RATE=0.01))


def test_a_net_that_does_not_learn_or_say_how_is_found() -> None:
    settings = {"LEARNING_RATE": 0.0, "WEIGHT_DECAY": 0.0, "EPOCHS": 0, "BATCH_SIZE": 1}
    idle = SimpleNamespace(build=NETS.load("linear").build, __doc__="A net.", **settings)
    with pytest.raises(AssertionError):
        check_learns_eight_pictures_by_heart(idle)
    with pytest.raises(AssertionError):
        check_says_how_it_is_trained(idle)


# What lies between the pixels and the first layer.


def test_pixels_become_numbers_around_zero() -> None:
    x = np.array([[[[0, 255]], [[51, 102]]]], np.uint8)  # 2 channels of 1 × 2
    found = Standardised((0.5, 0.2), (0.25, 0.1))(x).data
    np.testing.assert_allclose(found[0, :, 0], [[-2, 2], [0, 2]], atol=1e-6)
    assert found.dtype == np.float32


def test_a_picture_that_nearly_fits_is_framed_in_the_middle() -> None:
    found = Square(5)(np.ones((1, 1, 3, 4))).data[0, 0]
    expected = np.zeros((5, 5))
    expected[1:4, 0:4] = 1
    np.testing.assert_array_equal(found, expected)


def test_other_pictures_are_resized() -> None:
    assert Square(8)(np.ones((2, 3, 3, 20))).shape == (2, 3, 8, 8)
    assert (Square(8)(np.ones((2, 3, 3, 20))).data == 1).all()


def test_a_frame_makes_whole_patches() -> None:
    found = Framed(4)(np.ones((1, 1, 4, 6))).data[0, 0]
    assert found.shape == (4, 8)
    assert found.sum() == 24
    assert Framed(2)(np.ones((1, 1, 4, 6))).shape == (1, 1, 4, 6)
