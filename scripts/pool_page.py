"""The page of the experiment `geometry`: which strategy is best on average, from records alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from iale.benchmark._evidence import Evidence
from iale.benchmark._experiment import Claim, Experiment, records_of, wanted
from iale.benchmark._judge import judge
from iale.benchmark._statistics import Estimate, estimate
from iale.benchmark._times import Times
from iale.reports._markup import Table, markdown, markdown_text
from iale.reports._panels import RANDOM, Entry, Panel, panels
from iale.reports._provenance import provenance
from iale.reports._ranks import NOTE, Standing, standing_table, standings
from iale.reports._summary import costs, rows
from iale.reports._tables import NONE, signed
from results_page import claim_table, contest_table
from shapes_page import by_patches, shapes_section

SOURCES, CLASSIFIERS = ("digits", "mnist", "cifar10-mobilenetv2"), ("linear", "mlp")
"""What chooses the default (docs/protocol.md)."""
CLOSE = 0.002
"""Strategies within 0.2 points of the best are as good, and the one that costs least is taken."""
SHOWN = (RANDOM, "margin", "badge", "typiclust", "bait", "maxherding", "uherding")
"""Few enough for a figure."""
_MODELS = ("linear", "mlp", "cnn")
"""In the order in which pages show them."""


def pool_page(
    evidence: Evidence,
    experiment: Experiment,
    shapes: Experiment,
    reading: tuple[str, str],
    image: str,
    commands: Mapping[str, str],
) -> str:
    """The page in Markdown; the same records give the same text.

    Args:
        evidence: the records of the experiments.
        experiment: `geometry`, with its claims.
        shapes: the experiment on patches and pixels.
        reading: what people think of either, in Markdown.
        image: where the page finds the figure.
        commands: what to type to make the "page" and the "records" again.
    """
    records = records_of(experiment, evidence.records)
    found, seen = whole(panels(records)), whole(by_patches(panels(records_of(shapes, evidence.records))))
    claims = [claim for claim in experiment.claims if isinstance(claim, Claim)]
    parts = [
        "# Seeing the pool",
        _introduction(evidence, experiment, commands),
        reading[0],
        "## The default",
        _default(seeing(found, seen), evidence.times),
        "## Patches or pixels",
        reading[1],
        *shapes_section(evidence, shapes),
        "**linear head on patches**: AUC − Random's, in points.",
        markdown(gain_table([panel for panel in seen if panel.model == "linear"])),
        "## All strategies, from the whole pool, in the geometry of pixels",
        f"![Learning curves]({image})",
    ]
    for classifier in dict.fromkeys(panel.model for panel in found):
        own = [panel for panel in found if panel.model == classifier]
        parts += [f"**{own[0].classifier}**: AUC − Random's, in points.", markdown(gain_table(own))]
        parts += [
            f"**{own[0].classifier}**: labels at which the mean curve reaches Random's end.",
            markdown(saved(own)),
        ]
        if (ranks := standing_table(own)) is not None:
            parts += [f"**{own[0].classifier}**, over all data sets", markdown(ranks)]
    parts += [NOTE, "## What a larger pool gives", *_by_pool(panels(records))]
    parts += ["## Claims", markdown(claim_table([(claim, records) for claim in claims], evidence.times))]
    for claim in claims:
        parts += [f"**{claim.text}**", markdown(contest_table(claim, judge(claim, records)[1]))]
    lines = "\n".join(f"- {markdown_text(line)}" for line in provenance(evidence.records, evidence.machine))
    parts += ["## Where the records come from", lines]
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def whole(found: Sequence[Panel]) -> list[Panel]:
    """The panels of the whole pool, those that choose the default first."""
    own = [panel for panel in found if panel.config.subset_size is None]
    return sorted(own, key=lambda panel: (_MODELS.index(panel.model), not _chooses(panel), panel.dataset))


def seeing(pixels: Sequence[Panel], patches: Sequence[Panel]) -> list[Panel]:
    """The panels of pixels, with those of linear heads on patches in the place of those on pixels."""
    better = {panel.dataset: panel for panel in patches if panel.model == "linear"}
    return [better.get(panel.dataset, panel) if panel.model == "linear" else panel for panel in pixels]


def few(panel: Panel) -> Panel:
    """The panel with the strategies of the figure."""
    return replace(panel, entries=tuple(entry for entry in panel.entries if entry.name in SHOWN))


def default(found: Sequence[Panel], times: Times) -> str | None:
    """The display name of the strategy that the rule of the protocol makes the default; None if runs are missing."""
    chosen = [panel for panel in found if _chooses(panel)]
    if len(chosen) < len(SOURCES) * len(CLASSIFIERS):
        return None
    stand = standings(chosen)
    close = [each.display for each in stand if each.gain.mean >= stand[0].gain.mean - CLOSE]
    return min(close, key=lambda name: _seconds(chosen, name, times)) if close else None


def _chooses(panel: Panel) -> bool:
    return panel.dataset in SOURCES and panel.model in CLASSIFIERS


def _seconds(found: Sequence[Panel], display: str, times: Times) -> float:
    """The median seconds of the queries of a run, the mean over panels."""
    named = {entry.name for panel in found for entry in panel.entries if entry.display == display}
    known = [c.query_seconds for panel in found for c in costs(panel, times) if c.name in named]
    return float(np.mean([seconds for seconds in known if seconds is not None] or [np.inf]))


def _introduction(evidence: Evidence, experiment: Experiment, commands: Mapping[str, str]) -> str:
    records = records_of(experiment, evidence.records)
    hours = sum(evidence.times[r.key].seconds or 0.0 for r in records if r.key in evidence.times) / 3600
    return (
        f"The experiment `geometry` of the [protocol](protocol.md#seeing-the-pool): "
        f"{len({record.key for record in records}):,} of {len(set(wanted(experiment))):,} runs, {hours:.1f} "
        f"hours on one thread. And the experiment `shapes` of its [part on patches](protocol.md#shapes). This page is "
        f"made from the records in `results/geometry` and `results/shapes` by\n\n"
        f"```bash\n{commands['page']}\n```\n\nand the records by\n\n```bash\n{commands['records']}\n```"
    )


def _default(found: Sequence[Panel], times: Times) -> str:
    """The outcome of the rule, and the table it follows from."""
    chosen = [panel for panel in found if _chooses(panel)]
    name, table = default(found, times), standing_table(chosen)
    said = (
        f"By the rule that was written first, the default is **{name}**." if name else "Not decided: runs are missing."
    )
    return said if table is None else f"{said}\n\n{markdown(table)}"


def gain_table(found: Sequence[Panel]) -> Table:
    """The gain over Random of each strategy on each data set, the highest mean first."""
    columns = [_gains(panel) for panel in found]
    names = dict.fromkeys(name for column in columns for name in column)

    def mean(name: str) -> float:
        return float(np.mean([column[name].mean for column in columns if name in column]))

    lines = [
        [name, *(signed(column[name]) if name in column else NONE for column in columns)]
        for name in sorted(names, key=mean, reverse=True)
    ]
    return Table(["strategy", *(panel.dataset for panel in found)], lines)


def _gains(panel: Panel) -> dict[str, Estimate]:
    random = panel.random
    if random is None:
        return {}
    return {e.display: _gain(e, random) for e in panel.entries if e is not random and _shared(e, random)}


def _shared(one: Entry, other: Entry) -> list[int]:
    return sorted(set(one.seeds) & set(other.seeds))


def _gain(entry: Entry, random: Entry) -> Estimate:
    return estimate([entry.areas[seed] - random.areas[seed] for seed in _shared(entry, random)])


def saved(found: Sequence[Panel]) -> Table:
    """The labels to reach Random's accuracy at the end of its budget."""
    columns = [{row.display: row.labels_to_match for row in rows(panel)} for panel in found]
    names = dict.fromkeys(name for column in columns for name in column)
    ends = [panel.labeled[-1] for panel in found]

    def effort(name: str) -> float:
        shares = [(c[name] or 2 * end) / end for c, end in zip(columns, ends, strict=True) if name in c]
        return float(np.mean(shares))

    lines = [[name, *(str(column.get(name) or NONE) for column in columns)] for name in sorted(names, key=effort)]
    return Table(["strategy", *(panel.dataset for panel in found)], lines)


