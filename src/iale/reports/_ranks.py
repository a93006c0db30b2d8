"""Strategies over several panels: the mean rank, and the mean gain over Random."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from iale.benchmark._statistics import Estimate, estimate
from iale.reports._markup import Table
from iale.reports._panels import RANDOM, Panel
from iale.reports._tables import signed


@dataclass(frozen=True)
class Standing:
    """How one strategy stands over all panels.

    Attributes:
        rank: 1 for the best, the mean over panels and seeds; equal AUCs share their mean rank.
        worst: the highest mean rank in a single panel.
        gain: AUC minus Random's, the mean over panels; its interval is over seeds.
    """

    display: str
    rank: float
    worst: float
    gain: Estimate


def standings(panels: Sequence[Panel]) -> list[Standing]:
    """The strategies that every panel has, the highest gain first; only seeds that all of them have count.

    Empty without Random, without other shared strategies, or without shared seeds.
    """
    by_name = [{entry.name: entry for entry in panel.entries} for panel in panels]
    names = [name for name in by_name[0] if all(name in entries for entries in by_name)] if panels else []
    seeds = set.intersection(*(set(entries[n].seeds) for entries in by_name for n in names)) if names else set()
    if RANDOM not in names or len(names) < 2 or not seeds:
        return []
    areas = np.array([[[entries[n].areas[s] for s in sorted(seeds)] for n in names] for entries in by_name])
    ranks = rankdata(-areas, axis=1).mean(axis=2)  # [panels, strategies]
    gains = (areas - areas[:, [names.index(RANDOM)]]).mean(axis=0)  # [strategies, seeds]
    found = [
        Standing(by_name[0][name].display, float(own.mean()), float(own.max()), estimate(gain.tolist()))
        for name, own, gain in zip(names, ranks.T, gains, strict=True)
    ]
    return sorted(found, key=lambda standing: -standing.gain.mean)


NOTE = (
    "Rank 1 is the highest AUC; ranks are means over panels and seeds, and the worst is the highest mean in a single "
    "panel. The gain is the mean over panels of the AUC minus Random's, ± half the 95 % t interval over seeds; it "
    "speaks of these panels, not of others."
)


def standing_table(panels: Sequence[Panel]) -> Table | None:
    """The `standings` of the panels; None if there are fewer than two, or nothing that all of them have."""
    found = standings(panels) if len(panels) > 1 else []
    lines = [[each.display, f"{each.rank:.2f}", f"{each.worst:.2f}", signed(each.gain)] for each in found]
    return Table(["strategy", "mean rank", "worst mean rank", "AUC − Random"], lines) if lines else None
