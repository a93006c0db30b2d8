"""The part of docs/seeing-the-pool.md on the experiment `shapes`: patches or pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from iale.benchmark._evidence import Evidence
from iale.benchmark._experiment import Claim, Experiment, records_of
from iale.benchmark._experiments.geometry import SEES
from iale.benchmark._experiments.shapes import PATCHES
from iale.benchmark._judge import judge
from iale.benchmark._statistics import estimate
from iale.reports._markup import Table, markdown
from iale.reports._panels import Entry, Panel, panels
from iale.reports._tables import NONE, signed
from results_page import claim_table, contest_table


def by_patches(found: Sequence[Panel]) -> list[Panel]:
    """The panels in which classifiers learn from patches, or strategies compare them."""
    return [panel for panel in found if panel.config.view == PATCHES]


def shapes_section(evidence: Evidence, experiment: Experiment) -> list[str]:
    """Paragraphs and tables in Markdown."""
    records = records_of(experiment, evidence.records)
    found, claims = panels(records), [claim for claim in experiment.claims if isinstance(claim, Claim)]
    parts = []
    for classifier in dict.fromkeys(panel.model for panel in found):
        own = sorted((panel for panel in found if panel.model == classifier), key=lambda panel: panel.dataset)
        told = "learns from" if classifier == "linear" else "is asked by"
        parts += [f"**{own[0].classifier}**, with Uncertainty Herding, which {told} one or the other:"]
        parts += [markdown(sides(own))]
    parts += [markdown(claim_table([(claim, records) for claim in claims], evidence.times))]
    for claim in claims:
        parts += [f"**{claim.text}**", markdown(contest_table(claim, judge(claim, records)[1]))]
    return parts


def sides(found: Sequence[Panel]) -> Table:
    """AUC on pixels and on patches, the difference, and the accuracy at the end; the last line is the mean of all."""
    patches = {panel.dataset: _asked(panel) for panel in by_patches(found)}
    pixels = {panel.dataset: _asked(panel) for panel in found if panel.config.view != PATCHES}
    lines, rises = [], []
    for name in patches:
        one, other = patches[name], pixels.get(name)
        if one is None or other is None:
            continue
        shared = sorted(set(one.seeds) & set(other.seeds))
        rises.append({seed: one.areas[seed] - other.areas[seed] for seed in shared})
        areas, ends = ([tell(each, shared) for each in (other, one)] for tell in (_area, _last))
        lines.append([name, *areas, signed(estimate([*rises[-1].values()])), *ends, str(len(shared))])
    shared = sorted(set.intersection(*(set(rise) for rise in rises)))
    mean = estimate([float(np.mean([rise[seed] for rise in rises])) for seed in shared])
    lines.append(["mean", NONE, NONE, signed(mean), NONE, NONE, str(len(shared))])
    head = ["data set", "AUC: pixels", "patches", "difference", "at 200 labels: pixels", "patches", "seeds"]
    return Table(head, lines)


def _asked(panel: Panel) -> Entry | None:
    return next((entry for entry in panel.entries if entry.name == SEES), None)


def _area(entry: Entry, seeds: Sequence[int]) -> str:
    return f"{100 * float(np.mean([entry.areas[seed] for seed in seeds])):.1f}"


def _last(entry: Entry, seeds: Sequence[int]) -> str:
    return f"{100 * float(np.mean([entry.curves[entry.seeds.index(seed), -1] for seed in seeds])):.1f} %"
