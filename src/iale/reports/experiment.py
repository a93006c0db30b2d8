"""The page of one experiment: the paper's claim, what was found, the figure, and every panel behind it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from iale import _storage as storage
from iale.benchmark._evidence import Evidence
from iale.benchmark._experiment import Experiment
from iale.errors import StorageError
from iale.reports import _page as page
from iale.reports._experiment_figures import draw, draw_parts
from iale.reports._experiment_tables import behind, summary, verdicts
from iale.reports._figures import inline_svg, panel_looks, png, svg
from iale.reports._markup import escape
from iale.reports._panels import Panel, panels
from iale.reports._sections import footer, html_section
from iale.reports._settings import made_with
from iale.reports._tables import policy_table
from iale.reports._times import TIMES_NOTE


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
    figure = draw(experiment, found, looks, times)
    curves = experiment.figure == "curves"
    shown = [] if curves else draw_parts(experiment, found, looks, times)
    svgs = [inline_svg(one, f"figure{place}", escape(experiment.title)) for place, one in enumerate(shown)]
    titles = {f"panel{place}": panel.title for place, panel in enumerate(found)}
    trained = {name: cost for name, cost in evidence.costs.items() if name in experiment.policies}
    parts = [
        page.paragraph(f"The paper says: {experiment.claim}", "lead"),
        *verdicts(found),
        page.pictures(svgs),
        *([page.paragraph(TIMES_NOTE, "note")] if experiment.figure == "times" else []),
        *behind(experiment, found),
        *page.titled("What the policies cost, once", policy_table(trained) if trained else None),
        page.contents(titles) if curves else page.heading("The runs behind it"),
        *(
            html_section(panel, looks, times, place, command=run_command, folded=not curves)
            for place, panel in enumerate(found)
        ),
    ]
    html = page.page(experiment.title, parts, footer([command], made_with(found, evidence.machine)))
    numbers = summary(experiment, found, evidence, run_command)
    storage.write_bytes(out / "figure.svg", svg(figure))
    storage.write_bytes(out / "figure.png", png(figure))
    storage.write_json(out / "summary.json", {**numbers, "command": command})
    storage.write_bytes(out / "report.html", html.encode())
