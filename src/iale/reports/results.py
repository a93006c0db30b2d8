"""The page of all results: every claim with its verdict, and what decides it, from records alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from iale import _storage as storage
from iale.benchmark._evidence import Evidence, read_evidence
from iale.benchmark._experiment import Claim, Experiment, records_of, wanted
from iale.benchmark._judge import judge
from iale.benchmark._times import Times
from iale.benchmark.records import Record
from iale.reports._claim_tables import claim_table, contest_table, overlap_table, pool_tables, ratio_table
from iale.reports._markup import markdown
from iale.reports._panels import panels
from iale.reports._tables import policy_table
from iale.reports._times import TIMES_NOTE

_READING = "reading.md"


@dataclass(frozen=True)
class Commands:
    """The command lines that make everything again, as the page shows them.

    Attributes:
        size: the name of the size.
        page: makes the page from the records.
        records: makes all records.
        experiments: makes the records of one experiment, by its name.
    """

    size: str
    page: str
    records: str
    experiments: Mapping[str, str]


def results_page(folder: Path, experiments: Sequence[Experiment], images: str, commands: Commands) -> str:
    """The page in Markdown; the same records give the same text.

    Args:
        folder: holds the records of one size, and ``reading.md``, what people think of them.
        experiments: of that size, with the claims to judge.
        images: where the page finds the figures, NAME.svg.
        commands: what to type to make everything again.

    Raises:
        StorageError: a record is damaged, or a file cannot be read.
    """
    evidence = read_evidence([folder], may_be_empty=True)
    own = {each.name: records_of(each, evidence.records) for each in experiments}
    parts = [
        "# Results",
        _introduction(experiments, own, evidence, commands),
        "## What the paper claims, and what came out",
        markdown(claim_table([(c, own[e.name]) for e in experiments for c in e.claims], evidence.times)),
        storage.read_bytes(folder / _READING).decode() if (folder / _READING).exists() else "",
        "## What the sub-pool alone explains",
        *(
            f"**{title}**\n\n{markdown(table)}"
            for records in own.values()
            for title, table in pool_tables(records).items()
        ),
        "## Experiment by experiment",
    ]
    for each in experiments:
        parts += _section(each, own[each.name], evidence.times, images, commands)
    parts += ["## What the policies cost", markdown(policy_table(evidence.costs))]
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def _introduction(
    experiments: Sequence[Experiment], own: Mapping[str, list[Record]], evidence: Evidence, commands: Commands
) -> str:
    keys = {record.key for records in own.values() for record in records}
    planned = {identity for each in experiments for identity in wanted(each)}
    hours = sum(evidence.times[key].seconds or 0.0 for key in keys if key in evidence.times) / 3600
    training = sum(cost.seconds or 0.0 for cost in evidence.costs.values()) / 3600
    machine = evidence.machine
    where = f"{machine.get('cores', '?')} cores of {machine.get('processor', 'an unknown processor')}"
    return (
        f"Every figure of the paper at the size `{commands.size}`: {len(keys):,} of {len(planned):,} runs, judged by "
        f"the rules of the [protocol](protocol.md), which was written first. This page is made from the records in "
        f"`results/{commands.size}` by\n\n"
        f"```bash\n{commands.page}\n```\n\n"
        f"and the records by `{commands.records}`, on {where} (PyTorch "
        f"{machine.get('torch', '?')}, Python {machine.get('python', '?')}): {hours:.1f} hours of runs and "
        f"{training:.1f} hours of training policies, summed over two processes of one thread each, on a shared machine."
    )


def _section(
    experiment: Experiment, records: Sequence[Record], times: Times, images: str, commands: Commands
) -> Iterator[str]:
    """One experiment: its figure, its command, and the tables that decide its claims."""
    yield from (f"### {experiment.title}", f"The paper: {experiment.claim}")
    if not records:
        yield "Not run at this size yet."
        return
    missing = len(set(wanted(experiment))) - len(records)
    gap = f"; {missing} of its runs are not there yet, and the figure shows the others" if missing else ""
    yield f"![{experiment.title}]({images}/{experiment.name}.svg)"
    yield f"`{commands.experiments[experiment.name]}`{gap}"
    for claim in experiment.claims:
        if isinstance(claim, Claim):
            table = contest_table(claim, judge(claim, records)[1])
            yield f"**{claim.text[0].upper()}{claim.text[1:]}**\n\n{markdown(table)}"
    found = sorted(panels(records), key=lambda panel: panel.title)
    if (shared := overlap_table(found)) is not None:
        yield markdown(shared)
    if experiment.figure == "times":
        yield from (*(markdown(ratio_table(panel, times)) for panel in found), TIMES_NOTE)
