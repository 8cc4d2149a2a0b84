"""Follows any PyTorch training through its hooks, and changes nothing."""

from __future__ import annotations

import dataclasses
import functools
import math
import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.compiler import is_compiling
from torch.nn import functional
from torch.optim import Optimizer
from torch.optim import optimizer as optimizer_hooks
from torch.utils.data import DataLoader

from pellucid.watch.brief import Brief
from pellucid.watch.captured import BEGINNING, Batch, Captured, Held, chance
from pellucid.watch.exchanged import exchanged, true_places
from pellucid.watch.graph import makers
from pellucid.watch.lines import Steady
from pellucid.watch.listener import Listener
from pellucid.watch.loaders import Loaders
from pellucid.watch.losses import Losses
from pellucid.watch.meetings import Meetings
from pellucid.watch.networks import CallsOfDropout, Networks, is_alone, plain
from pellucid.watch.printed import Figures
from pellucid.watch.program import version_of
from pellucid.watch.recorder import tensors_in
from pellucid.watch.replay import first_not_finite, repeat
from pellucid.watch.rows import Learnt
from pellucid.watch.tape import Tape
from pellucid.watch.trace import NotFinite, Pass, Trace
from pellucid.watch.updates import Updates

MOST = 50_000
"""Passes that are noted; what comes later is not watched, and said not to be."""