def _by_pool(found: Sequence[Panel]) -> list[str]:
    """For each classifier: the mean gain over Random of each strategy from each pool, where all pools were played."""
    parts = []
    for classifier in dict.fromkeys(panel.model for panel in found):
        own = [panel for panel in found if panel.model == classifier]
        pools = {pool: [p for p in own if p.pool == pool] for pool in dict.fromkeys(panel.pool for panel in own)}
        shared = set.intersection(*({p.dataset for p in part} for part in pools.values()))
        if len(pools) < 2 or not shared:
            continue
        stand = {
            pool: {s.display: s for s in standings([p for p in part if p.dataset in shared])}
            for pool, part in pools.items()
        }
        parts.append(f"**{own[0].classifier}**, on {', '.join(sorted(shared))}")
        parts.append(markdown(_pool_table(stand)))
    return parts or ["Not played yet."]


def _pool_table(stand: Mapping[str, Mapping[str, Standing]]) -> Table:
    names = dict.fromkeys(name for part in stand.values() for name in part)
    best = sorted(names, key=lambda name: -max(part[name].gain.mean for part in stand.values() if name in part))
    lines = [[n, *(signed(part[n].gain) if n in part else NONE for part in stand.values())] for n in best]
    return Table(["strategy", *stand], lines)
