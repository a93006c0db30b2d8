"""The page of the experiment `heads`: which strategy is best for a linear head?"""

from __future__ import annotations

from collections.abc import Mapping

from experiment_page import OF_BEST, closing, opening
from gain_tables import areas, best_others, gains, pool_of
from iale.benchmark._evidence import Evidence
from iale.benchmark._experiment import Experiment, records_of
from iale.benchmark._experiments.geometry import SEES
from iale.benchmark._experiments.heads import SMALL
from iale.benchmark._experiments.networks import LARGE
from iale.reports._markup import markdown


def heads_page(
    evidence: Evidence, experiment: Experiment, reading: str, image: str, commands: Mapping[str, str]
) -> str:
    """The page in Markdown; arguments as for `pool_page`."""
    found = areas(records_of(experiment, evidence.records))
    parts = [
        "# Linear heads",
        opening(evidence, experiment, "protocol.md#linear-heads", commands),
        reading,
        "## Every strategy",
        "AUC − Random's, in points; seeds in parentheses. Acquisitions of 10:",
        markdown(gains(found, "linear")),
        f"![Learning curves]({image})",
        OF_BEST,
        markdown(best_others(found, "linear", SEES)),
        f"Acquisitions of {SMALL}:",
        markdown(gains(found, "linear", pool_of(None, SMALL))),
        f"Acquisitions of {LARGE}:",
        markdown(gains(found, "linear", pool_of(None, LARGE))),
        *closing(evidence, experiment),
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"
