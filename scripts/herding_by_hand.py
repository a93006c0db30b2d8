"""Departures from Uncertainty Herding that were made by hand, in paired runs of a linear head (docs/universal.md).

    python scripts/herding_by_hand.py [--batch 10] [--seeds 5] [--only NAME,NAME] [--out FILE]

The pool is 2,000 random training samples in the built-in geometry. A run starts with 20 labels, two a class, and asks
for 5 or 10 at a time up to 200, or for 50 up to 320. All variants of a seed share their pool and their first labels.
Finished runs are in the file and are not played again. Printed are the differences from Uncertainty Herding in points
of the mean accuracy: mean and 95 % interval over seeds for each family, and over the means of seeds.

The head and the greedy choice are written here anew, in NumPy: hundreds of fits a minute, with a fixed strength. So the
numbers are not those of `iale bench`, and their only use is to say which idea is worth more.
"""

from __future__ import annotations

import argparse
import json
import os
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
FAMILIES = ("digits", "mnist", "cifar10-mobilenetv2")
POOL, TEST, FIRST, FOLDS = 2000, 2000, 20, 5
LAST = {5: 200, 10: 200, 50: 320}
STRENGTH = 0.02  # of the head, times the width
WIDEST = 256  # principal components that a head sees of wider points


@dataclass
class State:
    """What a variant may see: n samples of the pool, L labeled, C classes."""

    same: Floats  # [n, n] cosines
    labeled: Ints  # [L]
    labels: Ints  # [L]
    classes: int
    logits: Floats  # [n, C]
    held_out: Floats  # [L, C] logits of fits without the sample
    heat: float
    free: NDArray[np.bool_]  # [n] not labeled
    rng: np.random.Generator

    @property
    def n(self) -> int:
        """Samples of the pool."""
        return len(self.same)

    def probs(self, *, calibrated: bool = True) -> Floats:
        """[n, C]."""
        return softmax(self.logits / (self.heat if calibrated else 1))

    def bandwidth(self) -> float:
        """The median distance of a labeled sample to its nearest one."""
        near = np.sqrt(np.maximum(2 - 2 * self.same[np.ix_(self.labeled, self.labeled)], 0))
        np.fill_diagonal(near, 9)
        return max(0.01, float(np.median(near.min(1))))

    def kernel(self, factor: float = 1.0) -> Floats:
        """[n, n], of the bandwidth times a factor."""
        return np.exp(2 * (self.same - 1) / (factor * self.bandwidth()) ** 2)


Variant = Callable[[State, int], list[int]]


def softmax(values: Floats) -> Floats:
    """Along the last axis."""
    raised = np.exp(values - values.max(-1, keepdims=True))
    return raised / raised.sum(-1, keepdims=True)


def unsure(probs: Floats) -> Floats:
    """U = 1 − (p₁ − p₂)."""
    top = np.partition(probs, -2, axis=1)
    return (1 - (top[:, -1] - top[:, -2])).astype(np.float32)


def greedy(kernel: Floats, weights: Floats, covered: Floats, free: NDArray[np.bool_], k: int) -> list[int]:
    """k samples, each with the largest gain Σ w·max(K − m, 0); old gains are upper bounds."""
    covered, free, chosen = covered.copy(), free.copy(), list[int]()
    gains, fresh = np.maximum(kernel - covered, 0) @ weights, np.ones(len(kernel), bool)
    for _ in range(k):
        while not fresh[best := int(np.where(free, gains, -1).argmax())]:
            top = np.argsort(-np.where(free, gains, -1))[:32]
            top = top[~fresh[top]]
            gains[top], fresh[top] = np.maximum(kernel[top] - covered, 0) @ weights, True
        chosen.append(best)
        free[best], fresh[:] = False, False
        covered = np.maximum(covered, kernel[best])
    return chosen


def swapped(kernel: Floats, weights: Floats, covered: Floats, free: NDArray[np.bool_], chosen: list[int]) -> list[int]:
    """The batch after up to three rounds in which each sample gives way to a better one."""
    for _ in range(3):
        before = list(chosen)
        for place in range(len(chosen)):
            rest = chosen[:place] + chosen[place + 1 :]
            others = np.maximum(covered, kernel[rest].max(0)) if rest else covered
            gains = np.where(free, np.maximum(kernel - others, 0) @ weights, -1)
            gains[rest] = -1
            best = int(gains.argmax())
            if gains[best] > gains[chosen[place]] * (1 + 1e-6):
                chosen[place] = best
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
    weigh: Callable[[State], Floats] | None = None,
    kernel: Callable[[State], Floats] | None = None,
) -> Variant:
    """Uncertainty Herding, and what departs from it.

    ``factor`` multiplies the bandwidth; weights are U^power + floor, or what ``weigh`` gives; what labeled samples
    cover counts as ``trust``; a batch is chosen in ``parts``, each with a bandwidth of its own.
    """

    def choose(state: State, k: int) -> list[int]:
        weights = weigh(state) if weigh else unsure(state.probs(calibrated=calibrated)) ** power
        weights = (weights + floor).astype(np.float32)
        chosen, free, labeled = list[int](), state.free.copy(), state.labeled
        for part in np.array_split(np.arange(k), parts):
            seen = State(**{**vars(state), "labeled": labeled})
            near = kernel(seen) if kernel else seen.kernel(factor)
            covered = trust * near[labeled].max(0)
            found = greedy(near, weights, covered, free, len(part))
            chosen += swapped(near, weights, covered, free, found) if swap else found
            free[found] = False
            labeled = np.concatenate([labeled, found])
        return chosen

    return choose


