from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from iale.data.pool import Pool, class_balanced
from iale.errors import ConfigError, DataError, QueryError
from iale.seeding import Stream

UNIVERSE = torch.tensor([40, 7, 99, 13, 2, 58])


def pool_of(labeled: list[int]) -> Pool:
    pool = Pool(UNIVERSE, 3)
    pool.acquire(torch.tensor(labeled, dtype=torch.int64), torch.zeros(len(labeled), dtype=torch.int64))
    return pool


def test_positions_are_mapped_to_indices_and_back() -> None:
    pool = Pool(UNIVERSE, 3)
    candidates = pool.candidates(4, Stream(0))
    positions = torch.tensor([2, 0])
    chosen = candidates.indices[positions]
    pool.acquire(chosen, torch.tensor([1, 2]))
    assert torch.equal(pool.labeled, chosen)
    assert pool.labels.tolist() == [1, 2]
    assert len(pool) == 4
    assert sorted([*pool.candidates(None, Stream(0)).indices.tolist(), *chosen.tolist()]) == sorted(UNIVERSE.tolist())


def test_labels_are_kept_in_the_order_in_which_they_came() -> None:
    pool = pool_of([99, 2])
    pool.acquire(torch.tensor([7]), torch.tensor([2]))
    assert pool.labeled.tolist() == [99, 2, 7]
    assert pool.labels.tolist() == [0, 0, 2]


@pytest.mark.parametrize(
    ("indices", "labels", "error", "message"),
    [
        ([7, 8], [0, 0], QueryError, "sample 8 is not in this pool"),
        ([7, 1000], [0, 0], QueryError, "sample 1000 is not in this pool"),
        ([-1], [0], QueryError, "sample -1 is not in this pool"),
        ([7, 13, 7], [0, 0, 0], QueryError, "named twice"),
        ([7, 99], [0, 0], QueryError, "sample 99 is labeled already"),
        ([7], [3], DataError, "label 3 is out of range: labels of 3 classes are 0 to 2"),
        ([7, 13], [0, -1], DataError, "label -1 is out of range"),
        ([7, 13], [0], DataError, "2 samples came with 1 labels"),
    ],
)
def test_a_wrong_acquisition_changes_nothing(
    indices: list[int], labels: list[int], error: type[Exception], message: str
) -> None:
    pool = pool_of([99])
    with pytest.raises(error, match=message):
        pool.acquire(torch.tensor(indices), torch.tensor(labels))
    assert pool.labeled.tolist() == [99]
    assert pool.labels.tolist() == [0]
    assert len(pool) == 5
    assert sorted(pool.candidates(None, Stream(0)).indices.tolist()) == [2, 7, 13, 40, 58]


def test_nothing_may_be_acquired() -> None:
    pool = pool_of([])
    assert len(pool) == 6


def test_a_universe_that_names_a_sample_twice_is_refused() -> None:
    with pytest.raises(DataError, match="names a sample twice"):
        Pool(torch.tensor([3, 4, 3]), 2)


def test_a_sub_pool_of_no_samples_is_refused_and_one_of_all_is_the_pool() -> None:
    pool = pool_of([7])
    with pytest.raises(ConfigError, match="at least 1 sample, not 0"):
        pool.candidates(0, Stream(0))
    for size in (None, 5, 1000):
        assert sorted(pool.candidates(size, Stream(0)).indices.tolist()) == [2, 13, 40, 58, 99]


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_sub_pool_is_paired(data: st.DataObject) -> None:
    """Two pools of equal size that differ in k labels draw sub-pools that differ in at most k samples."""
    size = data.draw(st.integers(1, 60), label="universe")
    universe = torch.arange(size) * 3 + 5
    count = data.draw(st.integers(0, size - 1), label="labeled")
    subset = data.draw(st.integers(1, size), label="subset")
    stream = Stream(data.draw(st.integers(0, 1000), label="seed"))
    sides = []
    for _ in range(2):
        labeled = data.draw(st.permutations(universe.tolist()))[:count]
        pool = Pool(universe, 2)
        pool.acquire(torch.tensor(labeled, dtype=torch.int64), torch.zeros(count, dtype=torch.int64))
        drawn = pool.candidates(subset, stream).indices.tolist()
        assert len(drawn) == len(set(drawn)) == min(subset, size - count)
        assert set(drawn) <= set(universe.tolist()) - set(labeled)
        assert drawn == pool.candidates(subset, stream).indices.tolist()
        sides.append((set(labeled), set(drawn)))
    (labeled_a, drawn_a), (labeled_b, drawn_b) = sides
    assert len(drawn_a - drawn_b) <= len(labeled_a - labeled_b)


@pytest.mark.parametrize("size", [3, 12])
def test_every_unlabeled_sample_is_equally_likely(size: int) -> None:
    """Seeds are fixed; counts are within 4 standard deviations."""
    pool = Pool(torch.arange(20), 2)
    pool.acquire(torch.arange(4), torch.zeros(4, dtype=torch.int64))
    draws = 2000
    drawn = torch.cat([pool.candidates(size, Stream(seed)).indices for seed in range(draws)])
    counts = torch.bincount(drawn, minlength=20)
    share = size / 16
    assert counts[:4].tolist() == [0] * 4
    assert float((counts[4:] - draws * share).abs().max()) < 4 * (draws * share * (1 - share)) ** 0.5


