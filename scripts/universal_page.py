"""The page docs/universal.md: what was tried for a policy that is better than every heuristic, from records alone."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from iale.benchmark._statistics import estimate
from iale.reports._markup import Table, markdown
from iale.reports._tables import NONE, signed

BASE = "uherding"
FAMILIES = ("digits", "mnist", "cifar10-mobilenetv2")
"""What decides (docs/protocol.md)."""

Curves = Mapping[tuple[str, int], float]
"""The mean accuracy of a variant by family and seed."""


def universal_page(folder: Path, text: str) -> str:
    """The text with the tables of the records in ``folder`` in place of ``{by hand 10}`` and the like."""
    found = by_hand(folder / "by-hand.jsonl")
    for batch, variants in found.items():
        text = text.replace(f"{{by hand {batch}}}", markdown(hand_table(variants)))
    return text


def by_hand(path: Path) -> dict[int, dict[str, Curves]]:
    """The variants of each size of batch."""
    found: dict[int, dict[str, dict[tuple[str, int], float]]] = defaultdict(lambda: defaultdict(dict))
    for line in path.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        mean = sum(record["accuracy"]) / len(record["accuracy"])
        found[record["batch"]][record["variant"]][record["family"], record["seed"]] = mean
    return {batch: dict(variants) for batch, variants in found.items()}


def hand_table(variants: Mapping[str, Curves]) -> Table:
    """A line for each variant: its differences from Uncertainty Herding, the highest mean over families first."""
    lines = []
    for name, curves in variants.items():
        if name == BASE:
            continue
        differences = {
            place: value - variants[BASE][place] for place, value in curves.items() if place in variants[BASE]
        }
        families = {family: [d for (own, _), d in differences.items() if own == family] for family in FAMILIES}
        shared = [seed for seed in range(100) if all((family, seed) in differences for family in FAMILIES)]
        means = [sum(differences[family, seed] for family in FAMILIES) / len(FAMILIES) for seed in shared]
        cells = [signed(estimate(own)) if len(own) > 1 else NONE for own in families.values()]
        if len(means) > 1:
            lines.append((estimate(means), [name, *cells, signed(estimate(means)), str(len(means))]))
    lines.sort(key=lambda line: -line[0].mean)
    return Table(["variant", *FAMILIES, "mean", "seeds"], [cells for _, cells in lines])
