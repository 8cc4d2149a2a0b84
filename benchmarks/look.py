"""The figures of `pellucid look`: the planted tag, and attributions beside Captum's.

Usage: python benchmarks/look.py
"""

from __future__ import annotations

import importlib
import time
from dataclasses import replace

import results_page
import torch
from torch import Tensor, nn

from pellucid.inside import planted
from pellucid.inside.attribution import DoesNotApply, Question, attribute, within_reach
from pellucid.inside.points import CONVOLUTIONS, points_of

SEEDS = range(5)
TRIALS = 200
NETS = (("linear", 28, 1), ("dense", 28, 1), ("lenet", 28, 1), ("convnet", 28, 1),
        ("resnet_small", 32, 3))  # fmt: skip
GOAL = {"integrated-gradients": "≥ 90 %", "occlusion": "≥ 90 %", "edges": "not 90 %",
        "random-order": "not 90 %"}  # fmt: skip


def tag() -> str:
    """A row a method: the share of its map on the tag, network by network."""
    shares: dict[str, list[float]] = {}
    for seed in SEEDS:
        for name, found in planted.masses(seed, TRIALS).items():
            shares.setdefault(name, []).append(found["mass"])
        print("planted tag, seed", seed, flush=True)
    rows = []
    for name, each in sorted(shares.items(), key=lambda pair: -sum(pair[1])):
        mean = sum(each) / len(each)
        listed = ", ".join(f"{100 * one:.1f}" for one in each)
        rows.append([f"`{name}`", GOAL.get(name, "–"), f"**{100 * mean:.1f} %**", listed])
    return results_page.table(["method", "goal", "share of the map on the tag", "each seed"], rows)


def accuracy() -> str:
    """How well the five networks read the tag."""
    right = []
    for seed in SEEDS:
        pictures, labels, _ = planted.draw(1000, torch.Generator().manual_seed(seed))
        right.append(
            float((planted.trained(seed)(pictures).argmax(dim=1) == labels).double().mean())
        )
    return f"The worst of them reads {100 * min(right):.1f} % of 1,000 new pictures correctly."


def question(name: str, side: int, channels: int) -> Question:
    """A network of ours with random weights, norms that are not trivial, and a random picture."""
    torch.manual_seed(1)
    network = importlib.import_module(f"pellucid.nets.{name}").build((channels, side, side), 10)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    network.eval()
    picture = torch.rand(1, channels, side, side)
    modules = dict(network.named_modules())
    with torch.no_grad():
        points = points_of(network, picture)
    convolutions = [one for one in points if isinstance(modules[one.name], CONVOLUTIONS)]
    large = [one.read for one in convolutions if min(one.rows, one.columns) >= 4]
    black = torch.full((channels, side, side), -0.4)
    return Question(network, picture, black, target=3, point=large[-1] if large else None)


def theirs(name: str, asked: Question, steps: int) -> Tensor:
    """Captum's answer to the same question."""
    import captum.attr as captum

    network, picture, black = asked.network, asked.picture.clone(), asked.black[None]
    if name == "gradient":
        return captum.Saliency(network).attribute(picture, target=asked.target, abs=False)[0]
    if name == "input-times-gradient":
        return captum.InputXGradient(network).attribute(picture, target=asked.target)[0]
    if name == "integrated-gradients":
        method = captum.IntegratedGradients(network)
        return method.attribute(picture, black, target=asked.target, n_steps=steps)[0]
    if name == "occlusion":
        window = (picture.shape[1], 1, 1)
        found = captum.Occlusion(network).attribute(
            picture, window, baselines=black, target=asked.target
        )
        return found[0] / picture.shape[1]
    layer = dict(network.named_modules())[str(asked.point)]
    method = captum.LayerGradCam(network.forward, layer)
    return method.attribute(picture, target=asked.target, relu_attributions=True)[0, 0]


def _with_a_map(asked: Question) -> Question:
    """The same for the first class whose Grad-CAM is not zero everywhere."""
    for target in range(10):
        pose = replace(asked, target=target)
        if pose.point and float(attribute("grad-cam", pose).values.max()) > 0:
            return pose
    return asked


def beside_captum() -> str:
    """A row a method, a column a network: largest difference as a share of the largest value."""
    methods = ["gradient", "input-times-gradient", "integrated-gradients", "grad-cam", "occlusion"]
    asked = {name: question(name, side, channels) for name, side, channels in NETS}
    rows = []
    for method in methods:
        cells = []
        for name, one in asked.items():
            pose = _with_a_map(one) if method == "grad-cam" else one
            if method == "input-times-gradient":  # Captum's has no baseline: black is 0 there
                pose = Question(one.network, one.picture, torch.zeros_like(one.black), 3)
            try:
                found = attribute(method, pose)
            except DoesNotApply:
                cells.append("–")
                continue
            ours = found.extras.get("coarse", found.values)
            expected = theirs(method, pose, found.facts.get("steps", 0)).detach()
            cells.append(f"{float((ours - expected).abs().max() / expected.abs().max()):.1e}")
            print(method, name, cells[-1], flush=True)
        rows.append([f"`{method}`", *cells])
    return results_page.table(["method", *(name.replace("_", "-") for name, _, _ in NETS)], rows)


def templates() -> str:
    """By how much the terms of a linear template miss the score, or that it is refused."""
    told = []
    for name, side, channels in NETS:
        try:
            found = attribute("linear-template", question(name, side, channels))
            told.append(f"{name.replace('_', '-')} {found.error:.0e}")
        except DoesNotApply:
            told.append(f"{name.replace('_', '-')} refused, not made of linear pieces")
    return "Linear template, terms − score: " + "; ".join(told) + "."


def main() -> None:
    """Measure and write."""
    torch.set_num_threads(1)
    begun = time.process_time()
    parts = [
        results_page.machine(),
        f"A planted tag, {len(SEEDS)} networks, {TRIALS} pictures each. {accuracy()} "
        f"{len(within_reach())} methods:",
        tag(),
        "Largest difference from Captum, as a share of the map's largest value:",
        beside_captum(),
        templates(),
    ]
    results_page.write("look", "\n\n".join(parts))
    print(f"{time.process_time() - begun:.0f} CPU seconds")


if __name__ == "__main__":
    main()