def test_a_draw_from_a_large_pool_does_not_look_at_all_of_it() -> None:
    asked: list[int] = []

    class Generator:
        def integers(self, high: int, size: int) -> NDArray[np.int64]:
            asked.append(size)
            return np.random.default_rng(0).integers(high, size=size)

    class Spy(Stream):
        def numpy(self) -> np.random.Generator:
            return Generator()  # type: ignore[return-value]

    pool = Pool(torch.arange(100_000), 2)
    assert len(pool.candidates(100, Spy(0))) == 100
    assert asked == [200]


LABELS = torch.tensor([0] * 50 + [1] * 30 + [2] * 5 + [0] * 15)
INDICES = torch.arange(100) + 1000


@settings(max_examples=50, deadline=None)
@given(st.integers(3, 14), st.integers(0, 1000))
def test_first_labels_are_balanced(size: int, seed: int) -> None:
    first = class_balanced(INDICES, LABELS, size, 3, Stream(seed))
    counts = torch.bincount(LABELS[first - 1000], minlength=3).tolist()
    assert sum(counts) == size == len(set(first.tolist()))
    assert max(counts) - min(counts) <= 1
    assert torch.equal(first, class_balanced(INDICES, LABELS, size, 3, Stream(seed)))


def test_the_class_with_one_more_is_drawn() -> None:
    extra = {
        int(torch.bincount(LABELS[class_balanced(INDICES, LABELS, 4, 3, Stream(seed)) - 1000]).argmax())
        for seed in range(20)
    }
    assert extra == {0, 1, 2}


def test_a_class_with_too_few_samples_is_named() -> None:
    with pytest.raises(DataError, match="class 2 has 5 samples to start from, 6 were expected"):
        class_balanced(INDICES, LABELS, 18, 3, Stream(0))
    with pytest.raises(DataError, match="class 3 has 0 samples"):
        class_balanced(INDICES, LABELS, 4, 4, Stream(0))
    with pytest.raises(ConfigError, match="2 initial labels cannot cover 3 classes"):
        class_balanced(INDICES, LABELS, 2, 3, Stream(0))


class Misses(np.random.Generator):
    """Draws only slot 0, so that draws with replacement would never end."""

    def integers(self, *args: object, **kwargs: object) -> Any:
        return np.zeros(kwargs["size"], dtype=np.int64)


def test_draws_that_miss_forever_end_with_a_permutation(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = Pool(torch.arange(1000), 2)
    pool.acquire(torch.arange(0, 960), torch.zeros(960, dtype=torch.int64))
    monkeypatch.setattr(Stream, "numpy", lambda self: Misses(np.random.PCG64(0)))
    drawn = pool.candidates(15, Stream(0)).indices.tolist()
    assert len(set(drawn)) == 15
    assert set(drawn) <= set(range(960, 1000))


def test_every_size_of_a_nearly_labeled_pool_is_drawn_evenly() -> None:
    pool = Pool(torch.arange(3000), 2)
    pool.acquire(torch.arange(20, 3000), torch.zeros(2980, dtype=torch.int64))
    counts = torch.zeros(20)
    for seed in range(400):
        drawn = pool.candidates(5, Stream(seed)).indices
        assert len(torch.unique(drawn)) == 5
        counts[drawn] += 1
    assert counts.sum() == 2000
    assert 55 < counts.min() < counts.max() < 150  # 100 expected, 5 standard deviations are 43


def test_a_draw_from_the_last_of_many_samples_ends() -> None:
    """Ten of a million are left, so draws with replacement would hardly ever meet one."""
    pool = Pool(torch.arange(1_000_000), 2)
    pool.skip(torch.arange(999_990))
    assert len(pool) == 10
    drawn = [pool.candidates(2, Stream(seed)).indices.tolist() for seed in range(12)]
    assert all(len(set(pair)) == 2 and min(pair) >= 999_990 for pair in drawn)
    assert len({tuple(pair) for pair in drawn}) > 6
    assert pool.candidates(2, Stream(0)).indices.tolist() == drawn[0]


def test_what_is_skipped_and_forgotten() -> None:
    pool = pool_of([99, 7])
    pool.skip(torch.tensor([13, 58]))
    assert len(pool) == 2
    assert sorted(pool.candidates(None, Stream(0)).indices.tolist()) == [2, 40]
    pool.acquire(torch.tensor([99, 13, 2]), torch.tensor([2, 1, 0]), overwrite=True)
    assert (pool.labeled.tolist(), pool.labels.tolist(), len(pool)) == ([7, 99, 13, 2], [0, 2, 1, 0], 1)
    pool.forget(torch.tensor([58, 99]))
    assert (pool.labeled.tolist(), pool.labels.tolist(), len(pool)) == ([7, 13, 2], [0, 1, 0], 3)
