"""Slow, obvious versions of the strategies that build on others or draw, in float64 (see `iale.testing.reference`).

Where k-means is asked, ``clusters_of`` answers: it gets rows of points and the number of clusters, and returns the
cluster of each row, because its draws are nobody else's.
Legend of dimensions: n candidates, L labeled samples, C classes, D embedding, G geometry.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from iale.testing import reference
from iale.testing._reference_clusters import alfamix_kept, dropquery_changes, typiclust

Clusters: TypeAlias = Callable[[list[list[float]], int], list[int]]
Member: TypeAlias = Callable[[list[int], int], list[int]]
_SAME = 1e-5  # relative difference of distances that float32 does not tell apart


def power(
    scores: Sequence[float], k: int, rng: np.random.Generator, form: str = "power", beta: float = 1.0
) -> list[int]:
    """k positions: each candidate waits for −ln(1 − u)/chance, and those that come first are chosen.

    The shortest of such waits belongs to a candidate with the probability of its share of all chances, and so on.
    ``rng`` gives a number for each candidate: for "softrank" first one that orders ties of scores, then u, at last one
    that orders ties of waits, as of candidates without a chance.
    """
    n = len(scores)
    if form == "softrank":
        ties = rng.random(n)
        ranked = sorted(range(n), key=lambda i: (-scores[i], ties[i]))
        chances = [(ranked.index(i) + 1.0) ** -beta for i in range(n)]
    else:
        chances = [math.exp(beta * score) if form == "softmax" else score**beta for score in scores]
    waits = [-math.log1p(-u) / chance if chance else math.inf for u, chance in zip(rng.random(n), chances, strict=True)]
    last = rng.random(n)
    return sorted(range(n), key=lambda i: (waits[i], last[i]))[:k]


def tcm(logits: ArrayLike, points: ArrayLike, k: int, rng: np.random.Generator, clusters_of: Clusters) -> list[int]:
    """k positions by typicality while fewer than 3·max(k, C) samples are labeled, then by margin.

    ``logits`` is [n, C], ``points`` [L + n, G], labeled samples first. For typicality, ``rng`` gives a permutation of
    the candidates after the clusters; for margin, a number that orders ties.
    """
    rows: list[list[float]] = np.asarray(points, dtype=np.float64).tolist()
    n, classes = (int(size) for size in np.asarray(logits).shape)
    labeled = len(rows) - n
    if labeled < 3 * max(k, classes):
        clusters = clusters_of(rows, min(labeled + k, 500))
        return typiclust(rows, clusters, labeled, k, rng.permutation(n).tolist())
    margins, ties = reference.margin(logits), rng.random(n)
    return sorted(range(n), key=lambda i: (-margins[i], ties[i]))[:k]


def dropquery(
    embeddings: ArrayLike,
    layer: tuple[ArrayLike, ArrayLike],
    chosen: Sequence[int],
    rng: np.random.Generator,
    clusters_of: Clusters,
    many: int = 25_000,
) -> list[list[int]]:
    """The positions that may stand at each place of ``chosen``: one of each cluster of what changes under dropout.

    ``embeddings`` is [n, D], and ``layer`` holds weights [C, D] and bias [C]. Two changes of the prediction are needed
    where ``many`` candidates have two.
    """
    changes = dropquery_changes(embeddings, *layer, rng)
    needed = 2 if sum(each >= 2 for each in changes) >= many else 1
    return _one_of_each_cluster(embeddings, [each >= needed for each in changes], chosen, rng, clusters_of)


def alfamix(
    embeddings: ArrayLike,
    layer: tuple[ArrayLike, ArrayLike],
    labeled: tuple[ArrayLike, Sequence[int]],
    chosen: Sequence[int],
    rng: np.random.Generator,
    clusters_of: Clusters,
) -> list[list[int]]:
    """The positions that may stand at each place of ``chosen``: one of each cluster of what a small step changes.

    ``embeddings`` is [n, D], and ``layer`` holds weights [C, D] and bias [C]; ``labeled`` holds embeddings [L, D] and
    labels, and the means of the classes are the anchors.
    """
    known, labels = np.asarray(labeled[0], dtype=np.float64).tolist(), labeled[1]
    anchors = []
    for label in sorted(set(labels)):
        own = [row for row, said in zip(known, labels, strict=True) if said == label]
        anchors.append([sum(column) / len(own) for column in zip(*own, strict=True)])
    _, kept = alfamix_kept(embeddings, *layer, anchors, len(chosen))
    return _one_of_each_cluster(embeddings, kept, chosen, rng, clusters_of)


def refine(
    n: int, k: int, members: Sequence[Member], last: Member, rng: np.random.Generator, rounds: int = 5, parts: int = 11
) -> list[int]:
    """k of n positions: ``last`` chooses from what ``members`` leave after some rounds.

    A member gets positions and k, and returns k of these positions. ``rng`` gives a permutation of what is left for
    each part, of which the first 40 %, but at most 5,000, are the part; members may draw from it after that.
    """
    left = list(range(n))
    for _ in range(rounds):
        size = min((2 * len(left) + 4) // 5, 5000)
        if size <= k:
            break
        worth: set[int] = set()
        for member in members:
            for _ in range(parts):
                worth.update(member([left[at] for at in rng.permutation(len(left)).tolist()[:size]], k))
        left = sorted(worth)
    return last(left, k)


def _one_of_each_cluster(
    embeddings: ArrayLike,
    kept: Sequence[bool],
    chosen: Sequence[int],
    rng: np.random.Generator,
    clusters_of: Clusters,
) -> list[list[int]]:
    """Of each cluster of the directions of those kept, those nearest to its mean; two of a pair are as near as another.

    What is missing is drawn, first of those kept; ``rng`` gives one permutation before the clusters.
    """
    rows = np.asarray(embeddings, dtype=np.float64).tolist()
    mixed = rng.permutation(len(rows)).tolist()
    order = [i for i in mixed if kept[i]] + [i for i in mixed if not kept[i]]
    steps: list[list[int]] = []
    if sum(kept) > len(chosen):
        competing = order[: sum(kept)]
        units = {i: [x / (math.sqrt(sum(y * y for y in rows[i])) or 1.0) for x in rows[i]] for i in competing}
        clusters = dict(zip(competing, clusters_of([rows[i] for i in competing], len(chosen)), strict=True))
        for cluster in sorted(set(clusters.values())):
            own = [i for i in competing if clusters[i] == cluster]
            middle = [sum(column) / len(own) for column in zip(*(units[i] for i in own), strict=True)]
            away = {i: sum((a - b) ** 2 for a, b in zip(units[i], middle, strict=True)) for i in own}
            steps.append([i for i in own if away[i] <= min(away.values()) * (1 + _SAME)])
    rest = [i for i in order if i not in chosen[: len(steps)]]
    return (steps + [[i] for i in rest])[: len(chosen)]
