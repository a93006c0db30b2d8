"""Herding in which a sample stands only for those that probably have its class (docs/universal.md, rule 8).

The gain of a candidate c is Σ U_j · A_cj · max(K_cj − m_j, 0), with A_cj how likely c and j have one class. What is
covered does not depend on A: where a sample is labeled, its neighborhood is known.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from replay import Floats, State, softmax, unit, unsure

if TYPE_CHECKING:
    from herding_variants import Variant

Beliefs = Callable[[State], Floats]
"""The probabilities [n, C] of the classes of all samples; those of labeled samples are 0 and 1."""

_NEIGHBORS = 10


def standing_for(alike: Callable[[State], Floats]) -> Variant:
    """Uncertainty Herding whose candidates stand for their own class; ``alike`` gives A [n, n]."""

    def choose(state: State, k: int) -> list[int]:
        near, weights, alikes = state.kernel(), unsure(state.probs()), alike(state)
        covered, free, chosen = near[state.labeled].max(0), state.free.copy(), list[int]()
        for _ in range(k):
            gains = np.maximum(near - covered, 0)
            gains *= alikes
            chosen.append(best := int(np.where(free, gains @ weights, -1).argmax()))
            free[best], covered = False, np.maximum(covered, near[best])
        return chosen

    return choose


def one_class(state: State) -> Floats:
    """Whether two samples have one class: a control, which knows all labels."""
    return np.eye(state.classes, dtype=np.float32)[state.truth] @ np.eye(state.classes, dtype=np.float32)[state.truth].T


def product(beliefs: Beliefs) -> Callable[[State], Floats]:
    """How likely two samples have one class, if the beliefs are right and independent."""

    def alike(state: State) -> Floats:
        found = beliefs(state)
        answer: Floats = found @ found.T
        return answer

    return alike


def cosine(*beliefs: Beliefs, power: float = 1.0) -> Callable[[State], Floats]:
    """The cosine of the beliefs of two samples, to a power: unlike `product`, it does not prefer the sure; of several
    beliefs the product of the cosines."""

    def alike(state: State) -> Floats:
        found = np.ones((state.n, state.n), np.float32)
        for own in beliefs:
            rows = unit(own(state))
            found *= np.maximum(rows @ rows.T, 1e-9)
        answer: Floats = found**power
        return answer

    return alike


def of_head(state: State) -> Floats:
    """Those of the calibrated head."""
    return _told(state, state.probs())


def of_folds(state: State) -> Floats:
    """The mean of the head and its folds."""
    logits: Floats = np.concatenate([state.logits[None], state.fold_logits])
    return _told(state, softmax(logits / state.heat).mean(0))


def spread(state: State) -> Floats:
    """Labels that spread along the graph of the ten nearest neighbors (Zhou et al., NeurIPS 2003), classes balanced."""
    same = state.same.copy()
    np.fill_diagonal(same, -9)
    near = np.argpartition(-same, _NEIGHBORS, axis=1)[:, :_NEIGHBORS]
    apart = np.maximum(2 - 2 * np.take_along_axis(same, near, 1), 0)
    graph = np.zeros((state.n, state.n), np.float32)
    np.put_along_axis(graph, near, np.exp(-apart / np.sqrt(apart).mean() ** 2), 1)
    graph = np.maximum(graph, graph.T)
    degree = np.sqrt(graph.sum(1) + 1e-9)
    said = np.eye(state.classes, dtype=np.float32)[state.labels]
    ends = np.zeros((state.n, state.classes), np.float32)
    ends[state.labeled] = said / np.maximum(said.sum(0), 1)
    system = np.eye(state.n, dtype=np.float32) - 0.9 * graph / degree[:, None] / degree
    found = np.maximum(np.linalg.solve(system, ends), 0) + 1e-6
    answer: Floats = found / found.sum(1, keepdims=True)
    return answer


def mixed(state: State) -> Floats:
    """Those of the head times the root of the spread ones."""
    found = of_head(state) * np.sqrt(spread(state))
    answer: Floats = found / found.sum(1, keepdims=True)
    return answer


def _told(state: State, beliefs: Floats) -> Floats:
    beliefs = beliefs.copy()
    beliefs[state.labeled] = np.eye(state.classes, dtype=np.float32)[state.labels]
    return beliefs


ALIKE: dict[str, Variant] = {
    "alike: p·p": standing_for(product(of_head)),
    "alike: cosine of p": standing_for(cosine(of_head)),
    "alike: its square": standing_for(cosine(of_head, power=2)),
    "alike: cosine of the folds": standing_for(cosine(of_folds)),
    "alike: cosine of spread labels": standing_for(cosine(spread)),
    "alike: cosine of p and spread labels": standing_for(cosine(mixed)),
    "alike: both cosines": standing_for(cosine(of_head, spread)),
}
