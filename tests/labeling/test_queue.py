from __future__ import annotations

import numpy as np
from scipy import stats

from iale.labeling.items._ids import Ids, id_of
from iale.labeling.queue._queue import Queue, Shares


def ids(count: int) -> Ids:
    return Ids((id_of(f"image-{number:06}.png".encode()) for number in range(count)), count)


def test_the_test_share_is_a_uniform_draw() -> None:
    """Over 200 seeds, the first 10 of the test share fall into each tenth of the pool alike; so do second opinions.

    Chi-square with 9 degrees of freedom: the draws are fixed by the seeds, and the test would fail by chance for one
    choice of seeds in 1,000.
    """
    pool = ids(1000)
    first, twice = np.zeros(10), np.zeros(10)
    for seed in range(200):
        shares = Shares(pool, 0.1, 0.05, seed)
        assert 60 < shares.reserved.sum() < 140
        assert set(shares.order) == set(np.flatnonzero(shares.reserved))
        first += np.bincount(shares.order[:10] // 100, minlength=10)
        twice += np.bincount([index // 100 for index in range(1000) if shares.twice(index)], minlength=10)
    assert stats.chisquare(first).pvalue > 0.001
    assert stats.chisquare(twice).pvalue > 0.001
    assert abs(twice.sum() / 200_000 - 0.05) < 0.003


def test_the_shares_do_not_depend_on_one_another() -> None:
    shares = Shares(ids(20_000), 0.1, 0.1, 3)
    twice = np.array([shares.twice(index) for index in range(20_000)])
    assert abs((twice & shares.reserved).mean() - 0.01) < 0.003
    assert np.array_equal(shares.order, Shares(ids(20_000), 0.1, 0.5, 3).order)
    assert not np.array_equal(shares.order, Shares(ids(20_000), 0.1, 0.1, 4).order)


def test_no_share_and_every_share() -> None:
    assert not Shares(ids(50), 0.0, 0.0, 0).reserved.any()
    assert not any(Shares(ids(50), 0.0, 0.0, 0).twice(index) for index in range(50))


def test_the_queue_ends_and_comes_back_to_what_was_undone() -> None:
    queue = Queue(Shares(ids(200), 0.2, 0.0, 0), 0)
    queue.first = np.flatnonzero(~queue.shares.reserved)[[7, 3]].tolist()
    taken: set[int] = set()
    while (found := queue.query(lambda index: index not in taken, searching=False)) is not None:
        taken.add(found[0])
    assert taken == set(np.flatnonzero(~queue.shares.reserved))
    again = min(taken)
    taken.remove(again)
    assert again not in queue.first
    assert queue.query(lambda index: index not in taken, searching=False) == (again, "random")
    assert queue.query(lambda index: False, searching=True) is None


def test_the_test_share_is_handed_out_in_order() -> None:
    queue = Queue(Shares(ids(100), 0.3, 0.0, 1), 0)
    done: list[int] = []
    while (index := queue.test(lambda i: i not in done, lambda i: i in done)) is not None:
        done.append(index)
    assert done == list(queue.shares.order)
