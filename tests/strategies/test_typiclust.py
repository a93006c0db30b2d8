from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from iale.geometry.points import Points
from iale.seeding import Stream
from iale.strategies import typiclust
from iale.strategies._k_means import k_means
from iale.strategies.typiclust import TypiClust, _turns
from iale.testing import tied_contexts
from iale.testing import typiclust as slow
from tests.strategies.clustered import blobs, context_of


def _rng(seed: int = 3) -> np.random.Generator:
    return np.random.default_rng(seed)


def _turns_of(points: torch.Tensor, clusters: torch.Tensor, labeled: int, order: torch.Tensor) -> list[int]:
    everything = Points(points, torch.arange(len(points)))
    return [position - labeled for position in _turns(everything, clusters, order + labeled)]


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(1, 70),
    labeled=st.integers(0, 20),
    count=st.integers(1, 12),
    duplicates=st.booleans(),
    seed=st.integers(0, 10**6),
)
def test_equals_the_reference(n: int, labeled: int, count: int, duplicates: bool, seed: int) -> None:
    """Whatever the clusters are: each turn, as long as a candidate is left."""
    generator = Stream(seed, ("typiclust",)).torch()
    points = torch.randn(n + labeled, 2, generator=generator)
    if duplicates:
        points = torch.randint(3, (n + labeled, 2), generator=generator).float()
    # Large ones, so that 20 neighbors are there at first and fewer later.
    clusters = (torch.rand(n + labeled, generator=generator) ** 3 * count).long()
    order = torch.randperm(n, generator=generator)
    expected = slow(points, clusters.tolist(), labeled, n, order.tolist())
    assert _turns_of(points, clusters, labeled, order) == expected


def test_a_line_computed_by_hand() -> None:
    """One cluster of 6, so 3 neighbors: the squared distances of 1 are 1, 1 and 4, as those of 2, and 1 comes first."""
    points = torch.tensor([[0.0], [1.0], [2.0], [3.0], [9.0], [20.0]])
    order = torch.arange(6)
    # Two neighbors of the five left: 2 has 1 and 4, 3 has 1 and 9. Two of four: 3 has 9 and 36, 0 has 9 and 81. One of
    # three: 0 and 9 have 81, and 0 comes first. Then one of two.
    assert _turns_of(points, torch.zeros(6, dtype=torch.int64), 0, order) == [1, 2, 3, 0, 4, 5]


def test_clusters_take_turns_by_labels_then_size_and_small_ones_wait() -> None:
    points, which = blobs((8, 12, 7, 4, 2))
    labeled = [0, 1, 8]  # two of the first cluster, one of the second
    order = labeled + [each for each in range(len(points)) if each not in labeled]
    found = _turns_of(points[order], which[order], 3, torch.arange(30))
    turns = which[order][3:][found].tolist()
    assert turns[:6] == [2, 1, 0, 2, 1, 0]
    assert turns[-6:] == [3, 4, 3, 4, 3, 3]


def test_the_first_batch_has_one_of_each_cluster_near_its_middle() -> None:
    points, which = blobs((40, 60, 30), seed=4)
    found = TypiClust().query(context_of(points), 3, rng=_rng())
    assert which[found].tolist() == [1, 0, 2]
    for position in found.tolist():
        own = points[which == which[position]]
        distances = (own - own.mean(dim=0)).norm(dim=1)
        assert float((points[position] - own.mean(dim=0)).norm()) < float(distances.median())


@pytest.mark.parametrize(("labeled", "k", "expected"), [(0, 5, 5), (7, 5, 12), (0, 60, 60), (30, 490, 500)])
def test_there_are_as_many_clusters_as_labels_but_at_most_500(
    monkeypatch: pytest.MonkeyPatch, labeled: int, k: int, expected: int
) -> None:
    counts = []

    def counting(points: Points, count: int, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        counts.append(count)
        return k_means(points, count, rng)

    monkeypatch.setattr(typiclust, "k_means", counting)
    points, _ = blobs((300, 300), seed=1)
    TypiClust().query(context_of(points, labeled), k, rng=_rng())
    assert counts == [expected]


def test_labeled_clusters_come_last() -> None:
    points, which = blobs((30, 30, 30, 30))
    order = torch.cat([torch.tensor([0, 31]), torch.tensor([i for i in range(120) if i not in (0, 31)])])
    found = TypiClust().query(context_of(points[order], 2), 2, rng=_rng())
    assert set(which[order][2:][found].tolist()) == {2, 3}


@pytest.mark.parametrize("kind", [name for name, _ in tied_contexts(n=2)])
def test_density_is_lazy_and_exact_on_ties(kind: str) -> None:
    context = dict(tied_contexts(n=90, dim=3))[kind]
    assert context.geometry is not None
    points = context.geometry.read()
    clusters, order = torch.arange(90) % 2, torch.randperm(90, generator=Stream(1).torch())
    expected = slow(points, clusters.tolist(), 0, 60, order.tolist())
    if kind != "float16":  # whose squares differ by less than 1e-6 of each other
        assert _turns_of(points, clusters, 0, order)[:60] == expected


def test_of_a_huge_cluster_some_compete_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    points, _ = blobs((50, 50))
    clusters, order = torch.zeros(100, dtype=torch.int64), torch.randperm(100, generator=Stream(2).torch())
    monkeypatch.setattr(typiclust, "_DRAWN", 16)
    whole = _turns_of(points, clusters, 0, order)
    monkeypatch.setattr(typiclust, "_MEMBERS", 99)
    some = order[:16]
    first = some[slow(points[some], [0] * 16, 0, 16, list(range(16)))].tolist()
    assert _turns_of(points, clusters, 0, order)[:16] == first != whole[:16]
    assert sorted(TypiClust().query(context_of(points), 100, rng=_rng()).tolist()) == list(range(100))
