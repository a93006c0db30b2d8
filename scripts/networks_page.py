"""The page of the experiment `networks`: is what they get wrong a better guide than what they doubt?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from iale.benchmark._evidence import Evidence
from iale.benchmark._experiment import Claim, Experiment, records_of, wanted
from iale.benchmark._experiments.geometry import SEES
from iale.benchmark._experiments.networks import DOUBTS
from iale.benchmark._judge import judge
from iale.benchmark._statistics import area, estimate
from iale.benchmark.records import Record
from iale.reports._markup import Table, markdown, markdown_text
from iale.reports._panels import RANDOM, display_name
from iale.reports._provenance import provenance
from iale.reports._tables import NONE, signed
from pool_page import TITLES, titled
from results_page import claim_table, contest_table

Areas = Mapping[tuple[str, int, str, str], Mapping[int, float]]
"""The AUC of each seed, by classifier, size of acquisitions, data set, and strategy."""
SETS = tuple(TITLES)
"""Those on which the form was chosen come first."""
BRIEF = (DOUBTS, SEES, "maxherding", "typiclust", "bait", "margin", "badge")
_KINDS = {"mlp": "MLP", "cnn": "CNN"}


def networks_page(
    evidence: Evidence, experiment: Experiment, reading: str, image: str, commands: Mapping[str, str]
) -> str:
    """The page in Markdown; arguments as for `pool_page`."""
    records = records_of(experiment, evidence.records)
    found, claims = areas(records), [claim for claim in experiment.claims if isinstance(claim, Claim)]
    parts = [
        "# What networks get wrong",
        f"The experiment `networks` of the [protocol](protocol.md#a-second-opinion-for-networks): "
        f"{len({record.key for record in records}):,} of {len(set(wanted(experiment))):,} runs. This page is made from "
        f"the records in `results/networks` by\n\n```bash\n{commands['page']}\n```\n\nand the records by\n\n"
        f"```bash\n{commands['records']}\n```",
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
        markdown(gains(found)),
        "On each set, the best other strategy by its mean on the same seeds. Nobody knows it beforehand, and choosing "
        "it afterwards favors it.",
        markdown(best_others(found)),
        "## Whom it follows",
        "The share of its choices that another strategy would have made, too, in the same state: exactly the same "
        "samples of the whole pool.",
        f"![Shares of choices]({image})",
        "## Claims",
        markdown(claim_table([(claim, records) for claim in claims], evidence.times)),
    ]
    for claim in claims:
        parts += [f"**{claim.text}**", markdown(contest_table(claim, judge(claim, records)[1]))]
    lines = "\n".join(f"- {markdown_text(line)}" for line in provenance(records, evidence.machine))
    parts += ["## Where the records come from", lines]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def held_out(found: Areas, first: int | None = None) -> list[float]:
    """The mean over the sets that were held out of the seeds that all of them have, or of ten of these."""
    own = [found.get(("mlp", 10, name, DOUBTS), {}) for name in SETS[3:]]
    base = [found.get(("mlp", 10, name, SEES), {}) for name in SETS[3:]]
    shared = sorted(set.intersection(*(set(each) for each in (*own, *base))))
    shared = shared if first is None else [seed for seed in shared if first <= seed < first + 10]
    return [float(np.mean([one[seed] - other[seed] for one, other in zip(own, base, strict=True)])) for seed in shared]


def told(rises: Sequence[float]) -> str:
    """A mean with its interval and seeds."""
    return f"{signed(estimate(rises))} points ({len(rises)} seeds)"


def areas(records: Sequence[Record]) -> Areas:
    """What each run from the whole pool reached."""
    found: dict[tuple[str, int, str, str], dict[int, float]] = defaultdict(dict)
    for record in records:
        if record.config.subset_size is not None:
            continue
        place = record.classifier, record.config.acquisition_size, record.dataset, record.strategy
        found[place][record.seed] = area(record.accuracy)
    return found


def duels(found: Areas) -> Table:
    """Error Herding less Uncertainty Herding: a line for each classifier and size of acquisitions."""
    lines = []
    for classifier, size in dict.fromkeys(place[:2] for place in sorted(found, key=lambda p: (p[0] != "mlp", p[1]))):
        own = {name: _rises(found, (classifier, size, name), DOUBTS, SEES) for name in SETS}
        cells = [f"{signed(estimate(rises))} ({len(rises)})" if len(rises) > 1 else NONE for rises in own.values()]
        if any(own.values()):
            lines.append([f"{_KINDS[classifier]}, acquisitions of {size}", *cells])
    return Table(["runs", *SETS], lines)


def gains(found: Areas) -> Table:
    """The gain over Random of each strategy with the MLP, the highest mean first."""
    names = dict.fromkeys(place[3] for place in found if place[0] == "mlp" and place[3] != RANDOM)
    lines = []
    for name in names:
        own = [_rises(found, ("mlp", 10, dataset), name, RANDOM) for dataset in SETS]
        means = [float(np.mean(rises)) for rises in own if rises]
        cells = [f"{signed(estimate(rises))} ({len(rises)})" if len(rises) > 1 else NONE for rises in own]
        whole = f"{100 * float(np.mean(means)):+.2f}".replace("-", "−") if len(means) == len(SETS) else NONE
        if any(cell != NONE for cell in cells):
            lines.append((float(np.mean(means)), [display_name(name), *cells, whole]))
    ordered = sorted(lines, key=lambda line: (line[1][-1] == NONE, -line[0]))
    return Table(["strategy", *SETS, "mean"], [cells for _, cells in ordered])


def best_others(found: Areas) -> Table:
    """Error Herding less the best other strategy of each data set, with the MLP in acquisitions of 10."""
    lines = []
    for dataset in SETS:
        names = [place[3] for place in found if place[:3] == ("mlp", 10, dataset) and place[3] != DOUBTS]
        rises = {name: _rises(found, ("mlp", 10, dataset), DOUBTS, name) for name in names}
        best = min((name for name in names if rises[name]), key=lambda name: float(np.mean(rises[name])), default=None)
        if best is not None:
            lines.append([dataset, display_name(best), signed(estimate(rises[best])), str(len(rises[best]))])
    return Table(["data set", "best other strategy", "Error Herding − it", "seeds"], lines)


def brief(found: Areas) -> Table:
    """The gains of a few strategies, for readers in a hurry."""
    table, names = gains(found), [display_name(name) for name in BRIEF]
    lines = [[cell.split(" (")[0] for cell in line] for line in table.lines if line[0] in names]
    return titled(Table(table.header, lines))


def _rises(found: Areas, place: tuple[str, int, str], first: str, second: str) -> list[float]:
    own, other = found.get((*place, first), {}), found.get((*place, second), {})
    return [own[seed] - other[seed] for seed in sorted(own) if seed in other]
