"""Where a head is too sure: probabilities that know how far a sample is from the labels (docs/universal.md)."""

from __future__ import annotations

import numpy as np

from replay import HEATS, Floats, State, fit, softmax, unsure

BAGS = 10
SPREADS = (0.0, 0.1, 0.3, 1.0, 3.0, 10.0)
PRIOR = 0.5  # standard deviation of the logarithm of a temperature, before any label


def leverage(state: State) -> Floats:
    """v = x'(Σ xx' / 4 + penalty)⁻¹x of each sample, of the labeled ones without their fold: [n], [L]."""
    penalty = np.full(state.inputs.shape[1], state.strength, np.float32)
    penalty[-1] = 1e-2
    known = state.inputs[state.labeled]

    def against(rows: Floats, learned: Floats) -> Floats:
        inverse = np.linalg.inv(learned.T @ learned / 4 + np.diag(penalty))
        answer: Floats = np.maximum(((rows @ inverse) * rows).sum(1), 0)
        return answer

    own = np.zeros(len(known), np.float32)
    for fold in np.unique(state.folds):
        own[state.folds == fold] = against(known[state.folds == fold], known[state.folds != fold])
    return np.concatenate([against(state.inputs, known), own])


def by_leverage(state: State) -> Floats:
    """U of logits / √(T²(1 + λv)), where held-out labels are likeliest."""
    both = leverage(state)
    spread, own = both[: state.n], both[state.n :]
    places, scale = np.arange(len(own)), own.mean()

    def loss(heat: float, share: float) -> float:
        divided = state.held_out / (heat * np.sqrt(1 + share * own / scale))[:, None]
        return float(-np.log(np.maximum(softmax(divided)[places, state.labels], 1e-12)).mean())

    heat, share = min(((heat, share) for share in SPREADS for heat in HEATS), key=lambda pair: loss(*pair))
    return unsure(softmax(state.logits / (heat * np.sqrt(1 + share * spread / scale))[:, None]))


def of_folds(state: State) -> Floats:
    """U of the mean over the heads of the folds."""
    return unsure(softmax(state.fold_logits / state.heat).mean(0))


def bags(state: State) -> Floats:
    """The probabilities of heads on bootstraps [B, n, C], with a temperature that is fitted out of bag."""
    count = len(state.labeled)
    weights = state.rng.multinomial(count, np.full(count, 1 / count), BAGS).astype(np.float32)
    known = np.broadcast_to(state.inputs[state.labeled], (BAGS, count, state.inputs.shape[1]))
    targets = np.broadcast_to(np.eye(state.classes, dtype=np.float32)[state.labels], (BAGS, count, state.classes))
    logits = state.inputs @ fit(known, targets, weights, state.strength)
    outside, places = weights == 0, np.arange(count)
    seen = outside.any(0)

    def loss(heat: float) -> float:
        likely = softmax(logits[:, state.labeled] / heat)[:, places, state.labels]
        mean = (likely * outside).sum(0)[seen] / outside.sum(0)[seen]
        return float(-np.log(np.maximum(mean, 1e-12)).mean())

    return softmax(logits / min(HEATS, key=loss))


def of_bags(state: State) -> Floats:
    """U of their mean."""
    return unsure(bags(state).mean(0))


def information(state: State) -> Floats:
    """The entropy of their mean without the mean of their entropies."""
    found = bags(state)
    answer: Floats = (_entropy(found.mean(0)) - _entropy(found).mean(0)).astype(np.float32)
    return answer


def half_information(state: State) -> Floats:
    """U of their mean times the share of the entropy that is information, to the power of one half."""
    found = bags(state)
    whole = _entropy(found.mean(0))
    share = np.maximum(whole - _entropy(found).mean(0), 0) / np.maximum(whole, 1e-9)
    answer: Floats = (unsure(found.mean(0)) * np.sqrt(share)).astype(np.float32)
    return answer


def shrunk(state: State) -> Floats:
    """U with a temperature that is nearer to 1 the less certain it is."""
    places, step = np.arange(len(state.labels)), 0.1

    def loss(log_heat: float) -> float:
        likely = softmax(state.held_out / np.exp(log_heat))[places, state.labels]
        return float(-np.log(np.maximum(likely, 1e-12)).sum())

    own = float(np.log(state.heat))
    bend = max((loss(own + step) - 2 * loss(own) + loss(own - step)) / step**2, 1e-6)
    return unsure(softmax(state.logits / np.exp(own / (1 + 1 / (bend * PRIOR**2)))))


def _entropy(probs: Floats) -> Floats:
    found: Floats = -(probs * np.log(probs + 1e-12)).sum(-1)
    return found
