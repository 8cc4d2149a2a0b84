"""The laws of a net: whatever file lies in `nets/` is held to all of them."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from types import ModuleType

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import pellucid.nets
from pellucid.base.errors import WrongUse

FOUND = sorted(
    entry.name
    for entry in pkgutil.iter_modules(pellucid.nets.__path__)
    if not entry.name.startswith("_")
)
AUTOENCODERS = [name for name in FOUND if name.startswith("autoencoder")]
CLASSIFIERS = [name for name in FOUND if name not in AUTOENCODERS]
PICTURES = [(1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 64, 64), (1, 105, 105), (2, 20, 33)]
CLASSES, SYMBOLS, LENGTH = 7, 11, 12


def module(name: str) -> ModuleType:
    return importlib.import_module(f"pellucid.nets.{name}")


def build(
    name: str, inputs: tuple[int, ...], symbols: int = 0, **options: int | float
) -> nn.Module:
    torch.manual_seed(0)
    built: nn.Module = module(name).build(inputs, symbols or CLASSES, symbols, **options)
    return built


def reads_symbols(name: str) -> bool:
    try:
        build(name, (LENGTH,), SYMBOLS)
    except WrongUse:
        return False
    return True


READ_SYMBOLS = [name for name in FOUND if reads_symbols(name)]
VARIANTS: list[tuple[str, tuple[int, ...], int, dict[str, int | float]]] = [
    *((name, (1, 8, 8), 0, {}) for name in FOUND),
    *((name, (1, 28, 28), 0, {}) for name in FOUND),
    *((name, (LENGTH,), SYMBOLS, {}) for name in READ_SYMBOLS),
    ("autoencoder_conv", (1, 28, 28), 0, {"bottleneck": 0}),
]
every_variant = pytest.mark.parametrize(("name", "inputs", "symbols", "options"), VARIANTS)


def examples(inputs: tuple[int, ...], symbols: int, count: int = 8) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    if symbols:
        return torch.randint(symbols, (count, *inputs), generator=generator)
    return torch.rand(count, *inputs, generator=generator)


def loss_on(net: nn.Module, name: str, x: Tensor, symbols: int) -> Tensor:
    """Cross entropy; for autoencoders the mean squared error against their own input."""
    out = net(x)
    if name in AUTOENCODERS:
        return functional.mse_loss(out, x)
    if symbols:
        return functional.cross_entropy(out.flatten(0, 1), x.roll(-1, dims=1).flatten())
    return functional.cross_entropy(out, torch.arange(len(x)) % CLASSES)


# The laws. Each is a function of one net, so that the planted faults below can be put to it.


def every_parameter_gets_a_gradient(net: nn.Module, loss: Tensor) -> None:
    loss.backward()
    for parameter_name, parameter in net.named_parameters():
        assert parameter.grad is not None, f"{parameter_name} has no gradient"
        assert parameter.grad.abs().sum() > 0, f"{parameter_name} has a gradient of zero"


def examples_do_not_meet(net: nn.Module, x: Tensor) -> None:
    net.eval()
    with torch.no_grad():
        alone, together = net(x[:1]), net(x)[:1]
    torch.testing.assert_close(alone, together, rtol=1e-4, atol=1e-5)


def the_future_is_not_seen(net: nn.Module, x: Tensor, symbols: int) -> None:
    net.eval()
    changed = x.clone()
    changed[:, LENGTH // 2] = (x[:, LENGTH // 2] + 1) % symbols
    with torch.no_grad():
        before, after = net(x), net(changed)
    torch.testing.assert_close(
        before[:, : LENGTH // 2], after[:, : LENGTH // 2], rtol=1e-4, atol=1e-5
    )
    assert not torch.allclose(before[:, LENGTH // 2], after[:, LENGTH // 2])


def eight_examples_are_learnt(
    net: nn.Module, loss_of: Callable[[], Tensor], goal: float, steps: int = 150
) -> None:
    optimiser = torch.optim.Adam(net.parameters(), lr=5e-3)
    for _ in range(steps):
        loss = loss_of()
        if loss.item() < goal:
            return
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    pytest.fail(f"after {steps} steps the loss is {loss.item():.4f}, not below {goal}")


# The laws on every net in the folder.


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.mark.parametrize("inputs", PICTURES)
@pytest.mark.parametrize("name", FOUND)
def test_pictures_give_one_score_for_each_class(name: str, inputs: tuple[int, ...]) -> None:
    out = build(name, inputs)(examples(inputs, 0, count=2))
    assert out.shape == ((2, *inputs) if name in AUTOENCODERS else (2, CLASSES))


@pytest.mark.parametrize("length", [1, 5, LENGTH])
@pytest.mark.parametrize("name", READ_SYMBOLS)
def test_symbols_give_scores_at_each_place_also_for_shorter_rows(name: str, length: int) -> None:
    net = build(name, (LENGTH,), SYMBOLS)
    assert net(examples((length,), SYMBOLS, count=2)).shape == (2, length, SYMBOLS)


@every_variant
def test_no_parameter_is_without_gradient(
    name: str, inputs: tuple[int, ...], symbols: int, options: dict[str, int | float]
) -> None:
    net = build(name, inputs, symbols, **options)
    every_parameter_gets_a_gradient(net, loss_on(net, name, examples(inputs, symbols), symbols))


@every_variant
def test_one_example_does_not_depend_on_the_others(
    name: str, inputs: tuple[int, ...], symbols: int, options: dict[str, int | float]
) -> None:
    net = build(name, inputs, symbols, **options)
    x = examples(inputs, symbols)
    net(x)  # one step of training mode, so that the batch norms know more than their start
    examples_do_not_meet(net, x)


@every_variant
def test_eight_examples_are_learnt_by_heart(
    name: str, inputs: tuple[int, ...], symbols: int, options: dict[str, int | float]
) -> None:
    if "dropout" in inspect.signature(module(name).build).parameters:
        options = {**options, "dropout": 0.0}  # by heart: nothing may be hidden from it
    net = build(name, inputs, symbols, **options)
    x = examples(inputs, symbols)
    with torch.no_grad():
        start = loss_on(net, name, x, symbols).item()
    goal = start / 2 if name in AUTOENCODERS or symbols else 0.1
    eight_examples_are_learnt(net, lambda: loss_on(net, name, x, symbols), goal)


@pytest.mark.parametrize("name", READ_SYMBOLS)
def test_a_later_symbol_changes_no_earlier_score(name: str) -> None:
    the_future_is_not_seen(build(name, (LENGTH,), SYMBOLS), examples((LENGTH,), SYMBOLS), SYMBOLS)


@pytest.mark.parametrize("name", FOUND)
def test_the_same_seed_builds_the_same_weights(name: str) -> None:
    first, second = build(name, (1, 8, 8)).state_dict(), build(name, (1, 8, 8)).state_dict()
    assert all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize("name", FOUND)
def test_the_docstring_says_what_it_is_which_shapes_and_where_from(name: str) -> None:
    docstring = module(name).__doc__ or ""
    first, blank = docstring.split("\n")[:2]
    assert first.endswith(".")
    assert 20 <= len(first) <= 90
    assert blank == ""
    assert "\nShapes:" in docstring
    assert "\nSource:" in docstring
    assert module(name).build.__doc__


@pytest.mark.parametrize("name", FOUND)
def test_build_is_the_only_public_function(name: str) -> None:
    loaded = module(name)
    exported = [
        key
        for key, value in vars(loaded).items()
        if callable(value) and getattr(value, "__module__", "") == loaded.__name__
        if not key.startswith("_") and not isinstance(value, type)
    ]
    assert exported == ["build"]


@pytest.mark.parametrize("name", [name for name in FOUND if name not in READ_SYMBOLS])
def test_a_net_for_pictures_says_so_when_given_symbols(name: str) -> None:
    with pytest.raises(WrongUse, match="recurrent or transformer"):
        build(name, (LENGTH,), SYMBOLS)


@pytest.mark.parametrize("inputs", [(28, 28), (1, 0, 28), ()])
@pytest.mark.parametrize("name", FOUND)
def test_a_shape_that_is_no_picture_is_refused(name: str, inputs: tuple[int, ...]) -> None:
    with pytest.raises(WrongUse, match=f"nets.{name}"):
        build(name, inputs)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_one_class_is_refused(name: str) -> None:
    with pytest.raises(WrongUse, match="outputs=1"):
        module(name).build((1, 8, 8), 1)


def test_a_row_longer_than_the_transformer_was_built_for_is_refused() -> None:
    with pytest.raises(WrongUse, match=f"at most {LENGTH}"):
        build("transformer", (LENGTH,), SYMBOLS)(examples((LENGTH + 1,), SYMBOLS))


# Planted faults: each law must be able to fail.


class Faulty(nn.Module):
    """A working net for symbols, with one fault of choice."""

    def __init__(self, fault: str) -> None:
        super().__init__()
        self.fault = fault
        self.meaning = nn.Embedding(SYMBOLS, SYMBOLS)
        if fault == "unused":
            self.unused = nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.meaning(x)
        if self.fault == "sees the future":
            return scores + scores.flip(1).cumsum(1).flip(1)
        if self.fault == "mixes the batch":
            return scores - scores.mean(dim=0)
        return scores


def test_the_law_of_gradients_finds_an_unused_parameter() -> None:
    net, x = Faulty("unused"), examples((LENGTH,), SYMBOLS)
    with pytest.raises(AssertionError, match=r"unused\.weight has no gradient"):
        every_parameter_gets_a_gradient(net, loss_on(net, "faulty", x, SYMBOLS))


def test_the_law_of_independence_finds_a_net_that_mixes_the_batch() -> None:
    with pytest.raises(AssertionError, match="not close"):
        examples_do_not_meet(Faulty("mixes the batch"), examples((LENGTH,), SYMBOLS))


def test_the_law_of_causality_finds_a_net_that_sees_the_future() -> None:
    with pytest.raises(AssertionError, match="not close"):
        the_future_is_not_seen(Faulty("sees the future"), examples((LENGTH,), SYMBOLS), SYMBOLS)


def test_the_law_of_learning_finds_a_net_that_does_not_learn() -> None:
    x = examples((LENGTH,), SYMBOLS)
    net = Faulty("none")
    with pytest.raises(pytest.fail.Exception, match="not below"):
        eight_examples_are_learnt(
            net, lambda: loss_on(net, "faulty", x, SYMBOLS) * 0 + 1, goal=0.1, steps=3
        )


def test_a_healthy_net_passes_the_laws() -> None:
    net, x = Faulty("none"), examples((LENGTH,), SYMBOLS)
    every_parameter_gets_a_gradient(net, loss_on(net, "faulty", x, SYMBOLS))
    examples_do_not_meet(net, x)
    the_future_is_not_seen(net, x, SYMBOLS)
