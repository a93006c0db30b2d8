"""What the pages of single experiments share: where the records come from, and what is judged by them."""

from __future__ import annotations

from collections.abc import Mapping

from iale.benchmark._evidence import Evidence
from iale.benchmark._experiment import Claim, Experiment, records_of, wanted
from iale.benchmark._judge import judge
from iale.reports._markup import markdown, markdown_text
from iale.reports._provenance import provenance
from results_page import claim_table, contest_table

OF_BEST = (
    "On each set, the best other strategy by its mean on the same seeds. Nobody knows it beforehand, and choosing "
    "it afterwards favors it. A strategy is behind if it is below by more than 0.5 points with an interval below 0."
)


def opening(evidence: Evidence, experiment: Experiment, section: str, commands: Mapping[str, str]) -> str:
    """How many runs there are, where they are planned, and what to type to make them and the page again."""
    records = records_of(experiment, evidence.records)
    return (
        f"The experiment `{experiment.name}` of the [protocol]({section}): "
        f"{len({record.key for record in records}):,} of {len(set(wanted(experiment))):,} runs. This page is made from "
        f"the records in `results/{experiment.name}` by\n\n```bash\n{commands['page']}\n```\n\nand the records by\n\n"
        f"```bash\n{commands['records']}\n```"
    )


def closing(evidence: Evidence, experiment: Experiment) -> list[str]:
    """Every claim, each with its comparisons, and the machines and data of the records."""
    records = records_of(experiment, evidence.records)
    claims = [claim for claim in experiment.claims if isinstance(claim, Claim)]
    parts = ["## Claims", markdown(claim_table([(claim, records) for claim in claims], evidence.times))]
    for claim in claims:
        parts += [f"**{claim.text}**", markdown(contest_table(claim, judge(claim, records)[1]))]
    lines = "\n".join(f"- {markdown_text(line)}" for line in provenance(records, evidence.machine))
    return [*parts, "## Where the records come from", lines]
