"""Averages of neighbors, against a slow reference."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from iale.classifiers.base import FitJob
from iale.classifiers.heads import LinearHead
from iale.errors import ConfigError, DataError
from iale.geometry import Averages, Points, PointSamples, as_geometry

Floats = NDArray[np.float64]


def unit(row: Floats) -> Floats:
    length = np.linalg.norm(row)
    return row / length if length else row


def slowly(pool: Floats, some: Floats, neighbors: int) -> Floats:
    """One sample after the other."""
    seen = [row for row in pool if row.any()]
    mean = np.mean(seen, axis=0)
    others = [unit(row - mean) for row in seen]
    neighbors, found = min(neighbors, len(seen) // 20), []
    for row in some:
        own = unit(row - mean)
        near = sorted((float(own @ other), tuple(other)) for other in others if own @ other < 1 - 1e-5)[::-1]
        nearest = [np.array(other) for _, other in near[:neighbors]]
        average = unit(own + np.mean(nearest, axis=0) if nearest else own)
        found.append(average if row.any() else np.zeros_like(row))
    return np.array(found)


def clusters(count: int = 90, width: int = 8) -> Floats:
    """Some that are alike, two copies, a row of zeros, and a mean far from 0."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(5, width))[rng.integers(5, size=count)] * 2 + rng.normal(size=(count, width)) + 3
    rows[7] = rows[11] = rows[30]
    rows[20] = 0
    return rows.astype(np.float32).astype(np.float64)


def geometry(rows: Floats) -> Points:
    return as_geometry(rows.astype(np.float32), len(rows))


@pytest.mark.parametrize("neighbors", [1, 3, 100])
def test_averages_are_those_of_the_slow_reference(neighbors: int) -> None:
    rows, others = clusters(), clusters()[24::-1] + 0.25
    averages = Averages(geometry(rows), neighbors)
    for some in (rows, others):
        made = averages.of(geometry(some)).read().numpy()
        np.testing.assert_allclose(made, slowly(rows, some, neighbors), atol=2e-6)


def test_a_new_sample_becomes_what_an_equal_one_has_become() -> None:
    rows = clusters()
    averages = Averages(geometry(rows))
    alone = averages.of(geometry(rows[[30, 3, 20]])).read()
    torch.testing.assert_close(alone, averages.of(geometry(rows)).read()[[30, 3, 20]], atol=1e-6, rtol=0)


def test_without_another_sample_it_is_the_sample_itself() -> None:
    alone = Averages(geometry(np.array([[3.0, 4.0]]))).of(geometry(np.array([[3.0, 4.0], [6.0, 8.0]]))).read()
    assert alone.tolist() == [[0.0, 0.0], [0.6000000238418579, 0.800000011920929]]  # the first is the mean
    copies = Averages(geometry(np.ones((4, 3)))).of(geometry(np.ones((4, 3)))).read()
    assert not copies.any()


def test_the_same_bytes_with_other_threads_and_from_a_file(tmp_path: Path) -> None:
    rows = np.random.default_rng(1).normal(size=(700, 33))
    averages, threads = Averages(geometry(rows)), torch.get_num_threads()
    kept = averages.of(geometry(rows), tmp_path).read()
    try:
        torch.set_num_threads(2)
        again = Averages(geometry(rows))
        assert again.identity == averages.identity
        assert again.of(geometry(rows)).read().numpy().tobytes() == kept.numpy().tobytes()
    finally:
        torch.set_num_threads(threads)
    (path,) = tmp_path.glob("*.npy")
    before = path.stat().st_mtime_ns
    assert torch.equal(again.of(geometry(rows), tmp_path).read(), kept)
    assert path.stat().st_mtime_ns == before
    assert Averages(geometry(rows), 9).identity != averages.identity
    assert Averages(geometry(rows + 1e-3)).identity != averages.identity


def test_float16_stays_float16() -> None:
    rows = clusters().astype(np.float16)
    points = as_geometry(rows, len(rows))
    made = Averages(points, 3).of(points)
    assert made.values.dtype == torch.float16
    np.testing.assert_allclose(
        made.read().numpy(), slowly(rows.astype(np.float64), rows.astype(np.float64), 3), atol=2e-3
    )


def test_what_cannot_be_averaged_is_one_sentence() -> None:
    points = geometry(clusters())
    with pytest.raises(ConfigError, match="the number of neighbors is a whole number of at least 1, not 0"):
        Averages(points, 0)
    with pytest.raises(ConfigError, match="averages are of Points"):
        Averages(clusters())  # type: ignore[arg-type]
    with pytest.raises(DataError, match="these points have 3 numbers and those of the pool 8"):
        Averages(points).of(geometry(np.ones((4, 3))))
    with pytest.raises(DataError, match="no samples to average, or all are rows of zeros"):
        Averages(geometry(np.zeros((4, 3))))


def test_a_head_learns_more_from_averages_of_digits() -> None:
    """Ten draws of 20 labels; scikit-learn's digits, of which a fifth is new."""
    inputs, labels = load_digits(return_X_y=True)
    pool, new = np.arange(len(labels)) % 5 > 0, np.arange(len(labels)) % 5 == 0
    points, others = geometry(inputs[pool]), geometry(inputs[new])
    averages = Averages(points)
    gains = []
    for seed in range(10):
        chosen = torch.from_numpy(np.random.default_rng(seed).permutation(int(pool.sum()))[:20])
        job, right = FitJob(chosen, torch.from_numpy(labels[pool])[chosen], 0), torch.from_numpy(labels[new])
        shares = []
        for seen, tested in ((points, others), (averages.of(points), averages.of(others))):
            samples = PointSamples(seen)
            fitted = LinearHead(samples, 10).fit(samples, job)
            said = fitted.outputs(PointSamples(tested), torch.arange(len(tested))).predictions
            shares.append(float((said == right).double().mean()))
        gains.append(shares[1] - shares[0])
    assert np.mean(gains) > 0.02
    assert np.mean(np.array(gains) > 0) >= 0.8
