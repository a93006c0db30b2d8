from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from iale.classifiers.base import Outputs
from iale.errors import ConfigError, QueryError
from iale.geometry.points import Points
from iale.seeding import Stream
from iale.strategies import _coverage, _herd
from iale.strategies._bandwidth import Rule, find_bandwidth
from iale.strategies.base import QueryContext
from iale.strategies.herding import MaxHerding, UncertaintyHerding
from iale.testing import make_context, reference, reorder, tied_contexts, unlabeled_context

KINDS = [name for name, _ in tied_contexts(n=2)]


def _rng(seed: int = 3) -> np.random.Generator:
    return np.random.default_rng(seed)


def _context(rows: Tensor, labeled: Tensor, logits: Tensor | None = None, temperature: float = 1.0) -> QueryContext:
    n, values = len(rows), torch.cat([rows, labeled])
    every = torch.arange(len(values))
    outputs = Outputs(torch.zeros(n, 2) if logits is None else logits, torch.zeros(n, 0))
    return QueryContext(
        outputs,
        outputs.logits.shape[1],
        geometry=Points(values, every[:n]),
        labeled_geometry=Points(values, every[n:]),
        temperature=temperature,
    )


def _rows(n: int, dim: int, seed: int, spread: float = 1.0) -> Tensor:
    generator = Stream(seed, ("herding",)).torch()
    return spread * torch.randn(n, dim, generator=generator) + torch.randn(dim, generator=generator)


def _uncertainty(context: QueryContext) -> list[float]:
    """1 − (p₁ − p₂) of probabilities at the temperature."""
    assert context.temperature is not None
    return [1 + score for score in reference.margin(context.candidates.logits.double() / context.temperature)]


def _is_greedy(answer: Sequence[int], context: QueryContext, uncertainty: Sequence[float], bandwidth: float) -> None:
    """Each choice is one of those that the slow rule allows after the choices before it."""
    assert context.geometry is not None
    assert context.labeled_geometry is not None
    points = context.geometry.read().double().numpy()
    centers = context.labeled_geometry.read().double().numpy()
    units = [rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-300) for rows in (points, centers)]

    def kernel(one: Any, other: Any) -> Any:
        known = one.any(axis=1)[:, None] & other.any(axis=1)[None]
        return np.exp(-((one[:, None] - other[None]) ** 2).sum(axis=2) / bandwidth**2) * known

    near = kernel(units[0], units[0])
    covered = kernel(units[0], units[1]).max(axis=1) if len(centers) else np.zeros(len(points))
    weights = np.asarray(uncertainty) / (sum(uncertainty) or 1.0)
    left = np.ones(len(points), dtype=bool)
    for choice in answer:
        gains = np.maximum(near - covered, 0) @ weights
        assert gains[choice] >= gains[left].max() - 2e-11
        left[choice] = False
        covered = np.maximum(covered, near[choice])


def test_two_groups_and_a_loner_by_hand() -> None:
    """Angles 0°, 20°, 40°, 180°, 200° and δ = 1: 20° is near to three, then 180° and 200° tie but for 20°'s reach."""
    angles = torch.tensor([0.0, 20.0, 40.0, 180.0, 200.0]).deg2rad()
    rows = torch.stack([angles.cos(), angles.sin()], dim=1) * torch.tensor([[1.0], [5.0], [0.1], [3.0], [1.0]])
    assert MaxHerding().query(_context(rows, torch.empty(0, 2)), 2, rng=_rng()).tolist() == [1, 4]


def test_the_gain_by_hand() -> None:
    """Orthogonal unit rows are √2 apart: K = e⁻² between any two. U decides: 0.6·1 + 0.3·e⁻² against 0.3 + 0.6·e⁻²."""
    p = torch.tensor([[0.7, 0.3], [0.85, 0.15], [1.0, 0.0]])
    context = _context(torch.eye(3), torch.tensor([[-1.0, 0.0, 0.0]]), (p + 1e-30).log())
    assert _uncertainty(context) == pytest.approx([0.6, 0.3, 0.0])
    strategy = UncertaintyHerding(bandwidth=1.0)
    assert strategy.query(context, 3, rng=_rng()).tolist() == [0, 1, 2]


def test_labeled_samples_are_covered_already() -> None:
    rows = torch.tensor([[1.0, 0.0], [1.0, 0.01], [0.0, 1.0]])
    assert MaxHerding().query(_context(rows, rows[:1]), 1, rng=_rng()).tolist() == [2]


