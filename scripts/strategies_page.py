"""Tables of the form between strategies, for the page docs/universal.md."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

from iale._storage import read_lines
from iale.benchmark._statistics import area, estimate
from iale.benchmark.records import Record
from iale.reports._markup import Table
from iale.reports._panels import display_name
from iale.reports._tables import NONE, signed

BASE = "uherding"
SWAPS = {"Swaps": "swaps", "SwapsAndMore": "swaps and labels cover 0.9 and U + 0.1"}
"""What `swaps_roll_outs.py` calls the forms."""
NAMES = {"batch": "mean of a batch size", "ridge": "ridge regression", "trees": "randomized trees"}

Found = Mapping[str, Any]
"""What `strategy_rules.py` found."""


def points(found: Mapping[str, float] | None) -> str:
    """A mean with its interval."""
    return NONE if found is None else f"{found['mean']:+.2f} ± {found['half']:.2f}".replace("-", "−")


def values(found: Found) -> Table:
    """What each form is worth less Uncertainty Herding, by size of batch and by family."""
    columns = list(dict.fromkeys(column for each in found["means"].values() for column in each))
    lines = [[display_name(name), *(points(own.get(c)) for c in columns)] for name, own in found["means"].items()]
    return Table(["form", *columns], lines)


def policies(found: Found) -> Table:
    """What each model gains on families that it has not learned from, and what it chooses most often."""
    lines = []
    families = [name for name in found["policies"]["ridge"] if name not in ("all", "chosen")]
    every = [(NAMES[name], "other families", own) for name, own in found["policies"].items()]
    every += [(NAMES[name], "other tasks", own) for name, own in found["other tasks"].items()]
    every.append(("the twin's best", "the twin", found["oracle"]["the twin's best"]))
    for name, source, own in every:
        often = [f"{_short(form)} {count}" for form, count in list(own["chosen"].items())[:3]]
        lines.append([name, source, points(own["all"]), *(points(own[f]) for f in families), ", ".join(often)])
    hindsight = points(found["oracle"]["best on one half, judged on the other"])
    lines.append(["best in hindsight", "half of the test", hindsight, *(NONE for _ in families), NONE])
    return Table(["chooses", "learns from", "all states", *families, "takes most often"], lines)


def _short(form: str) -> str:
    return "swaps and more" if form.startswith("swaps and") else display_name(form)


def variance(found: Found) -> Table:
    """Where the differences of each form come from, in squared points."""
    columns = ["state", "state, no luck of the test", "run, no luck of the test", "shared by twins"]
    told = found["told"]
    lines = [
        [
            display_name(n),
            *(f"{own[c]:.2f}" for c in columns),
            *(f"{told[n][model]:.2f}" for model in ("ridge", "trees")),
        ]
        for n, own in found["variance"].items()
    ]
    return Table(
        ["form", *columns, "told by ridge", "told by trees"],
        [[cell.replace("-", "−") if i else cell for i, cell in enumerate(line)] for line in lines],
    )


def swaps(folder: Path) -> Table:
    """Rule 4 for the swaps: differences from Uncertainty Herding on families that decide nothing."""
    areas: dict[tuple[str, str], dict[int, float]] = defaultdict(dict)
    for line in read_lines(folder / "records.jsonl"):
        record = Record.parse(line)
        areas[record.dataset, record.strategy][record.seed] = area(record.accuracy)
    families = list(dict.fromkeys(dataset for dataset, _ in areas))
    seeds = {name: sorted(set.intersection(*(set(areas[name, form]) for form in (BASE, *SWAPS)))) for name in families}
    seeds["mean"] = sorted(set.intersection(*map(set, seeds.values())))
    lines = []
    for name, own in seeds.items():
        every = families if name == "mean" else [name]
        cells = [
            signed(estimate([fmean(areas[each, form][s] - areas[each, BASE][s] for each in every) for s in own]))
            for form in SWAPS
        ]
        lines.append([name, *cells, str(len(own))])
    return Table(["family", *SWAPS.values(), "seeds"], lines)
