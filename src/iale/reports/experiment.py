"""The page of one experiment: the paper's claim, what was found, the figure, and every panel behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path

from matplotlib.figure import Figure

from iale import _storage as storage
from iale.benchmark._evidence import Evidence
from iale.benchmark._experiment import Experiment
from iale.benchmark._times import Times
from iale.errors import ConfigError, StorageError
from iale.reports import _page as page
from iale.reports._curves import draw_curves
from iale.reports._experiment_tables import behind, summary, varied, verdicts
from iale.reports._factor import draw_factor
from iale.reports._figures import inline_svg, panel_looks, png, svg
from iale.reports._overlap import draw_overlap, watched
from iale.reports._palette import Look
from iale.reports._panels import Panel, panels
from iale.reports._provenance import provenance
from iale.reports._ranks import NOTE, standing_table
from iale.reports._sections import html_section
from iale.reports._tables import policy_table
from iale.reports._times import TIMES_NOTE, draw_times, timed


def write_experiment_report(
    experiment: Experiment,
    evidence: Evidence,
    out: Path,
    command: str,
    run_command: Callable[[Panel], str] | None = None,
) -> None:
    """Writes ``report.html``, ``figure.svg``, ``figure.png`` and ``summary.json`` of one experiment.

    Args:
        experiment: title, claim and kind of figure.
        evidence: records of its runs; times and costs may also be about others.
        out: folder for the report.
        command: the command line that makes the records, shown at the end.
        run_command: gives the command line that makes the runs of a panel; without it the report shows none.

    Raises:
        StorageError: there are no records, they lack what the figure shows, or a file cannot be written.
        ConfigError: the figure varies a factor that the experiment does not name.
    """
    if not evidence.records:
        raise StorageError(f"the experiment {experiment.name} has no finished runs: run it first.")
    found, times = panels(evidence.records), evidence.times
    looks = panel_looks(found)
    figure = _draw(experiment, found, looks, times)
    curves, title = experiment.figure == "curves", escape(experiment.title)
    shown = [] if curves else _parts(experiment, found, looks, times)
    svgs = [inline_svg(one, f"figure{place}", title) for place, one in enumerate(shown)]
    sections = [html_section(each, looks, times, i, run_command, folded=not curves) for i, each in enumerate(found)]
    trained = {name: cost for name, cost in evidence.costs.items() if name in experiment.policies}
    parts = [
        page.paragraph(f"The paper says: {experiment.claim}", "lead"),
        *verdicts(found),
        page.pictures(svgs),
        *([page.paragraph(TIMES_NOTE, "note")] if experiment.figure == "times" else []),
        *behind(experiment, found),
        *(_ranked(found) if experiment.ranked else []),
        *page.titled("What the policies cost, once", policy_table(trained) if trained else None),
        page.contents([panel.title for panel in found]) if curves else page.heading("The runs behind it"),
        *sections,
    ]
    html = page.page(experiment.title, parts, command, provenance(evidence.records, evidence.machine))
    numbers = summary(experiment, found, evidence, run_command)
    storage.write_bytes(out / "figure.svg", svg(figure))
    storage.write_bytes(out / "figure.png", png(figure))
    storage.write_json(out / "summary.json", {**numbers, "command": command})
    storage.write_bytes(out / "report.html", html.encode())


def _ranked(found: Sequence[Panel]) -> list[str]:
    """The strategies over all panels with one pool, as HTML."""
    pools = dict.fromkeys(panel.pool for panel in found)
    tables = {pool: standing_table([panel for panel in found if panel.pool == pool]) for pool in pools}
    return [part for pool, table in tables.items() for part in page.titled(f"Over all panels: {pool}", table, NOTE)]


def _draw(experiment: Experiment, found: Sequence[Panel], looks: Mapping[str, Look], times: Times) -> Figure:
    name = f"the experiment {experiment.name}"
    if experiment.figure == "overlap":
        if not watched(found):
            raise StorageError(f"no run of {name} recorded the choices of other strategies: run it again.")
        return draw_overlap(found, looks)
    if experiment.figure == "factor":
        if experiment.factor is None:
            raise ConfigError(f"{name} names no factor: name what varies along the axis.")
        return draw_factor(found, looks, experiment.factor)
    if experiment.figure == "times":
        if not timed(found, times):
            raise StorageError(f"no run of {name} has been timed together with a run of Random: run it again.")
        return draw_times(found, looks, times)
    return draw_curves(found, looks)


def _parts(experiment: Experiment, found: Sequence[Panel], looks: Mapping[str, Look], times: Times) -> list[Figure]:
    """The plots of the figure one by one, as a narrow page needs them."""
    groups: list[list[Panel]] = [list(each.panels.values()) for each in varied(experiment, found)]
    if experiment.figure == "overlap":
        groups = [[replace(panel, entries=(entry,))] for panel, entry in watched(found)]
    elif not groups:
        known = [panel for panel, _ in timed(found, times)] if experiment.figure == "times" else found
        groups = [[panel] for panel in known]
    return [_draw(experiment, group, looks, times) for group in groups]
