"""``iale report``: a page of curves and tables from records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from iale.cli._options import parse
from iale.cli._output import check_folder
from iale.cli._run import run_command
from iale.errors import ConfigError
from iale.reports.report import write_report


@dataclass(frozen=True)
class ReportOptions:
    """Draws learning curves and tables with paired differences from the records of `iale run`.

    Writes report.html, a page that needs nothing else, report.md, curves.png and summary.json, and prints the table.

    Attributes:
        records: folders with a records.jsonl.
        out: folder for the report; by default "report" in the folder of the records, or here for several folders.
    """

    records: tuple[Path, ...] = field(default=(), metadata={"positional": True, "required": True})
    out: Path | None = None


def main(argv: Sequence[str]) -> int:
    options = parse(ReportOptions, argv, prog="iale report")
    records = options.records
    if not records:
        raise ConfigError("iale report needs a folder with a records.jsonl, which `iale run` writes: name one or more.")
    out = options.out or (records[0] / "report" if len(records) == 1 else Path("report"))
    print(write_report(records, check_folder(out), run_command))
    return 0
