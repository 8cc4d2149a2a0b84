"""Closed-form answers that a network must beat: PCA and the best linear map, in NumPy.

Source: Pearson 1901 (PCA); Wiener 1949 (the linear filter of least mean squared error).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.base.records import Record
from pellucid.base.seeds import named_seed
from pellucid.data.dataset import Split
from pellucid.train.metrics import decibels

LARGEST = 2048
"""Numbers in a picture up to which the closed forms are computed: they need its square."""

Floats = NDArray[np.floating[Any]]


def denoising_lines(train: Split, split: Split, noise: float, components: int) -> list[Record]:
    """PSNR on `split` of the linear Wiener filter and of PCA, each learned on `train`."""
    clean = _flat(train)
    if clean.shape[1] > LARGEST:
        return []
    chance = np.random.default_rng(named_seed(0, "closed form"))
    truth = _flat(split)
    noisy = _noisy(truth, noise, chance)
    wiener = linear_map(_noisy(clean, noise, chance), clean)
    lines = [_line("the best linear map (Wiener filter)", _apply(wiener, noisy), truth)]
    if 0 < components < clean.shape[1]:
        title = f"PCA with {components} components"
        lines.append(_line(title, np.clip(pca_rebuild(clean, noisy, components), 0, 1), truth))
    return lines


def pca_rebuild(clean: Floats, damaged: Floats, components: int) -> Floats:
    """Damaged rows (n, d) through the `components` directions in which clean rows vary most."""
    from sklearn.decomposition import PCA

    pca = PCA(components, svd_solver="covariance_eigh").fit(clean)
    rebuilt: Floats = pca.inverse_transform(pca.transform(damaged))
    return rebuilt


def linear_map(damaged: Floats, clean: Floats) -> Floats:
    """The matrix (d + 1, d) that maps rows with a 1 appended to clean rows, least squares.

    A ridge of one millionth of the mean variance keeps constant pixels from dividing by zero.
    """
    rows = _with_one(damaged)
    gram = (rows.T @ rows).astype(np.float64)
    gram += np.eye(len(gram)) * (np.trace(gram) / len(gram) * 1e-6)
    weights: Floats = np.linalg.solve(gram, (rows.T @ clean).astype(np.float64))
    return weights


def hole_lines(train: Split, split: Split, holes: NDArray[np.bool_]) -> list[Record]:
    """PSNR inside the holes of the mean picture and of the best linear map from what is seen.

    `holes` (n, h, w) is true where a pixel of `split` is hidden, the same in every channel. The
    linear map is the conditional mean E[hidden | seen] under train's mean and covariance, solved
    once for each place of the hole.
    """
    clean = _flat(train)
    if clean.shape[1] > LARGEST:
        return []
    truth, channels = _flat(split), split.inputs.shape[1]
    hidden = np.repeat(holes[:, None], channels, axis=1).reshape(len(holes), -1)
    mean = clean.mean(axis=0, dtype=np.float64)
    covariance = np.asarray(np.cov(clean, rowvar=False), dtype=np.float64)
    covariance[np.diag_indices(len(mean))] += np.trace(covariance) / len(mean) * 1e-4
    filled = np.where(hidden, mean, truth)
    places, which = np.unique(hidden, axis=0, return_inverse=True)
    for number, place in enumerate(places):
        rows = np.flatnonzero(which.ravel() == number)
        filled[np.ix_(rows, place)] = _conditional_mean(mean, covariance, place, truth[rows])
    by_mean = np.where(hidden, mean, truth)
    return [
        _line("the best linear map", np.clip(filled, 0, 1)[hidden], truth[hidden]),
        _line("the mean picture", by_mean[hidden], truth[hidden]),
    ]


def _conditional_mean(
    mean: NDArray[np.float64],
    covariance: NDArray[np.float64],
    hidden: NDArray[np.bool_],
    rows: Floats,
) -> NDArray[np.float64]:
    """E[hidden | seen] = μₕ + Cₕₛ Cₛₛ⁻¹ (seen − μₛ), for each row."""
    seen = ~hidden
    weights = np.linalg.solve(covariance[np.ix_(seen, seen)], covariance[np.ix_(seen, hidden)])
    result: NDArray[np.float64] = mean[hidden] + (rows[:, seen] - mean[seen]) @ weights
    return result


def _flat(split: Split) -> Floats:
    """uint8 pictures as rows of pixels in 0…1."""
    return split.inputs.reshape(len(split), -1).astype(np.float32) / 255


def _noisy(clean: Floats, noise: float, chance: np.random.Generator) -> Floats:
    drawn = chance.standard_normal(clean.shape, dtype=np.float32)
    return np.clip(clean + noise * drawn, 0, 1)


def _with_one(rows: Floats) -> Floats:
    return np.concatenate([rows, np.ones((len(rows), 1), np.float32)], axis=1)


def _apply(weights: Floats, rows: Floats) -> Floats:
    restored: Floats = np.clip(_with_one(rows) @ weights.astype(np.float32), 0, 1)
    return restored


def _line(title: str, restored: NDArray[Any], truth: NDArray[Any]) -> Record:
    error = float(np.square(restored - truth, dtype=np.float64).mean())
    return {"title": title, "psnr_db": decibels(error)}