@pytest.mark.parametrize("labeled", [0, 1, 6])
def test_the_rule_is_the_papers_and_weighs_what_is_covered(labeled: int) -> None:
    """Equal to the slow rule, which covers labeled samples too, one number at a time."""
    for seed in range(2):
        rows, known = _rows(30, 4, seed), _rows(labeled, 4, seed + 50)
        logits = 2 * torch.randn(30, 3, generator=Stream(seed).torch())
        context = _context(rows, known, logits, temperature=1.7)
        width = reference.bandwidth(known, "median") if labeled else 1.0
        uncertainty = _uncertainty(context)
        for strategy, weights, delta in (
            (UncertaintyHerding(), [*uncertainty, *[0.0] * labeled], width),
            (MaxHerding(), [1.0] * (30 + labeled), 1.0),
        ):
            answer = strategy.query(context, 25, rng=_rng()).tolist()
            steps = reference.herding(rows, known, weights, delta, answer)
            assert all(choice in allowed for choice, allowed in zip(answer, steps, strict=True))
            assert sum(len(allowed) for allowed in steps) < 35  # few ties: two that lack only each other


@settings(max_examples=50, deadline=None)
@given(
    n=st.integers(1, 60),
    dim=st.integers(1, 6),
    labeled=st.integers(0, 12),
    bandwidth=st.sampled_from([0.01, 0.03, 0.2, 1.0, 11.3]),
    spread=st.sampled_from([1e-3, 0.1, 1.0]),
    grid=st.booleans(),
    seed=st.integers(0, 10**6),
)
def test_every_choice_is_greedy(
    n: int, dim: int, labeled: int, bandwidth: float, spread: float, grid: bool, seed: int
) -> None:
    rows = _rows(n + labeled, dim, seed, spread)
    rows = rows.round() if grid else rows  # zeros, duplicates and opposite points
    logits = torch.randn(n, 3, generator=Stream(seed).torch())
    context = _context(rows[:n], rows[n:], logits)
    uncertainty = _uncertainty(context)
    for strategy, weights in ((MaxHerding(bandwidth), [1.0] * n), (UncertaintyHerding(bandwidth), uncertainty)):
        answer = strategy.query(context, n, rng=_rng()).tolist()
        assert sorted(answer) == list(range(n))
        _is_greedy(answer, context, weights, bandwidth)


@pytest.mark.parametrize("kind", KINDS)
def test_every_choice_is_greedy_on_tied_data(kind: str) -> None:
    context = dict(tied_contexts(n=300, dim=5))[kind]
    assert context.labeled_geometry is not None
    width = reference.bandwidth(context.labeled_geometry.read(), "median")
    _is_greedy(MaxHerding().query(context, 40, rng=_rng()).tolist(), context, [1.0] * 300, 1.0)
    _is_greedy(UncertaintyHerding().query(context, 40, rng=_rng()).tolist(), context, _uncertainty(context), width)


