"""The files of the traps; most read the digits."""

from __future__ import annotations

import numpy as np

from doctor.material import Files, digits, gan_ring, maker, split


def digits_file() -> Files:
    """What a trap reads if nothing else is said here."""
    return {"digits.npz": split(*digits(), 500)}


@maker
def duplicate_rows_table() -> Files:
    """Visits: age group, whole hours, two yes-or-no columns; 4 × 6 × 2 × 2 different rows."""
    draw = np.random.default_rng(11)
    n = 1300
    age, hours = draw.integers(0, 4, n), draw.integers(1, 7, n)
    member, weekend = draw.integers(0, 2, n), draw.integers(0, 2, n)
    score = 0.9 * age - 0.6 * hours + 1.8 * member + 0.8 * weekend * age + draw.normal(0, 0.6, n)
    names = ["age_group", "hours", "member", "weekend", "came_back"]
    rows = np.stack([age, hours, member, weekend, score > 0.8], 1).astype(float)
    return {"visits.csv": {"names": names, "rows": rows}}


@maker
def ordered_series() -> Files:
    draw = np.random.default_rng(12)
    t = np.arange(1400)
    values = np.sin(t / 6) + 0.6 * np.sin(t / 17) + 0.1 * draw.normal(size=1400)
    return {"series.npz": {"values": values.astype(np.float32)}}


@maker
def graph_network() -> Files:
    """Three groups of nodes with many edges inside and few between them."""
    draw = np.random.default_rng(13)
    labels = np.repeat(np.arange(3), 80)
    likely = np.where(labels[:, None] == labels[None, :], 0.08, 0.01)
    upper = np.triu(draw.random((240, 240)) < likely, 1)
    features = draw.normal(0, 1, (240, 10)) + 0.5 * np.eye(3, 10)[labels]
    edges = (upper | upper.T).astype(np.float32)
    return {"graph.npz": {"features": features, "labels": labels, "edges": edges}}


@maker
def sparse_and_dense() -> Files:
    draw = np.random.default_rng(14)
    user, item = draw.integers(0, 200, 6000), draw.integers(0, 100, 6000)
    taste, kind = draw.normal(0, 1, (200, 3)), draw.normal(0, 1, (100, 3))
    stars = 3 + (taste[user] * kind[item]).sum(1) + draw.normal(0, 0.4, 6000)
    return {"ratings.npz": {"user": user, "item": item, "stars": stars}}


@maker
def tied_weights() -> Files:
    """Letters of which each mostly follows from the two before it."""
    draw = np.random.default_rng(15)
    letters = [0, 1]
    for _ in range(9000):
        follows = (3 * letters[-1] + letters[-2] + 1) % 12
        letters.append(int(draw.integers(0, 12)) if draw.random() < 0.1 else follows)
    return {"text.npz": {"letters": np.array(letters)}}


@maker
def wasserstein_gan() -> Files:
    return {"ring.npz": gan_ring()["ring.npz"]}


@maker
def gaussian_nll() -> Files:
    draw = np.random.default_rng(16)
    x = draw.uniform(-2, 2, (1100, 1))
    y = np.sin(2 * x) + 0.02 * (1 + x**2) * draw.normal(size=x.shape)
    return {"curve.npz": {"x": x, "y": y}}


def _counts() -> Files:
    draw = np.random.default_rng(17)
    x = draw.normal(0, 1, (1200, 5)) * [1, 3, 0.5, 2, 1] + [0, 5, 1, -2, 0]
    rate = np.exp(1.2 + 0.6 * x[:, 0] - 0.2 * (x[:, 1] - 5) + 0.3 * np.sin(x[:, 3]))
    return {"counts.npz": {"x": x, "y": draw.poisson(rate)}}


@maker
def poisson_counts() -> Files:
    return _counts()


@maker
def online_learning() -> Files:
    return _counts()


@maker
def physics_informed() -> Files:
    return {}


@maker
def reinforce_walk() -> Files:
    return {}


@maker
def q_learning() -> Files:
    return {}
