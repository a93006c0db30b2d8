"""The page of the experiment `networks`: is what they get wrong a better guide than what they doubt?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from experiment_page import OF_BEST, closing, opening
from gain_tables import SETS, USUAL, WHOLE, Areas, areas, best_others, gains, mean_rises, rises_of
from iale.benchmark._evidence import Evidence
from iale.benchmark._experiment import Experiment, records_of
from iale.benchmark._experiments.geometry import SEES
from iale.benchmark._experiments.networks import DOUBTS
from iale.benchmark._statistics import estimate
from iale.reports._markup import Table, markdown
from iale.reports._tables import NONE, signed

_KINDS = {"mlp": "MLP", "cnn": "CNN"}


def networks_page(
    evidence: Evidence, experiment: Experiment, reading: str, image: str, commands: Mapping[str, str]
) -> str:
    """The page in Markdown; arguments as for `pool_page`."""
    found = areas(records_of(experiment, evidence.records))
    parts = [
        "# What networks get wrong",
        opening(evidence, experiment, "protocol.md#a-second-opinion-for-networks", commands),
        reading,
        "## Error Herding and Uncertainty Herding",
        "Error Herding − Uncertainty Herding, in points of the AUC; seeds in parentheses. The form was chosen on the "
        "first three sets.",
        markdown(duels(found)),
        f"The mean over the three others, with the MLP in acquisitions of 10: {told(held_out(found))}. Of the first "
        f"ten seeds, which were known for the form without the gate: {told(held_out(found, 0))}. Of the new ones: "
        f"{told(held_out(found, 10))}.",
        "## Every strategy",
        "**MLP**: AUC − Random's, in points.",
        markdown(gains(found, "mlp")),
        OF_BEST,
        markdown(best_others(found, "mlp", DOUBTS)),
        "## Whom it follows",
        "The share of its choices that another strategy would have made, too, in the same state: exactly the same "
        "samples of the whole pool.",
        f"![Shares of choices]({image})",
        *closing(evidence, experiment),
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def held_out(found: Areas, first: int | None = None) -> list[float]:
    """The mean over the sets that were held out of the seeds that all of them have, or of ten of these."""
    rises = mean_rises(found, ("mlp", WHOLE), SETS[3:], DOUBTS, SEES)
    return [rise for seed, rise in rises.items() if first is None or first <= seed < first + 10]


def told(rises: Sequence[float]) -> str:
    """A mean with its interval and seeds."""
    return f"{signed(estimate(rises))} points ({len(rises)} seeds)"


def duels(found: Areas) -> Table:
    """Error Herding less Uncertainty Herding: a line for each classifier and size of acquisitions."""
    lines = []
    places = sorted({place[:2] for place in found if place[1].startswith(WHOLE)})
    for classifier, pool in sorted(places, key=lambda place: place[0] != "mlp"):
        own = {name: rises_of(found, (classifier, pool, name), DOUBTS, SEES) for name in SETS}
        cells = [f"{signed(estimate(rises))} ({len(rises)})" if len(rises) > 1 else NONE for rises in own.values()]
        if any(own.values()):
            size = pool.partition("@")[2] or USUAL
            lines.append([f"{_KINDS[classifier]}, acquisitions of {size}", *cells])
    return Table(["runs", *SETS], lines)
