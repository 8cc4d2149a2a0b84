"""How the answers to the questions before a run look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pellucid.cli.output import size, table

if TYPE_CHECKING:
    from rich.console import Console

    from pellucid.doctor.check.checking import Checked, Network
    from pellucid.doctor.check.costs import Cost
    from pellucid.doctor.check.learning import ByHeart, Start
    from pellucid.doctor.check.told import Told

SHOWN = 60
"""Rows of the table; of deeper networks the first are shown and the rest as one."""


def print_checked(people: Console, checked: Checked) -> None:
    """Tables, answers in sentences, findings, and what could not be asked."""
    for network in checked.networks:
        _print_network(people, network)
    said = [*_of_networks(checked), *_of_loss(checked)]
    if said:
        people.print("\n".join(said), markup=False, soft_wrap=True)
    print_told(people, checked.told)


def print_told(people: Console, told: Told) -> None:
    """Findings as the doctor prints them, then remarks."""
    for finding in told.findings:
        heading, *rest = str(finding).split("\n")
        people.print(f"\n{heading}", style="bold", markup=False, soft_wrap=True)
        people.print("\n".join(rest), markup=False, soft_wrap=True)
    if not told.findings:
        people.print("\nNothing was found that speaks against a run.")
    if told.findings and (told.remarks or told.not_asked):
        people.print()
    for remark in told.remarks:
        people.print(f"Note: {remark}", markup=False, soft_wrap=True)
    for reason in told.not_asked:
        people.print(f"Not asked: {reason}.", markup=False, soft_wrap=True)


def _print_network(people: Console, network: Network) -> None:
    asked, rows = network.asked, network.rows
    inputs = " and ".join(times(tuple(one.shape)) for one in asked.inputs) or "nothing"
    people.print(f"{asked.title}, given a batch of {inputs}", markup=False, soft_wrap=True)
    heads = ("Layer", "Kind", "In", "Out", "Parameters", "Multiply-adds", "Activations")
    drawn = table(*heads, right=heads[4:])
    for row in rows[:SHOWN]:
        layer = row.layer
        more = f" ({row.calls} calls)" if row.calls > 1 else ""
        failed = network.walk.failed is not None and network.walk.failed.name == layer.name
        never = "does not fit" if failed else "never called" if not row.calls else "–"
        drawn.add_row(
            (layer.name or "(the network itself)") + more,
            layer.kind,
            "–" if row.given is None else times(row.given),
            never if layer.output is None else times(layer.output),
            f"{layer.parameters:,}",
            "not counted" if layer.multiply_adds is None else f"{layer.multiply_adds:,}",
            size(layer.activation_bytes) if layer.activation_bytes else "–",
        )
    if len(rows) > SHOWN:
        drawn.add_row(f"… {len(rows) - SHOWN} more (see --json)", *[""] * 6)
    walk = network.walk
    least = "at least " if walk.not_counted or not network.whole else ""
    drawn.add_section()
    drawn.add_row(
        "total", "", "", "", f"{walk.parameters:,}", f"{least}{walk.multiply_adds:,}",
        least + size(walk.activation_bytes),
    )  # fmt: skip
    people.print(drawn)


def _of_networks(checked: Checked) -> list[str]:
    said = []
    for network in checked.networks:
        name = f"{network.asked.title}: " if len(checked.networks) > 1 else ""
        frozen = network.walk.parameters - network.trainable
        if network.walk.parameters and frozen > 0:
            said.append(f"{name}{frozen:,} of {network.walk.parameters:,} parameters are frozen.")
        facts = []
        if network.repeatable is not None:
            facts.append(("is" if network.repeatable else "is not") + " repeatable in eval mode")
        if network.samples is not None:
            way = "depends on other examples" if network.samples.mixed else (
                "depends on its own example alone" if network.samples.own else
                "does not depend on its input"
            )  # fmt: skip
            facts.append(way)
        if network.affine is not None:
            facts.append("is affine up to the last weights" if network.affine else "is not affine")
        if facts:
            said.append(f"{name}An answer {', '.join(facts)}.")
    return said


def _of_loss(checked: Checked) -> list[str]:
    said = []
    if checked.without_gradient:
        few = ", ".join(checked.without_gradient[:4])
        more = ", …" if len(checked.without_gradient) > 4 else ""
        count = len(checked.without_gradient)
        said.append(f"Without a gradient: {count} tensors of parameters ({few}{more}).")
    if checked.start is not None:
        said.append(_start(checked.start, checked.loss_said))
    said += [_by_heart(one) for one in checked.by_heart]
    if checked.cost is not None:
        said += _cost(checked.cost)
    return said


def _start(start: Start, kind: str) -> str:
    if start.expected is None:
        return f"The loss begins at {start.loss:.4g} ({kind})."
    entropy = start.cross_entropy
    apart = entropy is not None and abs(entropy - start.loss) > 0.01 * abs(start.loss)
    more = f", its cross entropy at {entropy:.4g} an example" if apart else ""
    return (
        f"The loss begins at {start.loss:.4g}{more}; guessing among {start.classes} classes costs "
        f"ln {start.classes} = {start.expected:.4g} ({kind})."
    )


def _by_heart(one: ByHeart) -> str:
    fell = f"the loss went from {one.first_loss:.3g} to {one.last_loss:.3g}"
    right = "" if one.right is None else f", {one.right} of {one.examples} right"
    steps = "1 step" if one.steps == 1 else f"{one.steps} steps"
    if one.learnt:
        return f"{one.examples} examples are learnt by heart in {steps} ({one.optimiser}; {fell})."
    if one.learnt is None and one.right is None:
        share = f"{one.last_loss / one.first_loss:.1%}" if one.first_loss else "0"
        return (
            f"With {one.examples} examples {fell} in {steps} ({one.optimiser}), to {share} of it."
        )
    if one.learnt is None:
        return (
            f"{one.examples} examples: undecided after {steps} in {one.seconds:.0f} s ({fell}"
            f"{right}); --seconds gives it more time."
        )
    return f"{one.examples} examples are NOT learnt in {steps} ({one.optimiser}; {fell}{right})."


def _cost(cost: Cost) -> list[str]:
    step = (
        f"A step takes about {1000 * cost.seconds:.3g} ms here ({1000 * cost.low:.3g} to "
        f"{1000 * cost.high:.3g}, {cost.steps} measured, batches of {cost.batch_size}), without "
        "loading the data."
    )
    memory = (
        f"Training holds about {size(cost.bytes)}: parameters {size(cost.parameters)} + gradients "
        f"{size(cost.gradients)} + optimiser {size(cost.optimiser)} + activations of a batch "
        f"{size(cost.activations)}; besides PyTorch itself and the data."
    )
    return [step, memory]


def times(shape: tuple[int, ...]) -> str:
    """`3 × 32 × 32`; of a single number `one number`."""
    return " × ".join(map(str, shape)) or "one number"
