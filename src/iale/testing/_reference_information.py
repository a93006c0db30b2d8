"""Slow, obvious versions of the strategies that choose by information, in float64 (see `iale.testing.reference`).

Legend of dimensions: n candidates, L labeled samples, C classes, D embedding, K passes.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

_Floats = NDArray[np.float64]


def fisher_rows(logits: ArrayLike, embeddings: ArrayLike, full: bool) -> list[_Floats]:
    """V of each sample, [r, P]: its information is VᵀV.

    ``full`` gives a row √p_c (e_c − p) ⊗ z for each class, [C, C·D]; otherwise there is one row, √(p₁(1 − p₁)) z.
    """
    result = []
    for row, z in zip(np.asarray(logits, dtype=np.float64), np.asarray(embeddings, dtype=np.float64), strict=True):
        powers = np.array([math.exp(value - max(row)) for value in row])
        p = powers / powers.sum()
        if full:
            result.append(np.array([math.sqrt(p[c]) * np.kron(np.eye(len(p))[c] - p, z) for c in range(len(p))]))
        else:
            others = sum(value for c, value in enumerate(p) if c != p.argmax())
            result.append(np.array([math.sqrt(p.max() * others) * z]))
    return result


def bait(
    candidates: Sequence[_Floats], labeled: Sequence[_Floats], k: int, rng: np.random.Generator, ridge: float = 1.0
) -> list[int]:
    """k positions by 2k greedy additions and k greedy removals, each with a fresh inverse of M.

    ``candidates`` and ``labeled`` hold V of each sample (`fisher_rows`). ``rng`` gives one permutation of the
    candidates, in which the first of several tied ones is chosen and the last is removed.
    """
    n, count = len(candidates), len(labeled)
    order = [int(value) for value in rng.permutation(n)]
    size = candidates[0].shape[1]
    whole = np.zeros((size, size)) + sum(v.T @ v for v in [*candidates, *labeled]) / (n + count)
    held = ridge * np.eye(size) + sum(v.T @ v for v in labeled) / (count + k)
    weight = k / (count + k)

    def effect(chosen: list[int], i: int, sign: int) -> float:
        inverse = np.linalg.inv(held + sum(weight * candidates[j].T @ candidates[j] for j in chosen))
        v = weight**0.5 * candidates[i]
        middle = np.linalg.inv(np.eye(len(v)) + sign * v @ inverse @ v.T)
        return float(np.trace(v @ inverse @ whole @ inverse @ v.T @ middle))

    chosen: list[int] = []
    tied = 0.0
    while len(chosen) < min(2 * k, n):
        gains = {i: effect(chosen, i, 1) for i in range(n) if i not in chosen}
        tied = tied or 1e-9 * max(gains.values())
        near = [i for i in gains if gains[i] >= max(gains.values()) - tied]
        chosen.append(min(near, key=order.__getitem__))
    while len(chosen) > k:
        losses = {i: effect(chosen, i, -1) for i in chosen}
        near = [i for i in losses if losses[i] <= min(losses.values()) + tied]
        chosen.remove(max(near, key=order.__getitem__))
    return chosen


def bald(probs: ArrayLike) -> list[float]:
    """H(mean) − mean H, in nats, for probabilities [K, n, C]."""
    passes = np.asarray(probs, dtype=np.float64)
    return [
        _entropy(passes[:, i].mean(axis=0)) - sum(_entropy(p) for p in passes[:, i]) / len(passes)
        for i in range(passes.shape[1])
    ]


def joint_information(probs: ArrayLike, batch: Sequence[int]) -> float:
    """What the labels of a whole batch tell about the pass, in nats, for probabilities [K, n, C].

    H of all C^|batch| combinations of labels, one by one, less the mean over passes of Σ H of each label.
    """
    passes = np.asarray(probs, dtype=np.float64)
    joint = []
    for labels in itertools.product(range(passes.shape[2]), repeat=len(batch)):
        chances = [math.prod(p[i, label] for i, label in zip(batch, labels, strict=True)) for p in passes]
        joint.append(sum(chances) / len(passes))
    apart = sum(_entropy(p[i]) for p in passes for i in batch) / len(passes)
    return _entropy(joint) - apart


def _entropy(chances: Sequence[float] | _Floats) -> float:
    return -sum(float(p) * math.log(p) for p in chances if p > 0)
