"""Slow, obvious versions of the strategies, in float64, one number at a time.

They share no code with the strategies and are meant to be read next to the papers. Inputs are anything that NumPy can
turn into arrays. More than a few hundred candidates take long.
Legend of dimensions: n candidates, L labeled samples, C classes, D embedding, N passes or members.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

_Floats = NDArray[np.float64]


def _probabilities(logits: ArrayLike) -> _Floats:
    """[n, C]: p_c = exp(z_c) / Σ_b exp(z_b)."""
    return np.array([_softmax(row) for row in _array(logits)])


def confidence(logits: ArrayLike) -> list[float]:
    """1 − max_y p(y|x) for each row of logits [n, C]."""
    return [1 - max(row) for row in _probabilities(logits)]


def margin(logits: ArrayLike) -> list[float]:
    """−(p₁ − p₂) for each row of logits [n, C]."""
    pairs = [sorted(row, reverse=True)[:2] for row in _probabilities(logits)]
    return [-(first - second) for first, second in pairs]


def entropy(logits: ArrayLike) -> list[float]:
    """−Σ_y p ln p for each row of logits [n, C], in nats."""
    return [-sum(p * math.log(p) for p in row if p > 0) for row in _probabilities(logits)]


def variation_ratio(probs: ArrayLike) -> list[float]:
    """1 − m/N (paper, Eq. 4) for probabilities [N, n, C]."""
    voters = _array(probs)
    result = []
    for candidate in range(voters.shape[1]):
        votes = [_first_of_the_largest(voter[candidate]) for voter in voters]
        result.append(1 - max(votes.count(vote) for vote in votes) / len(votes))
    return result


def gradient_embeddings(logits: ArrayLike, embeddings: ArrayLike) -> _Floats:
    """[n, C·D]: (p − onehot(argmax p)) ⊗ h, the classes' rows one after another."""
    result = []
    for row, embedding in zip(_probabilities(logits), _array(embeddings), strict=True):
        likely = _first_of_the_largest(row)
        factors = list(row)
        factors[likely] = -sum(p for label, p in enumerate(row) if label != likely)
        result.append([factor * x for factor in factors for x in embedding])
    return np.array(result)


def badge(logits: ArrayLike, embeddings: ArrayLike, k: int, rng: np.random.Generator) -> list[int]:
    """k positions for logits [n, C] and embeddings [n, D], by k-means++ sampling of gradient embeddings.

    Each takes one ``rng.random()``. At first, the weights are 1 for the largest norm and 0 otherwise; after that, the
    squared distances to the nearest chosen gradient. If all weights are 0, those of candidates that have not been
    chosen become 1.
    """
    gradients = gradient_embeddings(logits, embeddings)
    norms = [_squared_distance(row, np.zeros_like(row)) for row in gradients]
    largest = max(norms)
    weights = [1.0 if math.isclose(norm, largest, rel_tol=1e-12) else 0.0 for norm in norms]
    chosen: list[int] = []
    while True:
        chosen.append(_draw(weights, rng.random()))
        if len(chosen) == k:
            return chosen
        weights = [
            0.0 if i in chosen else min(_squared_distance(row, gradients[j]) for j in chosen)
            for i, row in enumerate(gradients)
        ]
        if sum(weights) == 0:
            weights = [0.0 if i in chosen else 1.0 for i in range(len(gradients))]


def coreset(candidates: ArrayLike, labeled: ArrayLike, k: int, rng: np.random.Generator) -> list[int]:
    """k positions of candidates [n, D] by greedy k-center; of several at the same distance, the first.

    ``labeled`` is [L, D]. If L is 0, the first center is ``rng.integers(n)``; otherwise ``rng`` is not read.
    """
    points, centers = list(_array(candidates)), list(_array(labeled))
    chosen: list[int] = []
    if not centers:
        chosen.append(int(rng.integers(len(points))))
        centers.append(points[chosen[0]])
    while len(chosen) < k:
        best, farthest = -1.0, -1
        for position, point in enumerate(points):
            if position not in chosen:
                distance = min(math.sqrt(_squared_distance(point, center)) for center in centers)
                if distance > best:
                    best, farthest = distance, position
        chosen.append(farthest)
        centers.append(points[farthest])
    return chosen


