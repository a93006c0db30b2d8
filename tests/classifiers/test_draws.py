"""Counted draws against the same hash in plain Python integers, and against properties of random numbers."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from iale.classifiers import _draws as draws

WORD = 0xFFFFFFFF
SEEDS = st.integers(0, 2**63 - 1)

KNOWN_BITS = [1420618368, 1489609912, 3321252504]
KNOWN_ORDER = [5, 1, 2, 3, 0, 4]


def lowbias32(x: int) -> int:
    x ^= x >> 16
    x = x * 0x7FEB352D & WORD
    x ^= x >> 15
    x = x * 0x846CA68B & WORD
    return x ^ x >> 16


def python_fold(key: tuple[int, int], number: int) -> tuple[int, int]:
    number &= WORD
    first = lowbias32((key[0] + lowbias32(number * 0x9E3779B9 + 0x3C6EF35F & WORD)) & WORD)
    return first, lowbias32(key[1] ^ lowbias32((number + 0x165667B1) & WORD) ^ first)


def python_bits(key: tuple[int, int], n: int) -> list[int]:
    return [lowbias32(lowbias32((i + key[0]) & WORD) ^ key[1]) for i in range(n)]


def split(seed: int) -> tuple[int, int]:
    return seed & WORD, seed >> 32


def unsigned(words: torch.Tensor) -> list[int]:
    return [word & WORD for word in words.tolist()]


@settings(max_examples=50, deadline=None)
@given(SEEDS, st.integers(0, 2**31 - 1))
def test_keys_folds_and_bits_equal_plain_integers(seed: int, number: int) -> None:
    (key,) = draws.keys([seed])
    assert tuple(unsigned(key)) == split(seed)
    folded = python_fold(split(seed), number)
    assert tuple(unsigned(draws.fold(key, number))) == folded
    assert unsigned(draws.bits(draws.fold(key, number), 9)) == python_bits(folded, 9)
    (tensor_folded,) = draws.fold(key, torch.tensor([number], dtype=torch.int32))
    assert tuple(unsigned(tensor_folded)) == folded


def test_known_values() -> None:
    """Recorded once, so that results of an earlier version can be reproduced."""
    (key,) = draws.keys([7])
    assert unsigned(draws.bits(key, 3)) == python_bits((7, 0), 3) == KNOWN_BITS
    assert draws.permutation(draws.fold(key, 1), 6).tolist() == KNOWN_ORDER


@settings(max_examples=25, deadline=None)
@given(st.lists(SEEDS, min_size=1, max_size=5), st.integers(1, 40), st.integers(0, 40))
def test_numbers_depend_on_neither_other_keys_nor_how_many_are_drawn(seeds: list[int], n: int, more: int) -> None:
    together = draws.uniform(draws.keys(seeds), n + more)
    orders = draws.permutation(draws.keys(seeds), n)
    for row, seed in enumerate(seeds):
        (key,) = draws.keys([seed])
        assert torch.equal(together[row, :n], draws.uniform(key, n))
        assert torch.equal(orders[row], draws.permutation(key, n))


@pytest.mark.parametrize("seed", [0, 1, 2**62 + 12345])
def test_uniform_numbers_are_uniform_and_uncorrelated(seed: int) -> None:
    """Seeds are fixed, so nothing fails by chance; bounds are 4 standard errors or p > 1e-4."""
    n = 200_000
    first, second = draws.uniform(draws.fold(draws.keys([seed]), torch.arange(2, dtype=torch.int32)), n).double()
    assert 0 <= float(first.min()) <= float(first.max()) < 1
    assert stats.kstest(first.numpy(), "uniform").pvalue > 1e-4
    correlation = torch.corrcoef(torch.stack([first, second]))[0, 1]
    serial = torch.corrcoef(torch.stack([first[:-1], first[1:]]))[0, 1]
    assert abs(float(correlation)) < 4 / n**0.5
    assert abs(float(serial)) < 4 / n**0.5
    assert bool(((first * 2**24) % 1 == 0).all())


@pytest.mark.parametrize("p", [0.0, 0.1, 0.25, 0.3, 0.5, 0.9, 1.0])
@pytest.mark.parametrize(("n", "start"), [(0, 3), (5000, 0), (2**16, 7), (2**17 + 1, 0), (70_000, 2**31 - 70_000)])
def test_a_mask_is_that_of_uniform_numbers(p: float, n: int, start: int) -> None:
    key = draws.keys([3, 2**63 - 5, 0])
    assert draws.keeps(key, n, p, start).equal(draws.uniform(key, n, start) >= p)


def test_the_first_numbers_of_neighboring_keys_are_uniform() -> None:
    key = draws.fold(draws.keys([3])[0], torch.arange(100_000, dtype=torch.int32))
    assert stats.kstest(draws.uniform(key, 1)[:, 0].double().numpy(), "uniform").pvalue > 1e-4


def test_folds_of_one_key_do_not_meet() -> None:
    key = draws.fold(draws.keys([3])[0], torch.arange(100_000, dtype=torch.int32))
    assert len(torch.unique(key, dim=0)) == 100_000


def test_every_permutation_is_equally_likely() -> None:
    orders = draws.permutation(draws.keys(range(24_000)), 4)
    assert bool((orders.sort(dim=1).values == torch.arange(4)).all())
    codes = (orders * torch.tensor([64, 16, 4, 1])).sum(dim=1)
    counts = [int((codes == 64 * a + 16 * b + 4 * c + d).sum()) for a, b, c, d in itertools.permutations(range(4))]
    assert sum(counts) == 24_000
    assert stats.chisquare(counts).pvalue > 1e-4


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.integers(0, 300))
def test_a_permutation_sorts_the_words(seed: int, n: int) -> None:
    (key,) = draws.keys([seed])
    words = [word - (word >> 31 << 32) for word in python_bits(split(seed), n)]
    assert draws.permutation(key, n).tolist() == sorted(range(n), key=words.__getitem__)


def test_no_seeds_give_no_keys() -> None:
    assert draws.bits(draws.keys([]), 3).shape == (0, 3)
