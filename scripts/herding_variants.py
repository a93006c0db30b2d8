"""Departures from Uncertainty Herding that were made by hand (docs/universal.md).

Herding is written here once more, on arrays of the replay, so that a variant can replace any part of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from head_spread import by_leverage, half_information, information, of_bags, of_folds, shrunk
from herding_alike import ALIKE
from replay import Floats, Ints, State, fit, softmax, unsure

Variant = Callable[[State, int], list[int]]


def covering(kernel: Floats, weights: Floats, covered: Floats) -> Floats:
    """Σ w·max(K − m, 0) for each row of the kernel, a few rows at a time so that they stay in the cache."""
    gains = np.empty(len(kernel), np.float32)
    for start in range(0, len(kernel), 64):
        more = kernel[start : start + 64] - covered
        gains[start : start + 64] = np.maximum(more, 0, out=more) @ weights
    return gains


def greedy(
    kernel: Floats,
    weights: Floats,
    covered: Floats,
    free: NDArray[np.bool_],
    k: int,
    liked: Floats | None = None,
) -> list[int]:
    """k samples, each with the largest gain Σ w·max(K − m, 0), times ``liked``; old gains are upper bounds."""
    covered, free, chosen = covered.copy(), free.copy(), list[int]()
    like = np.ones(len(kernel), np.float32) if liked is None else liked
    gains, fresh = like * covering(kernel, weights, covered), np.ones(len(kernel), bool)
    for _ in range(k):
        while not fresh[best := int(np.where(free, gains, -1).argmax())]:
            top = np.argsort(-np.where(free, gains, -1), kind="stable")[:32]  # of ties, the one that is best, too
            top = top[~fresh[top]]
            gains[top], fresh[top] = like[top] * covering(kernel[top], weights, covered), True
        chosen.append(best)
        free[best], fresh[:] = False, False
        covered = np.maximum(covered, kernel[best])
    return chosen


def swapped(kernel: Floats, weights: Floats, covered: Floats, free: NDArray[np.bool_], chosen: list[int]) -> list[int]:
    """The batch after up to three rounds in which each sample gives way to a better one.

    What a sample gains once another is gone is what it gains beside all, and what that one alone had covered.
    """
    best = np.maximum(covered, kernel[chosen].max(0))
    gains = weights @ np.maximum(kernel - best[:, None], 0)

    def more(columns: Ints, low: Floats) -> Floats:
        rows, own = kernel[columns], weights[columns]
        answer: Floats = own @ (np.maximum(rows - low[columns, None], 0) - np.maximum(rows - best[columns, None], 0))
        return answer

    for _ in range(3):
        before = list(chosen)
        for place in range(len(chosen)):
            rest = chosen[:place] + chosen[place + 1 :]
            others = np.maximum(covered, kernel[rest].max(0)) if rest else covered
            without = np.where(free, gains + more(np.flatnonzero(others < best), others), -1)
            without[rest] = -1
            new = int(without.argmax())
            if without[new] > without[chosen[place]] * (1 + 1e-5):
                chosen[place] = new
                after = np.maximum(others, kernel[new])
                gains = gains + more(np.flatnonzero(after != best), after)
                best = after
        if chosen == before:
            break
    return chosen


def herding(
    *,
    factor: float = 1.0,
    power: float = 1.0,
    floor: float = 0.0,
    trust: float = 1.0,
    swap: bool = False,
    calibrated: bool = True,
    parts: int = 1,
    after: bool = False,
    weigh: Callable[[State], Floats] | None = None,
    kernel: Callable[[State], Floats] | None = None,
    like: Callable[[State, int], Floats] | None = None,
) -> Variant:
    """Uncertainty Herding, and what departs from it.

    ``factor`` multiplies the bandwidth; weights are U^power + floor, or what ``weigh`` gives; what labeled samples
    cover counts as ``trust``; a batch is chosen in ``parts``, each with a bandwidth of its own; ``after``
    chooses anew with the bandwidth of the labels and the batch.
    """

    def choose(state: State, k: int) -> list[int]:
        weights = weigh(state) if weigh else unsure(state.probs(calibrated=calibrated)) ** power
        weights = (weights + floor).astype(np.float32)

        def best(labeled: Ints, free: NDArray[np.bool_], count: int, wide: Ints) -> list[int]:
            seen = replace(state, labeled=wide)
            near = kernel(seen) if kernel else seen.kernel(factor)
            covered = trust * near[labeled].max(0)
            found = greedy(near, weights, covered, free, count, like(state, k) if like else None)
            return swapped(near, weights, covered, free, found) if swap else found

        chosen, free, labeled = list[int](), state.free.copy(), state.labeled
        for part in np.array_split(np.arange(k), parts):
            found = best(labeled, free, len(part), labeled)
            if after:
                found = best(labeled, free, len(part), np.concatenate([labeled, found]))
            chosen += found
            free[found] = False
            labeled = np.concatenate([labeled, found])
        return chosen

    return choose


def imagined(*, sure: bool, parts: int = 5) -> Variant:
    """A batch in parts, with a head that is refitted between them to what it says of those already chosen.

    That is its own answer (``sure``), or its calibrated probabilities.
    """

    def choose(state: State, k: int) -> list[int]:
        one, believed = np.eye(state.classes, dtype=np.float32), state.probs()
        said = one[believed.argmax(1)] if sure else believed
        chosen, now = list[int](), state
        for part in np.array_split(np.arange(k), parts):
            chosen += herding()(now, len(part))
            rows, free = np.concatenate([state.labeled, np.array(chosen)]), state.free.copy()
            free[chosen] = False
            targets = np.concatenate([one[state.labels], said[chosen]])[None]
            head = fit(state.inputs[rows][None], targets, np.ones((1, len(rows)), np.float32), state.strength)[0]
            now = replace(state, labeled=rows, free=free, logits=state.inputs @ head)
        return chosen

    return choose


def informative(power: float) -> Callable[[State, int], Floats]:
    """BAIT's gain at its first step, c·w·x'M⁻¹FM⁻¹x / (1 + c·w·x'M⁻¹x), to a power."""

    def like(state: State, k: int) -> Floats:
        probs = state.probs(calibrated=False).max(1)
        rows = state.inputs * np.sqrt(probs * (1 - probs))[:, None]
        total, known = len(state.labeled) + k, rows[state.labeled]
        inverse = np.linalg.inv(known.T @ known / total + np.eye(rows.shape[1], dtype=np.float32))
        turned, share = rows @ inverse, k / total
        gains = share * ((turned @ (rows.T @ rows / state.n)) * turned).sum(1)
        gains = gains / (1 + share * (turned * rows).sum(1))
        answer: Floats = np.maximum(gains / gains.max(), 1e-9).astype(np.float32) ** power
        return answer

    return like


def prob_cover(state: State, k: int) -> list[int]:
    """The most samples that are nearer than the bandwidth."""
    near = (state.same > 1 - state.bandwidth() ** 2 / 2).astype(np.float32)
    return greedy(near, np.ones(state.n, np.float32), near[state.labeled].max(0), state.free, k)


def random(state: State, k: int) -> list[int]:
    """Any k."""
    answer: list[int] = state.rng.choice(np.flatnonzero(state.free), k, replace=False).tolist()
    return answer


def margin(state: State, k: int) -> list[int]:
    """The k with the largest U, without a temperature."""
    answer: list[int] = np.argsort(-np.where(state.free, unsure(state.probs(calibrated=False)), -1))[:k].tolist()
    return answer


def max_herding(state: State, k: int) -> list[int]:
    """Herding with U = 1 and δ = 1."""
    near = np.exp(2 * (state.same - 1))
    return greedy(near, np.ones(state.n, np.float32), near[state.labeled].max(0), state.free, k)


def variance_reduction(*, weighted: bool, noise: float = 0.1) -> Variant:
    """The drop of a Gaussian process's posterior variance, summed over samples, weighted by U or not."""

    def choose(state: State, k: int) -> list[int]:
        weights = unsure(state.probs()) if weighted else np.ones(state.n, np.float32)
        near, known, free, chosen = state.kernel(), state.labeled, state.free.copy(), list[int]()
        held = near[np.ix_(known, known)] + noise * np.eye(len(known), dtype=np.float32)
        left = near - near[:, known] @ np.linalg.solve(held, near[known])
        for _ in range(k):
            gains = (left * left) @ weights / (np.maximum(np.diag(left), 0) + noise)
            best = int(np.where(free, gains, -1).argmax())
            chosen.append(best)
            free[best], column = False, left[:, best].copy()
            left = left - np.outer(column, column) / (column[best] + noise)
        return chosen

    return choose


def votes(state: State, width: float, *, own: bool) -> Floats:
    """Log votes of labeled neighbors, of all samples or of the labeled ones without themselves."""
    rows = state.labeled if own else np.arange(state.n)
    near = np.exp(2 * (state.same[np.ix_(rows, state.labeled)] - 1) / width**2)
    if own:
        np.fill_diagonal(near, 0)
    sums = near @ np.eye(state.classes)[state.labels]
    answer: Floats = np.log(sums + 0.02 * sums.sum(1, keepdims=True).mean() / state.classes + 1e-9)
    return answer


def stacked(state: State, share: float = 1.0) -> Floats:
    """U of classifier and neighbors together, mixed so that held-out labels are likeliest."""
    best, places = (np.inf, 1.0, 0.0, 0.5), np.arange(len(state.labels))
    for width in (0.35, 0.5, 0.7):
        own = votes(state, width, own=True)
        for a in (0.1, 0.2, 0.4, 0.7, 1.0, 1.5, 2.5):
            for b in (0, 0.25, 0.5, 1.0, 2.0):
                likely = softmax(a * state.held_out + b * own)[places, state.labels]
                best = min(best, (float(-np.log(likely + 1e-9).mean() + 0.01 * b), a, b, width))
    _, a, b, width = best
    return unsure(share * softmax(a * state.logits + b * votes(state, width, own=False)) + (1 - share) * state.probs())


def entropy(state: State) -> Floats:
    """As a share of log C."""
    probs = state.probs()
    answer: Floats = -(probs * np.log(probs + 1e-12)).sum(1) / np.log(state.classes)
    return answer


def balanced(state: State) -> Floats:
    """U, and more of it where the likely classes have few labels."""
    shares = (np.bincount(state.labels, minlength=state.classes) + 1) / (len(state.labels) + state.classes)
    probs = state.probs()
    answer: Floats = unsure(probs) * ((probs / shares).sum(1) / state.classes) ** 0.5
    return answer


def diffused(share: float) -> Callable[[State], Floats]:
    """A kernel that follows the graph of the ten nearest neighbors, mixed with the usual one."""

    def kernel(state: State) -> Floats:
        n, same = state.n, state.same.copy()
        np.fill_diagonal(same, -9)
        near = np.argpartition(-same, 10, axis=1)[:, :10]
        apart = 2 - 2 * np.take_along_axis(same, near, 1)
        graph = np.zeros((n, n), np.float32)
        np.put_along_axis(graph, near, np.exp(-apart / np.sqrt(np.maximum(apart, 0)).mean() ** 2), 1)
        graph = np.maximum(graph, graph.T)
        degree = np.sqrt(graph.sum(1) + 1e-9)
        spread = np.linalg.inv(np.eye(n, dtype=np.float32) - 0.95 * graph / degree[:, None] / degree)
        own = np.sqrt(np.diag(spread))
        answer: Floats = ((1 - share) * state.kernel() + share * spread / own[:, None] / own).astype(np.float32)
        return answer

    return kernel


def alike(power: float) -> Callable[[State], Floats]:
    """The kernel times the likelihood that two samples have one label."""

    def kernel(state: State) -> Floats:
        probs = state.probs()
        probs[state.labeled] = np.eye(state.classes, dtype=np.float32)[state.labels]
        answer: Floats = state.kernel() * np.maximum(np.sqrt(probs) @ np.sqrt(probs).T, 1e-6) ** power
        return answer

    return kernel


VARIANTS: dict[str, Variant] = {
    "uherding": herding(),
    "random": random,
    "margin": margin,
    "maxherding": max_herding,
    "no temperature": herding(calibrated=False),
    "bandwidth × 0.6": herding(factor=0.6),
    "bandwidth × 0.7": herding(factor=0.7),
    "bandwidth × 0.8": herding(factor=0.8),
    "bandwidth × 1.25": herding(factor=1.25),
    "bandwidth × 1.4": herding(factor=1.4),
    "U^0.5": herding(power=0.5),
    "U^2": herding(power=2),
    "U = entropy": herding(weigh=entropy),
    "U = 1 − p₁": herding(weigh=lambda state: 1 - state.probs().max(1)),
    "U of stacked neighbors": herding(weigh=stacked),
    "half of it": herding(weigh=lambda state: stacked(state, 0.5)),
    "class balance": herding(weigh=balanced),
    "diffusion kernel": herding(kernel=diffused(1.0)),
    "half a diffusion kernel": herding(kernel=diffused(0.5)),
    "kernel of like labels": herding(kernel=alike(1.0)),
    "its root": herding(kernel=alike(0.5)),
    "variance reduction": variance_reduction(weighted=False),
    "weighted variance reduction": variance_reduction(weighted=True),
    "U + 0.1": herding(floor=0.1),
    "labels cover 0.9": herding(trust=0.9),
    "labels cover 0.8": herding(trust=0.8),
    "labels cover 0.6": herding(trust=0.6),
    "labels cover 0.8 and U + 0.1": herding(trust=0.8, floor=0.1),
    "T and leverage": herding(weigh=by_leverage),
    "mean of folds": herding(weigh=of_folds),
    "mean of bootstraps": herding(weigh=of_bags),
    "mutual information": herding(weigh=information),
    "half of its share": herding(weigh=half_information),
    "T shrunk": herding(weigh=shrunk),
    "bandwidth after the batch": herding(after=True),
    "swaps": herding(swap=True),
    "swaps and labels cover 0.9 and U + 0.1": herding(swap=True, trust=0.9, floor=0.1),
    "bandwidth anew in 5 parts": herding(parts=5),
    "refitted to its answers in 5 parts": imagined(sure=True),
    "refitted to its beliefs in 5 parts": imagined(sure=False),
    "5 parts and labels cover 0.9 and U + 0.1": herding(parts=5, trust=0.9, floor=0.1),
    **ALIKE,
}

FORMS: dict[str, Variant] = {
    **{name: VARIANTS[name] for name in ("uherding", "swaps", "swaps and labels cover 0.9 and U + 0.1")},
    **{name: VARIANTS[name] for name in ("bandwidth × 0.8", "U^0.5", "maxherding", "margin")},
    "BAIT's gain^0.2": herding(like=informative(0.2)),
    "probcover": prob_cover,
}
"""What is compared for several steps (scripts/strategy_values.py)."""
