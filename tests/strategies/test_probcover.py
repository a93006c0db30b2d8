from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from iale.seeding import Stream
from iale.strategies import probcover
from iale.strategies.probcover import ProbCover, _cover, _radius
from iale.testing import probcover as slow
from iale.testing import tied_contexts
from tests.strategies.clustered import blobs, context_of


def _rng(seed: int = 3) -> np.random.Generator:
    return np.random.default_rng(seed)


def _fast(points: torch.Tensor, clusters: torch.Tensor, labeled: int, k: int, order: torch.Tensor) -> list[int]:
    values = torch.cat([points[:labeled], points[labeled:][order]]).double()
    groups = torch.cat([clusters[:labeled], clusters[labeled:][order]])
    values -= values.mean(dim=0)
    return order[_cover(values, labeled, _radius(values, groups), k)].tolist()


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(1, 60),
    labeled=st.integers(0, 15),
    count=st.integers(1, 4),
    whole=st.booleans(),
    seed=st.integers(0, 10**6),
)
def test_equals_the_reference(n: int, labeled: int, count: int, whole: bool, seed: int) -> None:
    """Clusters cut a line, so that many balls are pure; on whole numbers, most degrees and distances tie."""
    generator = Stream(seed, ("probcover",)).torch()
    points = torch.randn(n + labeled, 2, generator=generator)
    if whole:
        points = torch.randint(7, (n + labeled, 2), generator=generator).float()
    clusters = (points[:, 0] * 2).floor().long() % count
    order = torch.randperm(n, generator=generator)
    expected = slow(points, clusters.tolist(), labeled, n, order.tolist())
    found = _fast(points, clusters, labeled, n, order)
    left = len(found) - len(_chosen(points, clusters, labeled, order))
    assert found[: n - left] == expected[: n - left]
    assert sorted(found) == sorted(expected)


def _chosen(points: torch.Tensor, clusters: torch.Tensor, labeled: int, order: torch.Tensor) -> list[int]:
    """What the rule chooses before all is covered: the first k for which the reference is not in order of the draws."""
    answer = slow(points, clusters.tolist(), labeled, len(order), order.tolist())
    for stop in range(len(answer) + 1):
        taken = set(answer[:stop])
        if answer[stop:] == [each for each in order.tolist() if each not in taken]:
            return answer[:stop]
    raise AssertionError


def test_small_blocks_and_lists_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    points, which = blobs((60, 40, 50), apart=2.0)
    order = torch.randperm(130, generator=Stream(1).torch())
    expected = _fast(points, which, 20, 60, order)
    for name, size in (("_BLOCK", 7), ("_WAITING", 5), ("_TOP", 2)):
        monkeypatch.setattr(probcover, name, size)
    assert _fast(points, which, 20, 60, order) == expected


def test_a_line_computed_by_hand() -> None:
    """Two clusters, 0 … 4 and 10 … 13: 19 of 20 balls must be pure, here all, so δ is the gap of 6."""
    points = torch.tensor([0.0, 1, 2, 3, 4, 10, 11, 12, 13])[:, None].double()
    clusters = (points[:, 0] > 5).long()
    assert _radius(points, clusters) == 36.0
    assert _cover(points, 0, 36.0, 2).tolist() == [0, 5]
    # With δ = 2, a ball holds both neighbors: 1 covers 0 to 2, 11 covers 10 to 12, 3 covers 3 and 4, and 12 covers 13.
    assert _cover(points, 0, 4.0, 4).tolist() == [1, 6, 3, 7]


def test_the_radius_leaves_one_ball_of_twenty_impure() -> None:
    points = torch.cat([torch.arange(39.0), torch.tensor([38.5])])[:, None].double()
    clusters = torch.zeros(40, dtype=torch.int64)
    clusters[39] = 1  # the balls of 38.5 and of 38 may be impure; that of 37 is pure up to 1.5
    assert _radius(points, clusters) == pytest.approx(1.5**2)


def test_every_cluster_is_covered_before_any_is_covered_twice() -> None:
    points, which = blobs((40, 60, 30), seed=4)
    for seed in range(3):
        found = ProbCover().query(context_of(points, num_classes=3), 5, rng=_rng(seed))
        assert which[found[:3]].tolist() == [1, 0, 2]


def test_what_is_labeled_is_covered() -> None:
    points, which = blobs((40, 60, 30), seed=4)
    order = torch.cat([torch.tensor([50]), torch.tensor([i for i in range(130) if i != 50])])
    found = ProbCover().query(context_of(points[order], 1, num_classes=3), 2, rng=_rng())
    assert which[order][1:][found].tolist() == [0, 2]


def test_when_all_is_covered_the_rest_is_drawn() -> None:
    points, _ = blobs((50, 50))
    counts = np.zeros(100)
    for seed in range(100):
        found = ProbCover().query(context_of(points), 12, rng=_rng(seed)).tolist()
        assert len(set(found)) == 12
        counts[found[2:]] += 1
    assert (counts > 0).sum() > 90
    assert counts.max() < 30


@pytest.mark.parametrize("kind", [name for name, _ in tied_contexts(n=2)])
def test_equals_the_reference_on_ties(kind: str) -> None:
    context = dict(tied_contexts(n=80, dim=3, labeled=6))[kind]
    assert context.geometry is not None
    assert context.labeled_geometry is not None
    points = torch.cat([context.labeled_geometry.read(), context.geometry.read()])
    clusters = (points[:, 0] > points[:, 0].median()).long()
    order = torch.randperm(80, generator=Stream(1).torch())
    rule = _chosen(points, clusters, 6, order)
    assert _fast(points, clusters, 6, 80, order)[: len(rule)] == rule


def test_a_large_pool_is_a_drawn_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probcover, "_POINTS", 30)
    points, which = blobs((400, 300), seed=2)
    found = ProbCover().query(context_of(points, 100), 60, rng=_rng())
    assert len(set(found.tolist())) == 60
    assert set(which[100:][ProbCover().query(context_of(points), 2, rng=_rng())].tolist()) <= {0, 1}
