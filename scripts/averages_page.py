"""The page on averages of neighbors, from the records of `scripts/averages.py` alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gain_tables import TITLES
from iale.benchmark._statistics import Estimate, area, estimate
from iale.benchmark.records import Record
from iale.reports._markup import Table, markdown
from iale.reports._panels import display_name
from iale.reports._tables import NONE, signed

AS_THEY_ARE, LESS_MEAN, AVERAGES = "as they are", "less their mean", "averages"
NEW = ("fashion-mnist", "kmnist-10k", "cifar10-jpeg")
"""The families that had decided nothing before (docs/protocol.md)."""
ORDER = ("uherding", "maxherding", "margin", "random")
_SEEDS = 10  # that the rule asks for
_LEAST = 0.01  # of the AUC, which averages must gain on the new families

Runs = Mapping[tuple[str, str, str], Mapping[int, Record]]
"""The runs of a data set, a view and a strategy, by their seeds."""


def view_of(record: Record) -> str:
    """What the head of a run saw."""
    options = record.config.options
    if options.get("neighbors"):
        return AVERAGES
    return LESS_MEAN if str(options["embeddings"]).startswith("sha256") else AS_THEY_ARE


def runs_of(records: Sequence[Record]) -> Runs:
    """All runs, sorted."""
    found: dict[tuple[str, str, str], dict[int, Record]] = {}
    for record in records:
        found.setdefault((record.dataset, view_of(record), record.strategy), {})[record.seed] = record
    return found


def rises(
    runs: Runs, dataset: str, strategy: str, first: str = AVERAGES, second: str = AS_THEY_ARE
) -> dict[int, float]:
    """The AUC on one view less that on another, by the seeds that both have."""
    one, other = (runs.get((dataset, view, strategy), {}) for view in (first, second))
    return {seed: area(one[seed].accuracy) - area(other[seed].accuracy) for seed in sorted(set(one) & set(other))}


def passes(runs: Runs) -> bool:
    """The rule of docs/protocol.md."""
    own = {dataset: estimate(list(rises(runs, dataset, "uherding").values())) for dataset in TITLES}
    if any(each.high is None or each.high < 0 for each in own.values()):
        return False
    mean = mean_rise(runs, NEW, "uherding")
    return mean.mean >= _LEAST and mean.low is not None and mean.low > 0


def mean_rise(runs: Runs, datasets: Sequence[str], strategy: str, first: str = AVERAGES) -> Estimate:
    """The mean over data sets, on the seeds that all of them have."""
    found = [rises(runs, dataset, strategy, first) for dataset in datasets]
    seeds = sorted(set.intersection(*map(set, found)))
    return estimate([float(np.mean([own[seed] for own in found])) for seed in seeds])


def gains(runs: Runs, first: str) -> Table:
    """What strategies gain on a view, in points of the AUC; a column for each data set."""
    lines = []
    for strategy in ORDER:
        own = [list(rises(runs, dataset, strategy, first).values()) for dataset in TITLES]
        cells = [signed(estimate(values)) if len(values) > 1 else NONE for values in own]
        lines.append([display_name(strategy), *cells, signed(mean_rise(runs, [*TITLES], strategy, first))])
    return Table(["strategy", *TITLES.values(), "mean"], lines)


def reached(runs: Runs) -> Table:
    """Uncertainty Herding's mean accuracy, and the labels at which it first is as good as Random with all labels."""
    lines = []
    for dataset, title in TITLES.items():
        views = AS_THEY_ARE, AVERAGES
        plain, averages = ([*runs[dataset, view, "uherding"].values()] for view in views)
        end = float(np.mean([run.accuracy[-1] for run in runs[dataset, AS_THEY_ARE, "random"].values()]))
        areas = [f"{100 * np.mean([area(run.accuracy) for run in some]):.1f}" for some in (plain, averages)]
        ends = [f"{100 * np.mean([run.accuracy[-1] for run in some]):.1f} %" for some in (plain, averages)]
        labels = [_labels(some, end) for some in (plain, averages)]
        lines.append([title, *areas, *ends, f"{100 * end:.1f} %", *labels, str(len(averages))])
    own = "as they are", "on averages"
    header = [f"{what}, {view}" for what in ("AUC", "with 200 labels", "labels to reach it") for view in own]
    return Table(["data set", *header[:4], "Random with 200", *header[4:], "seeds"], lines)


def brief(runs: Runs) -> Table:
    """The AUC of Uncertainty Herding on points as they are and on averages, for readers in a hurry."""
    lines = []
    for dataset, title in TITLES.items():
        found = rises(runs, dataset, "uherding")
        views = (runs[dataset, view, "uherding"] for view in (AS_THEY_ARE, AVERAGES))
        areas = [f"{100 * np.mean([area(own[seed].accuracy) for seed in found]):.1f}" for own in views]
        lines.append([title, *areas, signed(estimate([*found.values()])), str(len(found))])
    return Table(["data set", "as they are", "averages", "difference", "seeds"], lines)


def _labels(runs: Sequence[Record], end: float) -> str:
    curve = np.mean([run.accuracy for run in runs], axis=0)
    there = np.flatnonzero(curve >= end)
    return str(runs[0].labeled[int(there[0])]) if len(there) else "more"


def heads_table(lines: Sequence[Mapping[str, Any]]) -> Table:
    """The AUC of heads on what was chosen on points as they are, and on averages (scripts/averages_heads.py)."""
    found = []
    columns = "plain: plain", "averages: plain", "averages: student", "averages: own"
    for dataset, title in TITLES.items():
        own = [line for line in lines if line["family"] == dataset]
        if own:
            means = [f"{100 * np.mean([line[column] for line in own]):.1f}" for column in columns]
            found.append([title, *means, str(len(own))])
    header = ["fitted to the labels, chosen as they are", "chosen on averages", "student", "head on averages"]
    return Table(["data set", *header, "seeds"], found)


def kept(lines: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    """What students keep of the gain: on the set where it is least, and where it is most."""
    shares = []
    for dataset in TITLES:
        own = [line for line in lines if line["family"] == dataset]
        plain, student, first = (
            float(np.mean([line[name] for line in own]))
            for name in ("plain: plain", "averages: student", "averages: own")
        )
        shares.append((student - plain) / (first - plain))
    return min(shares), max(shares)


def averages_page(records: Sequence[Record], heads: Sequence[Mapping[str, Any]], reading: str) -> str:
    """The page in Markdown, from the runs and the lines of `scripts/averages_heads.py`."""
    runs = runs_of(records)
    new = mean_rise(runs, NEW, "uherding")
    judged, rest = "pass" if passes(runs) else "do not pass", ", which asks for 10" if new.count < _SEEDS else ""
    verdict = (
        f"Over Fashion-MNIST, KMNIST and CIFAR-10 (JPEG), Uncertainty Herding gains {signed(new)} points of AUC on "
        f"averages. With the {new.count} seeds that all three have, averages {judged} the rule of the protocol{rest}."
    )
    parts = {
        "verdict": verdict,
        "gains": markdown(gains(runs, AVERAGES)),
        "mean": markdown(gains(runs, LESS_MEAN)),
        "reached": markdown(reached(runs)),
        "heads": markdown(heads_table(heads)),
        "kept": " to ".join(f"{100 * share:.0f}" for share in kept(heads)) + " %",
    }
    text = reading
    for name, value in parts.items():
        text = text.replace("{" + name + "}", value)
    return text