@pytest.mark.parametrize("bandwidth", [0.05, 1.0, 11.3])
@pytest.mark.parametrize("labeled", [0, 30])
def test_every_choice_is_greedy_in_a_larger_pool(
    bandwidth: float, labeled: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many blocks and turns, and few points a block."""
    monkeypatch.setattr(_coverage, "_BLOCK", 64)
    monkeypatch.setattr(_coverage, "_EXACT", 2)
    context = _context(_rows(400, 8, 1), _rows(labeled, 8, 2), 3 * _rows(400, 4, 3))
    uncertainty = _uncertainty(context)
    answer = UncertaintyHerding(bandwidth).query(context, 60, rng=_rng()).tolist()
    _is_greedy(answer, context, uncertainty, bandwidth)


def test_ties_are_drawn_and_the_first_has_no_advantage() -> None:
    context = _context(torch.eye(6), torch.empty(0, 6))
    first = [int(MaxHerding().query(context, 1, rng=_rng(seed))[0]) for seed in range(60)]
    assert first == [int(MaxHerding().query(context, 1, rng=_rng(seed))[0]) for seed in range(60)]
    assert set(first) == set(range(6))


def test_of_duplicates_one_stands_for_all_and_the_others_come_last() -> None:
    rows = torch.tensor([[1.0, 0.0]] * 5 + [[0.0, 1.0]] * 3 + [[-1.0, 0.0]])
    answer = MaxHerding().query(_context(rows, torch.empty(0, 2)), 9, rng=_rng()).tolist()
    assert answer[0] < 5
    assert {5 <= i < 8 for i in answer[1:3]} == {True, False}
    assert sorted(answer) == list(range(9))


def test_where_nothing_is_uncertain_the_batch_is_drawn() -> None:
    logits = torch.tensor([[1000.0, 0.0]]).repeat(8, 1)
    context = _context(_rows(8, 3, 0), _rows(2, 3, 1), logits)
    drawn = {tuple(UncertaintyHerding().query(context, 2, rng=_rng(seed)).tolist()) for seed in range(20)}
    assert len(drawn) > 10


def test_the_temperature_is_used() -> None:
    """Cold, only the first candidate's group is unsure; hot, all are, and the larger group comes first."""
    rows = torch.tensor([[1.0, 0.0]] * 2 + [[0.0, 1.0]] * 5) + 1e-2 * _rows(7, 2, 0)
    logits = torch.tensor([[0.0, 0.0]] * 2 + [[8.0, 0.0]] * 5)
    known = torch.tensor([[-1.0, 0.0]])
    cold, hot = (_context(rows, known, logits, temperature) for temperature in (1.0, 100.0))
    assert int(UncertaintyHerding().query(cold, 1, rng=_rng())[0]) < 2
    assert int(UncertaintyHerding().query(hot, 1, rng=_rng())[0]) >= 2


def test_before_the_first_label_both_are_one_rule() -> None:
    context = unlabeled_context(40)
    both = [strategy.query(context, 12, rng=_rng()).tolist() for strategy in (MaxHerding(), UncertaintyHerding())]
    assert both[0] == both[1]


def test_a_model_that_was_trained_elsewhere_is_looked_through_before_the_first_label() -> None:
    rows = torch.tensor([[1.0, 0.0]] * 5 + [[0.0, 1.0]] * 2)
    sure, unsure = [9.0, 0.0, 0.0], [0.0, 0.0, -9.0]
    context = _context(rows, torch.empty(0, 2), torch.tensor([sure] * 5 + [unsure] * 2))
    assert int(MaxHerding().query(context, 1, rng=_rng())) < 5
    assert int(UncertaintyHerding().query(context, 1, rng=_rng())) >= 5


def test_another_order_or_another_scale_changes_nothing() -> None:
    context = make_context(50)
    assert context.geometry is not None
    order = torch.randperm(50, generator=Stream(1).torch())
    scaled = replace(context, geometry=Points(4 * context.geometry.values, context.geometry.indices))
    for strategy in (MaxHerding(), UncertaintyHerding()):
        answer = strategy.query(context, 50, rng=_rng())
        assert torch.equal(order[strategy.query(reorder(context, order), 50, rng=_rng())], answer)
        assert torch.equal(strategy.query(scaled, 50, rng=_rng()), answer)


@pytest.mark.parametrize("rule", ["median", "smallest"])
def test_the_bandwidth_equals_the_slow_rule(rule: Rule) -> None:
    for rows in (_rows(7, 3, 0), _rows(6, 3, 1)[[0, 0, 1, 2, 2, 3]], _rows(1, 3, 0), torch.ones(3, 2), _rows(0, 2, 0)):
        points = Points(rows, torch.arange(len(rows)))
        assert math.isclose(find_bandwidth(points, rule), reference.bandwidth(rows, rule), rel_tol=1e-6)


def test_the_bandwidths_by_hand() -> None:
    """Angles 0°, 60°, 90° and 180°; chords 2·sin(half the angle)."""
    angles = torch.tensor([0.0, 60.0, 90.0, 180.0]).deg2rad()
    rows = torch.stack([angles.cos(), angles.sin()], dim=1)
    points = Points(rows, torch.arange(4))
    near = 2 * math.sin(math.radians(15))
    assert find_bandwidth(points, "smallest") == pytest.approx(near, rel=1e-5)
    assert find_bandwidth(points, "median") == pytest.approx((near + 1) / 2, rel=1e-5)  # 1, near, near, √2


@pytest.mark.parametrize("wrong", [0.0, 0.009, -1, math.nan, math.inf, "mean", None])
def test_a_bandwidth_that_makes_no_sense_is_refused(wrong: float) -> None:
    for make in (MaxHerding, UncertaintyHerding):
        with pytest.raises(ConfigError, match="bandwidth must be a number of at least"):
            make(wrong)


def test_a_point_that_is_not_finite_is_refused() -> None:
    rows = _rows(9, 3, 0)
    rows[4, 1] = math.inf
    for candidates, labeled in ((rows, _rows(2, 3, 1)), (_rows(2, 3, 1), rows)):
        for strategy in (MaxHerding(), UncertaintyHerding()):
            with pytest.raises(QueryError, match="point is not finite"):
                strategy.query(_context(candidates, labeled), 2, rng=_rng())


def test_a_large_pool_is_sketched_and_little_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    context = _context(_rows(1500, 4, 0), torch.empty(0, 4))
    exact = MaxHerding().query(context, 10, rng=_rng())
    monkeypatch.setattr(_herd, "_WHOLE", 1000)
    monkeypatch.setattr(_herd, "_SKETCH", 500)
    sketched = MaxHerding().query(context, 10, rng=_rng())
    assert torch.equal(sketched, MaxHerding().query(context, 10, rng=_rng()))
    assert coverage(context, sketched) > 0.97 * coverage(context, exact)
    assert len(torch.unique(MaxHerding().query(context, 1200, rng=_rng()))) == 1200  # more than the sketch holds


def coverage(context: QueryContext, chosen: Tensor) -> float:
    """The mean kernel value of a candidate with the nearest chosen one, at δ = 1."""
    assert context.geometry is not None
    rows = torch.nn.functional.normalize(context.geometry.read().double())
    return float(torch.exp(-(torch.cdist(rows, rows[chosen]) ** 2)).amax(dim=1).mean())


def test_more_than_fifty_thousand_candidates_are_sketched_by_twenty_thousand() -> None:
    points = torch.zeros(50_001, 1)
    assert len(_herd.sketch(Points(points, torch.arange(50_000)), _rng())) == 50_000
    drawn = _herd.sketch(Points(points, torch.arange(50_001)), _rng())
    assert len(set(drawn.tolist())) == len(drawn) == 20_000


def test_wide_points_are_sketched_sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_herd, "_NUMBERS", 400)
    assert len(_herd.sketch(Points(torch.zeros(150, 4), torch.arange(150)), _rng())) == 100
    assert len(_herd.sketch(Points(torch.zeros(100, 4), torch.arange(100)), _rng())) == 100


