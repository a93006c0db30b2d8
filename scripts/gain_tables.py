"""Tables of what strategies gain from the whole pool: a column for each data set."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from iale.benchmark._statistics import area, estimate
from iale.benchmark.records import Record
from iale.reports._markup import Table
from iale.reports._panels import RANDOM, display_name
from iale.reports._tables import NONE, signed

Areas = Mapping[tuple[str, int, str, str], Mapping[int, float]]
"""The AUC of each seed, by classifier, size of acquisitions, data set, and strategy."""
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
USUAL = 10
"""Samples of an acquisition."""
_BEHIND = 0.005  # of the AUC, with an interval below 0: then a strategy is behind the best other one


def areas(records: Sequence[Record]) -> Areas:
    """What each run from the whole pool reached."""
    found: dict[tuple[str, int, str, str], dict[int, float]] = defaultdict(dict)
    for record in records:
        if record.config.subset_size is not None:
            continue
        place = record.classifier, record.config.acquisition_size, record.dataset, record.strategy
        found[place][record.seed] = area(record.accuracy)
    return found


def gains(found: Areas, classifier: str, size: int = USUAL) -> Table:
    """The gain over Random of each strategy, the highest mean first; seeds in parentheses."""
    names = dict.fromkeys(place[3] for place in found if place[:2] == (classifier, size) and place[3] != RANDOM)
    lines = []
    for name in names:
        own = [rises_of(found, (classifier, size, dataset), name, RANDOM) for dataset in SETS]
        means = [float(np.mean(rises)) for rises in own if len(rises) > 1]
        cells = [f"{signed(estimate(rises))} ({len(rises)})" if len(rises) > 1 else NONE for rises in own]
        whole = f"{100 * float(np.mean(means)):+.2f}".replace("-", "−") if len(means) == len(SETS) else NONE
        if any(cell != NONE for cell in cells):
            lines.append((float(np.mean(means)), [display_name(name), *cells, whole]))
    ordered = sorted(lines, key=lambda line: (line[1][-1] == NONE, -line[0]))
    return Table(["strategy", *SETS, "mean"], [cells for _, cells in ordered])


def best_others(found: Areas, classifier: str, own: str, size: int = USUAL) -> Table:
    """A strategy less the best other one of each data set, and whether claim (c) of docs/protocol.md holds there."""
    lines = []
    for dataset in SETS:
        names = [place[3] for place in found if place[:3] == (classifier, size, dataset) and place[3] != own]
        rises = {name: rises_of(found, (classifier, size, dataset), own, name) for name in names}
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


def rises_of(found: Areas, place: tuple[str, int, str], first: str, second: str) -> list[float]:
    """One strategy less another at a place (classifier, acquisitions, data set), on the seeds that both have."""
    own, other = found.get((*place, first), {}), found.get((*place, second), {})
    # Rounded as in claims, so that halves of a last digit are told alike.
    return [round(own[seed] - other[seed], 12) for seed in sorted(own) if seed in other]