def random(state: State, k: int) -> list[int]:
    """Any k."""
    return state.rng.choice(np.flatnonzero(state.free), k, replace=False).tolist()


def margin(state: State, k: int) -> list[int]:
    """The k with the largest U, without a temperature."""
    return np.argsort(-np.where(state.free, unsure(state.probs(calibrated=False)), -1))[:k].tolist()


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
    return np.log(sums + 0.02 * sums.sum(1, keepdims=True).mean() / state.classes + 1e-9)


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
    return -(probs * np.log(probs + 1e-12)).sum(1) / np.log(state.classes)


def balanced(state: State) -> Floats:
    """U, and more of it where the likely classes have few labels."""
    shares = (np.bincount(state.labels, minlength=state.classes) + 1) / (len(state.labels) + state.classes)
    probs = state.probs()
    return unsure(probs) * ((probs / shares).sum(1) / state.classes) ** 0.5


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
        return ((1 - share) * state.kernel() + share * spread / own[:, None] / own).astype(np.float32)

    return kernel


def alike(power: float) -> Callable[[State], Floats]:
    """The kernel times the likelihood that two samples have one label."""

    def kernel(state: State) -> Floats:
        probs = state.probs()
        probs[state.labeled] = np.eye(state.classes, dtype=np.float32)[state.labels]
        return state.kernel() * np.maximum(np.sqrt(probs) @ np.sqrt(probs).T, 1e-6) ** power

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
    "swaps": herding(swap=True),
    "swaps and labels cover 0.9 and U + 0.1": herding(swap=True, trust=0.9, floor=0.1),
    "bandwidth anew in 5 parts": herding(parts=5),
    "5 parts and labels cover 0.9 and U + 0.1": herding(parts=5, trust=0.9, floor=0.1),
}


def fit(inputs: Floats, targets: Floats, weights: Floats, strength: float) -> Floats:
    """Softmax regressions, several at once: inputs [R, L, D] with a last column of ones, weights [R, L]; [R, D, C].

    Accelerated steps under Böhning's bound of the curvature (1992), with restarts.
    """
    penalty = np.full(inputs.shape[2], strength, np.float32)
    penalty[-1] = 1e-4
    curved = 0.5 * np.einsum("rni,rn,rnj->rij", inputs, weights, inputs, optimize=True)
    step = np.linalg.inv(curved + np.diag(penalty))
    now = ahead = np.zeros((len(inputs), inputs.shape[2], targets.shape[2]), np.float32)
    pace = 1.0
    for turn in range(150):
        wrong = (softmax(inputs @ ahead) - targets) * weights[:, :, None]
        slope = np.swapaxes(inputs, 1, 2) @ wrong + penalty[:, None] * ahead
        move = step @ slope
        new = ahead - move
        if turn and (slope * (new - now)).sum() > 0:
            pace = 1.0
        faster = (1 + np.sqrt(1 + 4 * pace * pace)) / 2
        ahead, now, pace = new + ((pace - 1) / faster) * (new - now), new, faster
        if (move * slope).sum((1, 2)).max() < 1e-5 * inputs.shape[1]:
            break
    return now


def folds_of(labels: Ints, rng: np.random.Generator) -> Ints:
    """The fold of each labeled sample, stratified."""
    found = np.zeros(len(labels), np.int64)
    for label in np.unique(labels):
        own = rng.permutation(np.flatnonzero(labels == label))
        found[own] = (np.arange(len(own)) + rng.integers(FOLDS)) % FOLDS
    return found


def heat_of(logits: Floats, labels: Ints) -> float:
    """The temperature with the least negative log likelihood."""
    tried = np.exp(np.linspace(-1.5, 2.5, 41))
    places = np.arange(len(labels))
    losses = [-np.log(np.maximum(softmax(logits / heat)[places, labels], 1e-12)).mean() for heat in tried]
    return float(tried[int(np.argmin(losses))])


def unit(rows: Floats) -> Floats:
    """Rows of length 1."""
    return (rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)).astype(np.float32)


def load(family: str) -> list[NDArray[np.generic]]:
    """Points and labels of up to 20,000 training and 2,000 test samples."""
    import torch

    from iale.benchmark._play import loaded
    from iale.benchmark._views import BUILT_IN

    data, rng, found = loaded(family, BUILT_IN)[0], np.random.default_rng(1), list[NDArray[np.generic]]()
    for samples, labels, most in (data.train, data.train_labels, 20_000), (data.test, data.test_labels, TEST):
        kept = np.sort(rng.permutation(len(labels))[:most])
        rows = samples.batch(torch.as_tensor(kept)).numpy().reshape(len(kept), -1)
        found += [rows.astype(np.float32), labels.numpy()[kept].astype(np.int64)]
    return found