def test_half_precision_on_disk_is_read_as_it_is(tmp_path: Path) -> None:
    rows = _rows(200, 5, 0).half()
    np.save(tmp_path / "points.npy", rows.numpy())
    stored = torch.from_numpy(np.load(tmp_path / "points.npy", mmap_mode="c"))
    context = _context(rows.float(), torch.empty(0, 5))
    on_disk = replace(
        context,
        geometry=Points(stored, torch.arange(200)),
        labeled_geometry=Points(stored, torch.arange(0)),
    )
    answers = [MaxHerding().query(each, 20, rng=_rng()) for each in (context, on_disk)]
    assert torch.equal(*answers)


@pytest.mark.parametrize("bandwidth", [0.5, 1.0, 100.0])
def test_rows_of_zeros_are_chosen_last(bandwidth: float) -> None:
    """They say nothing of their samples, and would lie in the middle of all others."""
    rows = _rows(30, 4, 0)
    rows[[3, 17]] = 0
    answer = MaxHerding(bandwidth).query(_context(rows, torch.empty(0, 4)), 30, rng=_rng()).tolist()
    assert set(answer[-2:]) == {3, 17}


def test_every_candidate_is_as_likely_in_a_sketch(monkeypatch: pytest.MonkeyPatch) -> None:
    """1,000 sketches of 10 out of 23: a count has mean 435 and standard deviation 16, of which 5 are never reached."""
    monkeypatch.setattr(_herd, "_WHOLE", 20)
    monkeypatch.setattr(_herd, "_SKETCH", 10)
    rng, geometry = _rng(), Points(torch.zeros(23, 2), torch.arange(23))
    counts = torch.zeros(23)
    for _ in range(1000):
        drawn = _herd.sketch(geometry, rng)
        assert len(torch.unique(drawn)) == len(drawn) == 10
        counts[drawn] += 1
    assert float((counts - 10_000 / 23).abs().max()) < 5 * 16