def herding(
    candidates: ArrayLike, labeled: ArrayLike, uncertainty: ArrayLike, bandwidth: float, chosen: Sequence[int]
) -> list[list[int]]:
    """The positions that may stand at each place of ``chosen``, given those before it: all with the largest gain.

    ``candidates`` is [n, D], ``labeled`` [L, D], and ``uncertainty`` [n + L]: of candidates, then of labeled samples.
    A gain is as large as another if they differ by at most 1e-12 of all uncertainty.
    """
    points = [_unit(row) for row in (*_array(candidates), *_array(labeled))]
    n = len(_array(candidates))
    weights = _array(uncertainty).tolist()
    total = sum(weights) or 1.0
    near = [[_kernel(one, other, bandwidth) for other in points] for one in points]
    covered = [max((near[known][j] for known in range(n, len(points))), default=0.0) for j in range(len(points))]
    steps: list[list[int]] = []
    for step, choice in enumerate(chosen):
        gains = {
            i: sum(w * max(near[i][j] - covered[j], 0.0) for j, w in enumerate(weights)) / total
            for i in range(n)
            if i not in chosen[:step]
        }
        largest = max(gains.values())
        steps.append([i for i, gain in gains.items() if gain >= largest - 1e-12])
        covered = [max(value, near[choice][j]) for j, value in enumerate(covered)]
    return steps


def _kernel(one: _Floats, other: _Floats, bandwidth: float) -> float:
    """How alike two rows of length 1 are; a row of zeros is like no other, and not even like itself."""
    return math.exp(-_squared_distance(one, other) / bandwidth**2) if one.any() and other.any() else 0.0


def doubted(opinion: ArrayLike, logits: ArrayLike) -> list[float]:
    """1 − (q of the class with the largest logit − the largest other q), a row of [n, C] at a time."""
    found = []
    for row, own in zip(_array(opinion), _array(logits), strict=True):
        answer = _first_of_the_largest(own)
        found.append(
            1 - (float(row[answer]) - max([q for c, q in enumerate(row.tolist()) if c != answer], default=0.0))
        )
    return found


def bandwidth(labeled: ArrayLike, rule: str) -> float:
    """The "median" or "smallest" distance of labeled rows [L, D] to their nearest, at unit length and at least 0.01."""
    points = [_unit(row) for row in _array(labeled)]
    nearest = []
    for one in points:
        distances = [math.sqrt(_squared_distance(one, other)) for other in points]
        nearest += [min(d for d in distances if d >= 0.01)] if any(d >= 0.01 for d in distances) else []
    if not nearest:
        return 1.0
    return float(np.median(nearest)) if rule == "median" else min(nearest)


def _unit(row: _Floats) -> _Floats:
    length = math.sqrt(sum(x * x for x in row.tolist()))
    return row / length if length else row


def _array(values: ArrayLike) -> _Floats:
    return np.asarray(values, dtype=np.float64)


def _softmax(row: _Floats) -> list[float]:
    powers = [math.exp(value - max(row)) for value in row]
    return [power / sum(powers) for power in powers]


def _first_of_the_largest(row: _Floats) -> int:
    return [float(value) for value in row].index(float(max(row)))


def _squared_distance(one: _Floats, other: _Floats) -> float:
    return float(sum((a - b) ** 2 for a, b in zip(one.tolist(), other.tolist(), strict=True)))


def _draw(weights: list[float], number: float) -> int:
    """The first position whose cumulative sum exceeds ``number`` times the total."""
    sums = list(itertools.accumulate(weights))
    for position, running in enumerate(sums):
        if running > number * sums[-1]:
            return position
    return sums.index(sums[-1])
