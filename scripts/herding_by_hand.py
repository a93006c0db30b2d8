"""Departures from Uncertainty Herding that were made by hand, in paired runs of a linear head (docs/universal.md).

    python scripts/herding_by_hand.py [--batch 10] [--seeds 5] [--only NAME,NAME] [--out FILE]

The pool is 2,000 random training samples in the built-in geometry. A run starts with 20 labels, two a class, and asks
for 5 or 10 at a time up to 200, or for 50 up to 320. All variants of a seed share their pool and their first labels.
Finished runs are in the file and are not played again. Printed are the differences from Uncertainty Herding in points
of the mean accuracy: mean and 95 % interval over seeds for each family, and over the means of seeds.

The head is that of `replay.py`, so the numbers are not those of `iale bench`.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path

import numpy as np

from herding_variants import VARIANTS, Variant
from iale.benchmark._statistics import estimate
from replay import FAMILIES, STRENGTH, WIDEST, Family, State, fitted, load, unit

POOL, FIRST = 2000, 20
LAST = {5: 200, 10: 200, 50: 320}


def play(family: Family, seed: int, variants: dict[str, Variant], k: int, last: int) -> dict[str, list[float]]:
    """The accuracies of each variant, after each fit, up to ``last`` labels."""
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
            now = fitted(seen, places, said, classes, width)
            curve.append(float(((exam @ now.heads[0]).argmax(1) == truth).mean()))
            if len(known) >= last:
                break
            free = np.ones(len(rows), bool)
            free[places] = False
            state = State(
                same, places, said, classes, seen @ now.heads[0], now.held_out, now.heat, free, own,
                seen, STRENGTH * width, now.folds, seen @ now.heads[1:], labels,
            )  # fmt: skip
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
    """The mean and its 95 % interval, Student's t as on the page."""
    found = estimate(values)
    return "too few" if found.high is None else f"{found.mean:+.2f} ± {found.high - found.mean:.2f}"


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
    k, families = options.batch, {name: load(name) for name in options.families.split(",")}
    for seed in range(options.seeds):
        for family, data in families.items():
            left = {name: VARIANTS[name] for name in names if (family, seed, name) not in done}
            with open(options.out, "a", encoding="utf-8") as file:
                for name, curve in play(data, seed, left, k, LAST[k]).items():
                    done[family, seed, name] = curve
                    where = {"batch": options.batch, "family": family, "seed": seed, "variant": name}
                    file.write(json.dumps({**where, "accuracy": curve}) + "\n")
    report(done, names)


if __name__ == "__main__":
    main()
