"""``iale report``: a page of curves and tables from records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from iale.benchmark._evidence import read_evidence
from iale.benchmark._plan import check_kept
from iale.benchmark._record_files import known_files
from iale.benchmark.records import Record
from iale.cli._options import parse
from iale.cli._output import check_folder
from iale.cli._run import run_command
from iale.data.catalog import DATASETS
from iale.errors import ConfigError, DataError
from iale.reports.report import write_report


@dataclass(frozen=True)
class ReportOptions:
    """Draws learning curves and tables with paired differences from the records of `iale run`.

    Writes report.html, a page that needs nothing else, report.md, curves.png and summary.json, and prints the table.

    Attributes:
        records: folders with a records.jsonl.
        out: folder for the report; by default "report" in the folder of the records, or here for several folders.
        check_data: yes refuses records of your own data if these are still at their path and have changed since; no
            reports such records, too.
    """

    records: tuple[Path, ...] = field(default=(), metadata={"positional": True, "required": True})
    out: Path | None = None
    check_data: bool = True


def main(argv: Sequence[str]) -> int:
    options = parse(ReportOptions, argv, prog="iale report")
    records = options.records
    if not records:
        raise ConfigError("iale report needs a folder with a records.jsonl, which `iale run` writes: name one or more.")
    out = check_folder(options.out or (records[0] / "report" if len(records) == 1 else Path("report")))
    if options.check_data:
        _check_data(records)
    files = {name: path for folder in records for name, path in known_files(folder).items()}
    print(write_report(records, out, partial(run_command, files=files)))
    return 0


def _check_data(folders: Sequence[Path]) -> None:
    """Refuses records of data that lie where they were and have changed. Data that are not here cannot be compared.

    Data sets with a name are not read: most are large, and their files are checked whenever they are loaded.
    """
    found: Sequence[Record] = read_evidence(folders).records
    present = [n for n in dict.fromkeys(r.dataset for r in found) if n not in DATASETS and Path(n).exists()]
    try:
        check_kept(found, present, " and ".join(map(str, folders)))
    except DataError as error:
        raise DataError(f"{error} To report them all the same, say --check-data no.") from error
