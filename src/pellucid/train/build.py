"""A network by name, by `module:factory`, or as it is given, checked against data and task."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pellucid.base.catalog import Catalog
from pellucid.base.errors import PellucidError, WrongUse, near_misses, unknown_name
from pellucid.base.modules import import_users_module
from pellucid.train.recipe import Setting
from pellucid.train.settings import parameters, typed
from pellucid.train.task import Task

NETS = Catalog("net", "nets")


def build(net: str, task: Task, options: dict[str, Setting]) -> nn.Module:
    """The network `net` (a name of the catalog, or `module:factory`) for the task's data.

    Of `options` it gets those that its factory names. Raises `WrongUse` if there is no such
    network, if the factory raises or returns no module, or if the output does not fit.
    """
    factory = find_factory(net)
    known = accepted_settings(net)
    chosen = {name: value for name, value in options.items() if name in known}
    offered = {**task.build_arguments(), **typed(factory, chosen)}
    network = _made(
        net,
        lambda: factory(**_taken(factory, offered)),
        "a factory that returns a torch.nn.Module",
        "call it by itself in Python to see where it fails",
    )
    check_fit(network, task, net)
    return network


def find_factory(net: str) -> Callable[..., Any]:
    """The function or class that makes the network `net`."""
    if ":" not in net:
        if net not in NETS.names():
            raise _no_such_net(net)
        factory: Callable[..., Any] = NETS.load(net).build
        return factory
    module_name, _, name = net.partition(":")
    module = import_users_module(module_name, f"network {net}")
    if not hasattr(module, name):
        makers = (one for one, value in vars(module).items() if callable(value))
        close = near_misses(name, (one for one in makers if not one.startswith("_")))
        raise WrongUse(
            f"network {net}",
            f"no {name} in {module.__name__}",
            "the name of a function or class that returns a torch.nn.Module",
            f"did you mean {module.__name__}:{close[0]}?" if close else f"define {name}",
        )
    found: Callable[..., Any] = getattr(module, name)
    if not callable(found):
        raise WrongUse(
            f"network {net}",
            f"{name} is a {type(found).__name__}, which cannot be called",
            "a function or class that returns a torch.nn.Module",
            f"write def {name}_factory(): return {name}",
        )
    return found


def _no_such_net(net: str) -> WrongUse:
    error = unknown_name("net", net, NETS.names())
    fix = error.fix
    if Path(net).is_file() or Path(f"{net}.py").is_file():
        fix = f"add the function or class that makes the network: {net}:NAME"
    return WrongUse(error.where, error.found, error.expected + ", or module:factory", fix)


def accepted_settings(net: str) -> list[str]:
    """The options of a network by name: its factory's named arguments beyond the shapes."""
    known = parameters(find_factory(net))
    return [name for name in known if name not in ("inputs", "outputs", "symbols")]


def _taken(factory: Callable[..., Any], offered: dict[str, Any]) -> dict[str, Any]:
    """Those of the offered arguments that the factory takes."""
    known = parameters(factory)
    if any(entry.kind is inspect.Parameter.VAR_KEYWORD for entry in known.values()):
        return offered
    return {name: value for name, value in offered.items() if name in known}


def example_inputs(task: Task, count: int = 2) -> Tensor:
    """Made-up inputs of the right shape and kind, for trying a network out."""
    if task.kind == "symbols":
        return torch.zeros(count, *task.shape, dtype=torch.int64)
    pictures = torch.randint(
        256, (count, *task.shape), generator=torch.Generator().manual_seed(0)
    ).to(torch.uint8)
    return task.prepare(pictures)


def check_fit(network: nn.Module, task: Task, name: str) -> None:
    """Try the network on two made-up examples; say which layer to change if it does not fit."""
    inputs = example_inputs(task)
    first = next(network.parameters(), None)
    was_training = network.training
    entered: list[tuple[str, nn.Module, tuple[int, ...]]] = []

    def note(label: str) -> Callable[[nn.Module, tuple[Any, ...]], None]:
        def hook(module: nn.Module, given: tuple[Any, ...]) -> None:
            shape = tuple(given[0].shape) if given and isinstance(given[0], Tensor) else ()
            entered.append((label, module, shape))

        return hook

    leaves = [(label, part) for label, part in network.named_modules() if not list(part.children())]
    hooks = [part.register_forward_pre_hook(note(label)) for label, part in leaves]
    try:
        with torch.no_grad():
            output = network.eval()(inputs.to(first.device if first is not None else "cpu"))
    except PellucidError:
        raise
    except Exception as error:
        raise _forward_failed(name, entered, tuple(inputs.shape), error) from error
    finally:
        for hook in hooks:
            hook.remove()
        network.train(was_training)
    expected = (len(inputs), *task.output_shape())
    if not isinstance(output, Tensor) or tuple(output.shape) != expected:
        raise _output_misfit(name, network, output, expected, task)