def play(family: list[NDArray[np.generic]], seed: int, variants: dict[str, Variant], k: int) -> dict[str, list[float]]:
    """The accuracies of each variant, after each fit."""
    rows, labels, test, truth = family
    rng, classes = np.random.default_rng(1000 + seed), int(labels.max()) + 1
    kept = rng.permutation(len(labels))[:POOL]
    rows, labels, test = unit(rows[kept]), labels[kept], unit(test)
    mean, width = rows.mean(0), rows.shape[1]
    scale = np.sqrt(((rows - mean) ** 2).mean())
    seen, exam = (rows - mean) / scale, (test - mean) / scale
    if width > WIDEST:
        axes = np.linalg.svd(seen, full_matrices=False)[2][:WIDEST]
        seen, exam = seen @ axes.T, exam @ axes.T
    seen, exam = (np.concatenate([part, np.ones((len(part), 1))], 1).astype(np.float32) for part in (seen, exam))
    same, first = rows @ rows.T, list[int]()
    for label in range(classes):
        first += rng.permutation(np.flatnonzero(labels == label))[: max(1, FIRST // classes)].tolist()
    curves = {}
    for name, choose in variants.items():
        known, curve, own = first[:FIRST], list[float](), np.random.default_rng(seed)
        while True:
            places = np.array(known)
            said = labels[places]
            folds = folds_of(said, np.random.default_rng(len(places)))
            weights = np.stack([np.ones(len(places)), *(folds != fold for fold in range(FOLDS))]).astype(np.float32)
            inputs = np.broadcast_to(seen[places], (FOLDS + 1, len(places), seen.shape[1]))
            targets = np.broadcast_to(np.eye(classes, dtype=np.float32)[said], (FOLDS + 1, len(places), classes))
            heads = fit(inputs, targets, weights, STRENGTH * width)
            curve.append(float(((exam @ heads[0]).argmax(1) == truth).mean()))
            if len(known) >= LAST[k]:
                break
            held_out = np.stack([seen[place] @ heads[1 + fold] for place, fold in zip(places, folds, strict=True)])
            free = np.ones(len(rows), bool)
            free[places] = False
            heat = heat_of(held_out, said)
            state = State(same, places, said, classes, seen @ heads[0], held_out, heat, free, own)
            known = known + choose(state, k)
        curves[name] = curve
    return curves


def report(done: dict[tuple[str, int, str], list[float]], names: list[str]) -> None:
    """Prints a line for each variant."""
    for name in names:
        differences: dict[str, dict[int, float]] = defaultdict(dict)
        for (family, seed, variant), curve in done.items():
            if variant == name and (family, seed, "uherding") in done:
                differences[family][seed] = 100 * float(np.mean(curve) - np.mean(done[family, seed, "uherding"]))
        shared = sorted(set.intersection(*(set(each) for each in differences.values()))) if differences else []
        cells = [
            f"{interval(list(differences[family].values()))} ({len(differences[family])})" for family in differences
        ]
        pooled = [float(np.mean([differences[family][seed] for family in differences])) for seed in shared]
        print(f"| {name} | {' | '.join(cells)} | {interval(pooled)} |")


def interval(values: list[float]) -> str:
    """The mean and its 95 % interval."""
    if len(values) < 2:
        return "too few"
    return f"{np.mean(values):+.2f} ± {1.96 * np.std(values, ddof=1) / len(values) ** 0.5:.2f}"


def main() -> None:
    """Plays what is missing, and prints all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=10, choices=sorted(LAST))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", default=",".join(VARIANTS))
    parser.add_argument("--families", default=",".join(FAMILIES))
    parser.add_argument("--out", type=Path, default=Path("results/universal/by-hand.jsonl"))
    options = parser.parse_args()
    names = list(dict.fromkeys(["uherding", *options.only.split(",")]))
    if unknown := set(names) - set(VARIANTS):
        parser.error(f"unknown: {', '.join(unknown)}; the known ones are {', '.join(VARIANTS)}.")
    done: dict[tuple[str, int, str], list[float]] = {}
    if options.out.exists():
        for line in options.out.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            if record["batch"] == options.batch:
                done[record["family"], record["seed"], record["variant"]] = record["accuracy"]
    options.out.parent.mkdir(parents=True, exist_ok=True)
    families = {name: load(name) for name in options.families.split(",")}
    for seed in range(options.seeds):
        for family, data in families.items():
            left = {name: VARIANTS[name] for name in names if (family, seed, name) not in done}
            with open(options.out, "a", encoding="utf-8") as file:
                for name, curve in play(data, seed, left, options.batch).items():
                    done[family, seed, name] = curve
                    where = {"batch": options.batch, "family": family, "seed": seed, "variant": name}
                    file.write(json.dumps({**where, "accuracy": curve}) + "\n")
    report(done, names)


if __name__ == "__main__":
    main()
