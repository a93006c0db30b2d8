"""The page on averages of neighbors, from the records in results/averages alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
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
TEXTS = {"libraries": "which library", "scipy": "which part of SciPy", "languages": "which language"}
"""Tasks of texts."""
OTHERS = "other languages"
"""The task that judges a gate where averages harm."""
CHOSEN = {**{name: TITLES[name] for name in ("digits", "mnist", "cifar10-mobilenetv2")}, **TEXTS}
"""The tasks on which the gate was chosen."""
GATE = "gate 0"
VIEWS = (AS_THEY_ARE, AVERAGES, GATE)
_MOST_LOST = 0.005  # of the AUC, by the gate against averages
_SEEDS = 10  # that the rule asks for
_LEAST = 0.01  # of the AUC, which averages must gain on the new families

Runs = Mapping[tuple[str, str, str], Mapping[int, Record]]
"""The runs of a data set, a view and a strategy, by their seeds."""


@dataclass(frozen=True)
class Played:
    """What the page is made from.

    Attributes:
        records: of `scripts/averages.py`.
        texts: records of `scripts/averages_texts.py`.
        heads: lines of `scripts/averages_heads.py`.
        gates: lines of `scripts/averages_gate.py`.
    """

    records: Sequence[Record]
    texts: Sequence[Record]
    heads: Sequence[Mapping[str, Any]]
    gates: Areas


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


def text_gains(records: Sequence[Record]) -> Table:
    """What strategies gain on averages of texts (scripts/averages_texts.py); a column for each task."""
    runs, lines = runs_of_texts(records), []
    for strategy in ORDER:
        own = [rises(runs, task, strategy) for task in TEXTS]
        lines.append([display_name(strategy), *(signed(estimate([*values.values()])) for values in own)])
    return Table(["strategy", *TEXTS.values()], lines)


def runs_of_texts(records: Sequence[Record]) -> Runs:
    """All runs on texts, by their task; what is not averaged is seen as it is."""
    found: dict[tuple[str, str, str], dict[int, Record]] = {}
    for record in records:
        view = AVERAGES if record.config.options.get("neighbors") else AS_THEY_ARE
        found.setdefault((Path(record.dataset).stem, view, record.strategy), {})[record.seed] = record
    return found


Areas = Mapping[tuple[str, str], Mapping[int, Mapping[str, float]]]
"""Of a task and a view, by the seed: the AUC, and the share of the fits on averages."""


def areas_of(lines: Sequence[Mapping[str, Any]]) -> Areas:
    """The lines of `scripts/averages_gate.py`."""
    found: dict[tuple[str, str], dict[int, Mapping[str, float]]] = {}
    for line in lines:
        found.setdefault((line["task"], line["view"]), {})[line["seed"]] = line
    return found


def gate_rise(areas: Areas, task: str, first: str, second: str) -> dict[int, float]:
    """The AUC on one view less that on another, by the seeds that both have."""
    one, other = areas[task, first], areas[task, second]
    return {seed: one[seed]["auc"] - other[seed]["auc"] for seed in sorted(set(one) & set(other))}


def gate_passes(areas: Areas) -> bool:
    """The rule of docs/protocol.md for a gate."""
    lost = [gate_rise(areas, task, GATE, AVERAGES) for task in NEW]
    mean = np.mean([list(each.values()) for each in lost])
    own = [estimate([*gate_rise(areas, task, GATE, AS_THEY_ARE).values()]) for task in (*NEW, OTHERS)]
    return bool(mean >= -_MOST_LOST) and all(each.high is not None and each.high >= 0 for each in own)


def gates(areas: Areas) -> Table:
    """The AUC of each view on the tasks on which the gate was chosen."""
    views = [AS_THEY_ARE, AVERAGES, *(f"gate {errors}" for errors in range(3))]
    lines = []
    for task, title in CHOSEN.items():
        cells = [f"{100 * np.mean([one['auc'] for one in areas[task, view].values()]):.1f}" for view in views]
        open_ = f"{100 * np.mean([one['open'] for one in areas[task, GATE].values()]):.0f} %"
        lines.append([title, *cells, open_, str(len(areas[task, GATE]))])
    header = [AS_THEY_ARE, "on averages", "gate (a)", "gate (b)", "gate (c)", "open (a)"]
    return Table(["task", *header, "seeds"], lines)


def judged_gate(areas: Areas) -> Table:
    """The same on the tasks that judge it, and what it gains."""
    lines = []
    for task in (*NEW, OTHERS):
        cells = [f"{100 * np.mean([one['auc'] for one in areas[task, view].values()]):.1f}" for view in VIEWS]
        rises_ = [signed(estimate([*gate_rise(areas, task, GATE, view).values()])) for view in VIEWS[:2]]
        open_ = f"{100 * np.mean([one['open'] for one in areas[task, GATE].values()]):.0f} %"
        lines.append([TITLES.get(task, "ten other languages"), *cells, *rises_, open_, str(len(areas[task, GATE]))])
    header = [AS_THEY_ARE, "on averages", "gate", "gate less as they are", "gate less averages", "open"]
    return Table(["task", *header, "seeds"], lines)


def averages_page(played: Played, reading: str) -> str:
    """The page in Markdown."""
    runs, heads = runs_of(played.records), played.heads
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
        "texts": markdown(text_gains(played.texts)),
        "gates": markdown(gates(played.gates)),
        "judged": markdown(judged_gate(played.gates)),
        "gate verdict": f"The gate {'passes' if gate_passes(played.gates) else 'does not pass'} its rule.",
        "kept": " to ".join(f"{100 * share:.0f}" for share in kept(heads)) + " %",
    }
    text = reading
    for name, value in parts.items():
        text = text.replace("{" + name + "}", value)
    return text
