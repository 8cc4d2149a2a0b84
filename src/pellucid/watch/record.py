"""`record`: one forward pass, and if asked for a backward pass and a step, call by call."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.optim import Optimizer

from pellucid.base.errors import PellucidError, WrongUse
from pellucid.watch.calls import shapes_of
from pellucid.watch.recorder import Recorder, tensors_in
from pellucid.watch.recording import Recording, Stopped, tensor_names


class RecordingStopped(WrongUse):
    """Something raised half-way; `recording` holds what was recorded until then."""

    recording: Recording


def record(
    module: nn.Module,
    *inputs: Any,
    loss: Callable[[Any], Tensor] | None = None,
    optimiser: Optimizer | None = None,
    **named: Any,
) -> Recording:
    """Run `module(*inputs, **named)` and record every call that PyTorch makes on the way.

    With `loss`, a function of the module's answer that gives a single number, also the backward
    pass; with `optimiser` also its step, which is really made, as in a training loop. The module's
    gradients are cleared first. The mode (train or eval) stays as it is. Not a bit of what is
    computed differs from the same without recording.

    Raises `WrongUse` for inputs that are no tensors or lie on another device than the weights, and
    `RecordingStopped` with what was recorded so far if the module, the loss or the step raises.
    """
    _check(module, inputs, loss, optimiser)
    if loss is not None:
        module.zero_grad()
    recorder = Recorder(_names(module, loss))
    recording = _begun(recorder, module, {**_inputs(inputs), **named}, optimiser)
    try:
        _run(recorder, recording, module, inputs, named, loss, optimiser)
    except Exception as error:
        if isinstance(error, PellucidError):
            raise
        recording.stopped = _stopped(recorder, error)
    recorder.end(
        [*recording.weight_gradients.values(), *recording.updated.values(),
         *recording.state.values()]
    )  # fmt: skip
    recording.__post_init__()
    if recording.stopped:
        raise _told(recording) from recording.stopped.error
    return recording


def _names(module: nn.Module, loss: Any) -> dict[nn.Module, str]:
    """The path of every module; the outermost one is called `network`."""
    names = {part: path or "network" for path, part in module.named_modules()}
    if isinstance(loss, nn.Module):
        names |= {part: f"loss.{path}" if path else "loss" for path, part in loss.named_modules()}
    return names


def _begun(
    recorder: Recorder, module: nn.Module, given: dict[str, Any], optimiser: Optimizer | None
) -> Recording:
    """A recording before its first call: everything that came from outside has its name."""
    weights = dict(module.named_parameters())
    old = _state(optimiser, weights) if optimiser is not None else {}
    keep = recorder.memories
    return Recording(
        recorder.calls,
        keep,
        recorder.answers,
        recorder.gradients,
        tensor_names(given, keep),
        tensor_names({**weights, **dict(module.named_buffers())}, keep),
        state_before=tensor_names({f"old {name}": value for name, value in old.items()}, keep),
        optimiser=type(optimiser).__name__ if optimiser else "",
    )


def _run(
    recorder: Recorder,
    recording: Recording,
    module: nn.Module,
    inputs: tuple[Any, ...],
    named: dict[str, Any],
    loss: Callable[[Any], Tensor] | None,
    optimiser: Optimizer | None,
) -> None:
    with recorder, recorder.hearing():
        answer = module(*inputs, **named)
        if loss is None:
            return
        recorder.module = "loss"
        value = loss(answer)
        _check_loss(value)
        recording.loss = recorder.memories.keep(value)
        recorder.begin_backward()
        value.backward()  # type: ignore[no-untyped-call]
        weights = dict(module.named_parameters())
        recording.weight_gradients = tensor_names(
            {name: weight.grad for name, weight in weights.items()}, recorder.memories
        )
        if optimiser is not None:
            recorder.begin_step()
            optimiser.step()
            recording.updated = tensor_names(weights, recorder.memories)
            recording.state = tensor_names(_state(optimiser, weights), recorder.memories)


def _inputs(inputs: tuple[Any, ...]) -> dict[str, Any]:
    flat = [tensor for entry in inputs for tensor in tensors_in(entry)]
    return {
        "input" if number == 0 else f"input{number}": value for number, value in enumerate(flat)
    }


def _state(optimiser: Optimizer, weights: dict[str, nn.Parameter]) -> dict[str, Any]:
    """What the optimiser remembers, each tensor as `weight.name`."""
    return {
        f"{name}.{key}": value
        for name, weight in weights.items()
        for key, value in optimiser.state.get(weight, {}).items()
    }


def _check(module: Any, inputs: tuple[Any, ...], loss: Any, optimiser: Any) -> None:
    if not isinstance(module, nn.Module):
        raise WrongUse(
            "record",
            f"a {type(module).__name__}",
            "a torch.nn.Module",
            "give the network first, then its inputs",
        )
    _check_weights(module)
    if loss is not None and not callable(loss):
        raise WrongUse(
            "record",
            f"loss={type(loss).__name__}",
            "a function of the network's answer that gives a single number",
            "write loss=lambda output: functional.cross_entropy(output, labels)",
        )
    if optimiser is not None and loss is None:
        raise WrongUse(
            "record",
            "an optimiser without a loss",
            "a loss, as a step needs gradients",
            "give loss= as well",
        )
    if optimiser is not None and _asks_again(optimiser):
        raise WrongUse(
            "record",
            f"{type(optimiser).__name__}, which asks for the loss several times a step",
            "an optimiser that makes one step from one backward pass",
            "record the backward pass alone, or a step of another optimiser such as Adam",
        )
    _check_devices(module, list(tensors_in(list(inputs))))


def _check_weights(module: nn.Module) -> None:
    unshaped = [name for name, weight in module.named_parameters() if is_lazy(weight)]
    if unshaped:
        raise WrongUse(
            "record",
            f"a network whose {unshaped[0]} has no shape yet",
            "weights that are there",
            "call the network once on an example first",
        )


def _check_devices(module: nn.Module, tensors: list[Tensor]) -> None:
    own = {str(weight.device) for weight in module.parameters()}
    for tensor in tensors:
        if own and str(tensor.device) not in own:
            raise WrongUse(
                "record",
                f"an input on {tensor.device}",
                f"one on {' or '.join(sorted(own))}, where the weights are",
                f"write input.to({sorted(own)[0]!r})",
            )


def _asks_again(optimiser: Optimizer) -> bool:
    """Whether its step cannot be made without a closure, as that of LBFGS."""
    closure = inspect.signature(type(optimiser).step).parameters.get("closure")
    return closure is not None and closure.default is inspect.Parameter.empty


def _check_loss(value: Any) -> None:
    if not isinstance(value, Tensor) or value.numel() != 1:
        found = f"a tensor {tuple(value.shape)}" if isinstance(value, Tensor) else repr(type(value))
        raise WrongUse(
            "record",
            f"a loss that is {found}",
            "a tensor with a single number",
            "take the mean or the sum inside the loss",
        )
    if not value.requires_grad:
        raise WrongUse(
            "record",
            "a loss that depends on no weight",
            "one made from the network's answer without no_grad() or detach()",
            "compute it from the answer, with gradients on",
        )


def _stopped(recorder: Recorder, error: Exception) -> Stopped:
    met, module, line = "", recorder.module, None
    if recorder.attempt:
        function, given, module, line = recorder.attempt
        met = shapes_of(function, given)
    elif recorder.stack:
        part, _, got = recorder.stack[-1]
        shapes = " and ".join(str(tuple(tensor.shape)) for tensor in tensors_in(got)) or "no tensor"
        own = ", ".join(
            f"{name} {tuple(w.shape)}" for name, w in part.named_parameters(recurse=False)
        )
        met = f"{type(part).__name__} got {shapes}" + (f", has {own}" if own else "")
    return Stopped(error, met, module, line, recorder.phase)


def _told(recording: Recording) -> RecordingStopped:
    stopped = recording.stopped
    assert stopped is not None
    where = stopped.module or stopped.phase
    if stopped.line:
        where += f" ({stopped.line})"
    text = str(stopped.error).strip().split("\n")[0]
    error = RecordingStopped(
        where,
        f"{type(stopped.error).__name__}: {text}" + (f"; {stopped.met}" if stopped.met else ""),
        f"a {stopped.phase} pass that ends" if stopped.phase != "step" else "a step that ends",
        f"mend this first; {len(recording.calls)} calls before it are recorded",
    )
    error.recording = recording
    return error