class Follower:
    """Writes what happens between `with follower.watching():` and its end into `trace`.

    What a probe needs to do steps again is kept in `captured`.
    """

    def __init__(self, on_step: Callable[[Trace], None] = lambda trace: None) -> None:
        self.trace = Trace()
        self.captured = Captured()
        self.stack: list[tuple[nn.Module, Any]] = []
        self.before: tuple[int, ...] = ()
        """The shape that the module before answered with more than one axis an example."""
        self.most_steps = math.inf
        """Steps after which nothing is watched any more."""
        self._on_step = on_step
        self._losses = Losses(self.trace, self._listens, self._safely)
        self._figures = Figures(self.trace, self._listens, self._safely)
        self._loaders = Loaders(self.trace.loaders, self._safely)
        owners: dict[int, str] = {}
        self._networks = Networks(self.trace.models, owners)
        self._updates = Updates(self.trace, self._networks, owners)
        self._hooks = ExitStack()
        self._calls_of_dropout = CallsOfDropout(self.stack)
        self._lines: defaultdict[Any, Steady] = defaultdict(Steady)
        self._learnt_from: defaultdict[int, Learnt] = defaultdict(Learnt)
        self._brief = Brief(self.trace, self._updates, self._losses, self._learnt_from)
        self._pending: tuple[int, list[float]] = (0, [])
        self._last: tuple[nn.Module, tuple[Any, ...]] | None = None
        self._listener: Listener | None = None
        self._lingering: Listener | None = None
        """One that hears nothing any more, and could not be taken away yet."""
        self._heard_for: Held | None = None
        self._tape = Tape()
        self._batch: tuple[Batch, tuple[int, ...]] | None = None
        """The newest pass that may be learnt from, with its first answer's shape."""
        self._chance: Tensor | None = None
        self._asking = False
        """While a question is put to a network: its passes are not the script's."""
        self._has_ended = False

    @property
    def step(self) -> int:
        return len(self.trace.steps)

    def _is_over(self) -> bool:
        seen = self.trace
        return bool(
            self._has_ended
            or len(seen.passes) >= MOST
            or len(seen.steps) >= self.most_steps
            or seen.stumbled
        )

    def _listens(self) -> bool:
        return not self._asking and not self._is_over()

    def _safely(self, method: Callable[..., None]) -> Callable[..., None]:
        """A mistake of ours must not end a training of the user's: it ends the watching."""

        @functools.wraps(method)
        def careful(*args: Any, **named: Any) -> None:
            if is_compiling():
                return  # the compiler follows every call, and would compile what we do
            try:
                method(*args, **named)
            except Exception as error:
                if os.environ.get("PELLUCID_DEBUG", "") not in ("", "0"):
                    raise
                self._asking = self._brief.is_on = False
                said = f"{type(error).__name__}: {error}".split("\n")[0]
                self.trace.stumbled = f"step {self.step}, where the doctor stumbled ({said})"

        return careful

    @contextmanager
    def watching(self) -> Iterator[Follower]:
        """Watch everything that happens inside the block, in this thread or others."""
        hear = self._safely
        with self._hooks as hooks:
            step_hook = hear(self._before_step)
            hooks.callback(optimizer_hooks.register_optimizer_step_pre_hook(step_hook).remove)
            for owner, name, wrap in (
                (nn.Module, "__call__", self._wrapped_call),
                (torch.autograd, "backward", self._wrapped_backward),
                (DataLoader, "__iter__", self._loaders.wrapped),
                (torch.nn.utils, "clip_grad_norm_", self._wrapped_clip),
                (functional, "dropout", self._calls_of_dropout.wrapped),
            ):
                hooks.enter_context(exchanged(owner, name, wrap))
            hooks.enter_context(true_places())
            hooks.enter_context(self._losses.watching())
            hooks.enter_context(self._figures.watching())
            hooks.callback(hear(self._stop_listening))
            self._has_ended = False
            try:
                yield self
            finally:
                hear(self._brief.end)()
                self._has_ended = True

    def _wrapped_call(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Every module's call. With hooks of PyTorch's for all modules instead, each call would go
        a way that takes far longer."""
        stack, took_part = self.stack, self._updates.took_part
        enter, leave = self._safely(self._enter), self._safely(self._leave)

        @functools.wraps(function)
        def watched(module: nn.Module, /, *given: Any, **named: Any) -> Any:
            if is_compiling() or self._asking:
                return function(module, *given, **named)
            if stack and stack[0][0] is module:
                stack.clear()  # it raised before, which was caught: it was never left
            if not stack:
                enter(module, given, named)
                answer = function(module, *given, **named)
                leave(module, given, named, answer)
                return answer
            stack.append((module, given))
            took_part.add(id(module))
            answer = function(module, *given, **named)
            if len(stack) > 1 and stack[-1][0] is module:
                stack.pop()
                if not isinstance(answer, Tensor):
                    self._note_shape(answer)
                elif answer.ndim > 2:
                    self.before = answer.shape
            else:
                leave(module, given, named, answer)
            return answer

        return watched

    def _enter(self, module: nn.Module, given: Any, named: Any) -> None:
        if self._brief.is_of(module, given, named):
            pass
        elif self._networks.is_one(module):
            self._brief.end()
            if self._is_over():
                self._hooks.close()
                return
            self._expect_a_pass(module)
        self.stack.append((module, given))
        self._updates.took_part.add(id(module))

    def _expect_a_pass(self, network: nn.Module) -> None:
        self._stop_listening()
        self._calls_of_dropout.clear()
        self._chance = chance() if self.captured.wants(self.step) else None
        if self._chance is not None and torch.is_grad_enabled():
            self.captured.note_pass(plain(network))

    def _leave(self, module: nn.Module, given: Any, named: Any, answer: Any) -> None:
        if self._asking or not self.stack:
            return
        while self.stack and self.stack.pop()[0] is not module:
            pass  # a module that raised, and whose error was caught, was never left
        self._note_shape(answer)
        if self.stack:
            return
        if self._brief.is_of(module, given, named):
            self._pending = self._brief.note_pass(given[0])
            self._last = (module, given)
        elif self._networks.is_one(module):
            self._note_pass(module, given, named, answer)

    def _note_shape(self, answer: Any) -> None:
        first = answer if isinstance(answer, Tensor) else next(tensors_in(answer), None)
        if first is not None and first.ndim > 2:
            self.before = tuple(first.shape)

    def _note_pass(self, module: nn.Module, given: Any, named: Any, answer: Any) -> None:
        network = self._networks.called(module)
        model = network.number
        self._calls_of_dropout.describe(self.trace.models[model], network)
        first = given[0] if len(given) == 1 and not named else None
        whole = [first] if isinstance(first, Tensor) else tensors_in((given, named))
        tensors = [tensor for tensor in whole if tensor.ndim]
        with_graph = torch.is_grad_enabled() and not torch.is_inference_mode_enabled()
        batch = self._learnt_from[model].look(tensors, with_graph)
        found = Pass(
            model=model,
            step=self.step,
            training=module.training,
            dropping=network.dropping() + self._calls_of_dropout.on,
            norming=network.norming(),
            with_graph=with_graph,
            examples=batch.examples,
            line=self._lines[model, module.training, with_graph].line(),
            known=batch.known,
            repeated=batch.repeated,
            loader=self._loaders.source(batch.examples),
            as_loaded=self._loaders.gave(tensors),
        )
        self.trace.passes.append(found)
        if with_graph:
            self._pending = (model, batch.marks)
            self._last = (module, tuple(given))
            self._brief.note_like(module, first, found)
        else:
            self._look_at_evaluation(module, given, found)
        answers = [answer] if isinstance(answer, Tensor) else list(tensors_in(answer))
        for tensor in answers:
            self._losses.answers.add(tensor, model)
        facts = self.trace.models[model]
        if with_graph and answers and not facts.answers:
            facts.ends_in, facts.answers = makers(answers[0]), tuple(answers[0].shape)
            numbers = answers[0].detach().reshape(-1)
            facts.answers_alike = bool((numbers == numbers[:1]).all())
        self._listen(module, given, named, answers, found)

    def _listen(
        self, module: nn.Module, given: Any, named: Any, answers: list[Tensor], facts: Pass
    ) -> None:
        """Hear what becomes of an answer, and keep its batch."""
        learning = facts.with_graph
        self._heard_for = None
        if not answers or (learning and self._chance is None):
            return
        if not learning:
            target = self._loaders.target(len(answers[0]) if answers[0].ndim else 0)
            self._losses.target = None
            self._heard_for = Held(self.step, given, named, target, module.training, facts)
            self.captured.held.append(self._heard_for)
        elif answers[0].requires_grad or len(answers) > 1:
            self._note_for_a_loss(plain(module), given, named, answers)
        self._listener = Listener(answers)
        self._listener.listen()

    def _note_for_a_loss(
        self, network: nn.Module, given: Any, named: Any, answers: list[Tensor]
    ) -> None:
        assert self._chance is not None
        self._tape.add_pass(network, given, named, answers, self._chance)
        versions = tuple(version_of(tensor) for tensor in tensors_in((given, named)))
        batch = Batch(
            self.step, given, named, versions, self._chance, None, math.nan, network.training
        )
        self._batch = batch, tuple(answers[0].shape)

    def _stop_listening(self) -> None:
        """Write down what was heard since the last answer."""
        listener, held = self._listener, self._heard_for
        self._listener = self._heard_for = None
        if self._lingering is not None and self._lingering.stop():
            self._lingering = None
        if listener is None:
            return
        if not listener.stop():
            self._lingering = listener
        if self._chance is not None:
            self._tape.add(listener.calls)
        met = Meetings(listener, self.trace, self.trace.passes[-1].model, held is None)
        if held is not None:
            partner = self._losses.target if met.partner is None else met.partner
            held.settle(None if met.is_reckoned else partner)

    def _keep(self, loss: Tensor) -> None:
        """Keep the batch that is about to be learnt from."""
        if self._batch is None or self._chance is None:
            return
        (batch, shape), kept = self._batch, self.captured
        batch.program = self._tape.program(loss)
        if batch.program is None and self.step >= BEGINNING:
            pass  # it began before this step, when nothing was written down
        elif not is_alone():
            kept.why_not = "several processes train one network"
        elif batch.program is None:
            kept.why_not = "the loss depends on what was not heard"
        elif batch.program.sampled:
            kept.why_not = "it learns from what its own answers led to"
        elif any(constant.tensor.grad_fn for constant in batch.program.constants()):
            kept.why_not = "the networks are only a part of what is trained"
        else:
            batch.loss = float(loss.detach().sum())
            kept.model = kept.model if kept.networks else self._pending[0]
            known = (constant.tensor for constant in batch.program.constants())
            answers = frozenset(id(t) for t in known if self._losses.answers.get(t) is not None)
            kept.keep(dataclasses.replace(batch, step=self.step, answers=answers), shape)

    def _look_at_evaluation(self, module: nn.Module, given: Any, found: Pass) -> None:
        """Put one batch to a copy again: in eval mode, and where an evaluation drops or uses the
        batch's norms."""
        mode = (found.model, found.training)
        asked = any((entry.model, entry.training) == mode for entry in self.trace.repeated)
        noisy = bool(found.dropping or found.norming) if found.training else True
        if noisy and self.step and not asked and is_alone():
            self._asking = True
            repeated = repeat(module, given, found.model)
            self._asking = False
            if repeated is not None:
                self.trace.repeated.append(repeated)

    def _wrapped_backward(self, function: Callable[..., Any]) -> Callable[..., Any]:
        note = self._safely(self._note_backward)

        @functools.wraps(function)
        def watched(tensors: Any, *args: Any, **named: Any) -> Any:
            loss = tensors if isinstance(tensors, Tensor) else next(tensors_in(tensors), None)
            if loss is not None and self._listens():
                note(loss)
            return function(tensors, *args, **named)

        return watched

    def _wrapped_clip(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def watched(parameters: Any, max_norm: float, *args: Any, **named: Any) -> Any:
            self.captured.clipped = float(max_norm)
            return function(parameters, max_norm, *args, **named)

        return watched

    def _note_backward(self, loss: Tensor) -> None:
        self.stack.clear()
        if not self._brief.note_backward(loss):
            if not self._brief.is_on:
                self._stop_listening()
                self._keep(loss)
            self._updates.note_backward(loss)
        model, marks = self._pending
        if marks:
            learnt = self._learnt_from[model]
            learnt.add(marks)
            self.trace.models[model].learnt_from = len(learnt.marks)
            self._pending = (model, [])
        found = self.trace.backwards[-1]
        if not math.isfinite(found.loss) and self.trace.not_finite is None:
            self._asking = True
            where, what = self._first_not_finite()
            self._asking = False
            self.trace.not_finite = NotFinite(self.step, where, what, found.line)

    def _first_not_finite(self) -> tuple[str, str]:
        if self._last is None or not is_alone():
            return "", "the loss"
        return first_not_finite((plain(self._last[0]), self._last[1]))

    def _before_step(self, optimiser: Optimizer, _args: Any, _named: Any) -> None:
        is_noted = self._brief.note_step(optimiser)
        if self._brief.is_on or not self._listens():
            return
        if not is_noted:
            self._note_step(optimiser)
        if self._listener is None and self._lingering is None:
            self._brief.begin(self.captured.wants, self.most_steps)
        self._on_step(self.trace)

    def _note_step(self, optimiser: Optimizer) -> None:
        self._stop_listening()
        found = self._updates.note_step(optimiser)
        kept, which = self.captured, self._updates.optimisers.index(optimiser)
        if kept.wants(found.number):
            kept.rates[found.number] = found.rates
            kept.note_step(found.number, optimiser, which)
        self._tape.note_step(which)
