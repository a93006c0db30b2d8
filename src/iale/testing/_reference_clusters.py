"""Slow, obvious versions of the strategies that look at clusters and neighbors, in float64, one number at a time.

What k-means found is given to them, because its draws are nobody else's. ``order`` is a random order of the candidates,
of which the first wins a tie. They share no code with the strategies.
Legend of dimensions: n candidates, L labeled samples, C classes, D embedding, G geometry.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

_SAME = 1e-6  # relative difference of means that are equal but for rounding


def typiclust(points: ArrayLike, clusters: list[int], labeled: int, k: int, order: list[int]) -> list[int]:
    """k positions of candidates by typicality.

    Args:
        points: [L + n, G], labeled samples first.
        clusters: of each of them.
        labeled: L.
        k: at most n.
        order: positions of candidates, 0 … n−1.
    """
    rows = np.asarray(points, dtype=np.float64).tolist()

    def rank(cluster: int) -> tuple[bool, int, int]:
        return clusters.count(cluster) <= 5, clusters[:labeled].count(cluster), -clusters.count(cluster)

    def spread_around(own: int, others: list[int]) -> float:
        near = sorted(_squared_distance(rows[own], rows[each]) for each in others if each != own)
        near = near[: min(20, len(others) // 2)]
        return sum(near) / len(near) if near else 0.0

    left = [labeled + position for position in order]
    chosen: list[int] = []
    for small in (False, True):
        turns = sorted((each for each in set(clusters) if rank(each)[0] == small), key=rank)
        while len(chosen) < k and any(clusters[each] in turns for each in left):
            for cluster in turns:
                members = [each for each in left if clusters[each] == cluster]
                if members and len(chosen) < k:
                    spreads = {each: spread_around(each, members) for each in members}
                    least = min(spreads.values())
                    best = next(each for each in members if spreads[each] <= least * (1 + _SAME))
                    chosen.append(best - labeled)
                    left.remove(best)
    return chosen


def probcover(points: ArrayLike, clusters: list[int], labeled: int, k: int, order: list[int]) -> list[int]:
    """k positions of candidates by greedy cover; arguments are those of `typiclust`.

    When all is covered, the rest follows in ``order``.
    """
    rows = np.asarray(points, dtype=np.float64).tolist()
    every = range(len(rows))
    between = [[math.sqrt(_squared_distance(one, other)) for other in rows] for one in rows]
    pure = sorted(
        (min((between[x][y] for y in every if clusters[x] != clusters[y]), default=math.inf) for x in every),
        reverse=True,
    )
    radius = pure[math.ceil(0.95 * len(rows)) - 1]

    def covers(x: int, y: int) -> bool:
        return x == y or between[x][y] < radius * (1 - 1e-9) or between[x][y] == 0

    uncovered = {x for x in range(labeled, len(rows)) if not any(covers(known, x) for known in range(labeled))}
    left = [labeled + position for position in order]
    chosen: list[int] = []
    while uncovered and len(chosen) < k:
        best = max(left, key=lambda x: sum(covers(x, y) for y in uncovered))  # the first of the largest
        chosen.append(best)
        left.remove(best)
        uncovered -= {y for y in uncovered if covers(best, y)}
    return [position - labeled for position in (chosen + left)[:k]]


def dropquery_changes(
    embeddings: ArrayLike, weights: ArrayLike, bias: ArrayLike, rng: np.random.Generator
) -> list[int]:
    """How often the prediction of each of n embeddings [n, D] changes in three passes of dropout.

    ``weights`` [C, D] and ``bias`` [C] are those of the last layer. A candidate's masks are ``rng.random((3, D))``.
    """
    layer, shift = np.asarray(weights, dtype=np.float64).tolist(), np.asarray(bias, dtype=np.float64).tolist()
    found = []
    for row in np.asarray(embeddings, dtype=np.float64).tolist():
        predicted = _predict(row, layer, shift)
        changes = 0
        for mask in rng.random((3, len(row))).tolist():
            dropped = [0.0 if number < 0.75 else value / 0.25 for value, number in zip(row, mask, strict=True)]
            changes += _predict(dropped, layer, shift) != predicted
        found.append(changes)
    return found


def alfamix_kept(
    embeddings: ArrayLike, weights: ArrayLike, bias: ArrayLike, anchors: ArrayLike, k: int
) -> tuple[int, list[bool]]:
    """How often ε grew, and which of n embeddings [n, D] change their class for some anchor [a, D]; see `AlfaMix`.

    ``weights`` [C, D] and ``bias`` [C] are those of the last layer. The mixing is the paper's, number by number, with
    its quotient; so no number of an embedding may equal that of an anchor.
    """
    layer, shift = np.asarray(weights, dtype=np.float64).tolist(), np.asarray(bias, dtype=np.float64).tolist()
    rows, others = np.asarray(embeddings, dtype=np.float64).tolist(), np.asarray(anchors, dtype=np.float64).tolist()
    for number in range(1, 33):
        cap = 0.03125 * number / math.sqrt(len(rows[0]))
        kept = [any(_mixed(row, anchor, layer, shift, cap) for anchor in others) for row in rows]
        if sum(kept) > k:
            break
    return number, kept


def _mixed(row: list[float], anchor: list[float], layer: list[list[float]], shift: list[float], cap: float) -> bool:
    """Whether mixing an anchor into an embedding changes the prediction (Parvaneh et al. 2022, Eq. 5)."""
    logits = [sum(w * z for w, z in zip(line, row, strict=True)) + b for line, b in zip(layer, shift, strict=True)]
    powers = [math.exp(value - max(logits)) for value in logits]
    predicted = _predict(row, layer, shift)
    residual = [power / sum(powers) - (label == predicted) for label, power in enumerate(powers)]
    gradient = [sum(a * line[d] for a, line in zip(residual, layer, strict=True)) for d in range(len(row))]
    length = math.sqrt(sum(value**2 for value in gradient))
    distance = math.sqrt(_squared_distance(row, anchor))
    alphas = [
        cap * distance / length * slope / (there - here)
        for slope, here, there in zip(gradient, row, anchor, strict=True)
    ]
    mixed = [(1 - a) * here + a * there for a, here, there in zip(alphas, row, anchor, strict=True)]
    return _predict(mixed, layer, shift) != predicted


def _predict(row: list[float], layer: list[list[float]], shift: list[float]) -> int:
    logits = [sum(w * z for w, z in zip(line, row, strict=True)) + b for line, b in zip(layer, shift, strict=True)]
    return logits.index(max(logits))


def _squared_distance(one: list[float], other: list[float]) -> float:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))