def _forward_failed(
    name: str,
    entered: list[tuple[str, nn.Module, tuple[int, ...]]],
    shape: tuple[int, ...],
    error: Exception,
) -> WrongUse:
    if not entered:
        return WrongUse(
            f"network {name}",
            f"{type(error).__name__} in forward with inputs {shape}: {error}",
            "a forward pass that takes these inputs",
            "make the network's first layer fit the data (see: pellucid data show)",
        )
    label, module, given = entered[-1]
    label = label or "the network itself"
    return WrongUse(
        f"network {name}, layer {label} ({type(module).__name__})",
        f"{_wants(module)}given an input {given}",
        "sizes that fit",
        _size_to_change(module, given, label) or f"look at what comes before {label}: {error}",
    )


def _wants(module: nn.Module) -> str:
    for size in ("in_features", "in_channels", "num_features"):
        if hasattr(module, size):
            return f"{size} {getattr(module, size)}, "
    return ""


def _size_to_change(module: nn.Module, given: tuple[int, ...], label: str) -> str:
    if isinstance(module, nn.Linear) and given:
        return f"set in_features of layer {label} to {given[-1]}"
    if isinstance(module, nn.Conv2d) and len(given) == 4:
        return f"set in_channels of layer {label} to {given[1]}"
    if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) and len(given) > 1:
        return f"set num_features of layer {label} to {given[1]}"
    return ""


def _last_layer(network: nn.Module, width: int) -> list[tuple[str, str]]:
    """The last layer that gives `width` numbers and what it calls that size; none if none does."""
    sizes = [
        (label, size)
        for label, part in network.named_modules()
        for size in ("out_features", "out_channels")
        if label and getattr(part, size, None) == width
    ]
    return sizes[-1:]


def _output_misfit(
    name: str, network: nn.Module, output: Any, expected: tuple[int, ...], task: Task
) -> WrongUse:
    found = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
    fix = f"let forward return one tensor of shape (batch, {', '.join(map(str, expected[1:]))})"
    if name in NETS.names():
        fix = f"choose a network for the task {task.name} (see: pellucid nets list)"
    elif isinstance(output, Tensor) and output.ndim == 2 and len(expected) == 2:
        width = output.shape[1]
        for label, size in _last_layer(network, width):
            fix = f"set {size} of layer {label} to {expected[1]}, not {width}"
    return WrongUse(
        f"network {name}",
        f"an output {found} for {expected[0]} examples",
        f"{expected}, for {len(task.classes)} classes" if len(expected) == 2 else str(expected),
        fix,
    )


def check_learns(network: nn.Module, task: Task, name: str) -> None:
    """Refuse a network whose answer depends on no weight that can be trained."""
    first = next(network.parameters(), None)
    inputs = example_inputs(task).to(first.device if first is not None else "cpu")
    was_training = network.training
    with torch.enable_grad():
        output = network.eval()(inputs)
    network.train(was_training)
    if not output.requires_grad:
        raise WrongUse(
            f"network {name}",
            "an output that depends on no weight that can be trained",
            "a path from every weight to the output",
            "look for .detach(), .data, no_grad, requires_grad=False or NumPy in its forward",
        )


def network_of_factory(target: str) -> nn.Module:
    """What a factory of the user's makes that asks for nothing.

    Raises `WrongUse` for a factory that fails, or that returns no module.
    """
    return _made(
        target,
        lambda: find_factory(target)(),
        "one that can be called without arguments and returns a torch.nn.Module",
        "write a function that makes the network as you want it",
    )


def _made(target: str, make: Callable[[], Any], expected: str, fix: str) -> nn.Module:
    """What a user's factory makes; `expected` and `fix` are said of one that fails."""
    try:
        network = make()
    except PellucidError:
        raise
    except Exception as error:
        raise WrongUse(
            f"network {target}",
            f"a factory that raised {type(error).__name__}: {error}",
            expected,
            fix,
        ) from error
    if not isinstance(network, nn.Module):
        raise WrongUse(
            f"network {target}",
            f"a factory that returned {type(network).__name__}",
            "a torch.nn.Module",
            "return the network itself from the factory",
        )
    return network
