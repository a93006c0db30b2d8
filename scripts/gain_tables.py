"""What runs reached, and tables of what strategies gain from the whole pool: a column for each data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from iale.benchmark._statistics import area, estimate
from iale.benchmark.records import Record
from iale.errors import ConfigError
from iale.reports._markup import Table
from iale.reports._panels import RANDOM, display_name
from iale.reports._tables import NONE, signed

Place = tuple[str, str, str, str]
"""Classifier, pool, data set, strategy; a pool is what `pool_of` calls it."""
Areas = Mapping[Place, Mapping[int, float]]
"""The AUC of each seed."""
TITLES = {
    "digits": "digits",
    "mnist": "MNIST",
    "cifar10-mobilenetv2": "CIFAR-10 features",
    "fashion-mnist": "Fashion-MNIST",
    "kmnist-10k": "KMNIST",
    "cifar10-jpeg": "CIFAR-10",
}
"""How people call the data sets; those that choose come first."""
SETS = tuple(TITLES)
BRIEF = ("eherding", "uherding", "maxherding", "typiclust", "bait", "margin", "badge")
WHOLE, USUAL = "whole", 10
"""What tables tell: the whole pool, and this many samples an acquisition."""
_BEHIND = 0.005  # of the AUC, with an interval below 0: then a strategy is behind the best other one


def pool_of(candidates: int | None, size: int = USUAL) -> str:
    """ "whole" or the number of candidates, with an @ and the size of acquisitions if it is not the usual one."""
    return f"{candidates or WHOLE}{'' if size == USUAL else f'@{size}'}"


def areas(records: Sequence[Record]) -> Areas:
    """What each run reached; ConfigError if runs differ in something that places do not tell."""
    found: dict[Place, dict[int, float]] = {}
    for record in records:
        if record.overlap:  # others were asked beside it; as in claims, only the run by itself counts
            continue
        pool = pool_of(record.config.subset_size, record.config.acquisition_size)
        place = record.classifier, pool, record.dataset, record.strategy
        value = area(record.accuracy)
        if found.setdefault(place, {}).setdefault(record.seed, value) != value:
            raise ConfigError(f"two runs of {', '.join(place)}, seed {record.seed}, differ: tell of one kind of run.")
    return found


def gains(found: Areas, classifier: str, pool: str = WHOLE) -> Table:
    """The gain over Random of each strategy, the highest mean first; seeds in parentheses."""
    names = dict.fromkeys(place[3] for place in found if place[:2] == (classifier, pool) and place[3] != RANDOM)
    lines = []
    for name in names:
        own = [rises_of(found, (classifier, pool, dataset), name, RANDOM) for dataset in SETS]
        means = [float(np.mean(rises)) for rises in own if len(rises) > 1]
        cells = [f"{signed(estimate(rises))} ({len(rises)})" if len(rises) > 1 else NONE for rises in own]
        whole = f"{100 * float(np.mean(means)):+.2f}".replace("-", "−") if len(means) == len(SETS) else NONE
        if any(cell != NONE for cell in cells):
            lines.append((float(np.mean(means)), [display_name(name), *cells, whole]))
    ordered = sorted(lines, key=lambda line: (line[1][-1] == NONE, -line[0]))
    return Table(["strategy", *SETS, "mean"], [cells for _, cells in ordered])


def best_others(found: Areas, classifier: str, own: str, pool: str = WHOLE) -> Table:
    """A strategy less the best other one of each data set, and whether claim (c) of docs/protocol.md holds there."""
    lines = []
    for dataset in SETS:
        names = [place[3] for place in found if place[:3] == (classifier, pool, dataset) and place[3] != own]
        rises = {name: rises_of(found, (classifier, pool, dataset), own, name) for name in names}
        best = min((name for name in names if rises[name]), key=lambda name: float(np.mean(rises[name])), default=None)
        if best is not None:
            rise = estimate(rises[best])
            behind = rise.mean < -_BEHIND and rise.high is not None and rise.high < 0
            judged = "fails" if behind else "holds"
            lines.append([dataset, display_name(best), signed(rise), str(len(rises[best])), judged])
    return Table(["data set", "best other strategy", f"{display_name(own)} − it", "seeds", "not behind"], lines)


def brief(found: Areas, classifier: str) -> Table:
    """The gains of a few strategies, for readers in a hurry."""
    table, names = gains(found, classifier), [display_name(name) for name in BRIEF]
    lines = [[cell.split(" (")[0] for cell in line] for line in table.lines if line[0] in names]
    return titled(Table(table.header, lines))


def titled(table: Table) -> Table:
    """The table with data sets called as people call them."""
    return replace(table, header=[TITLES.get(name, name) for name in table.header])


def rises_of(found: Areas, place: tuple[str, str, str], first: str, second: str) -> list[float]:
    """One strategy less another at a place (classifier, pool, data set), on the seeds that both have."""
    return [*mean_rises(found, place[:2], place[2:], first, second).values()]


def mean_rises(
    found: Areas, where: tuple[str, str], datasets: Sequence[str], first: str, second: str
) -> dict[int, float]:
    """The mean over data sets of one strategy less another, by the seeds that both have on each of them."""
    pairs = [[found.get((*where, dataset, name), {}) for name in (first, second)] for dataset in datasets]
    shared = sorted(set.intersection(*(set(own) & set(other) for own, other in pairs)))
    # Rounded as in claims, so that halves of a last digit are told alike.
    return {seed: round(float(np.mean([own[seed] - other[seed] for own, other in pairs])), 12) for seed in shared}
