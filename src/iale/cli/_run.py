"""``iale run``: strategies × seeds on a data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from iale.benchmark.grid import GridConfig
from iale.benchmark.runner import run_grids
from iale.cli._options import parse
from iale.cli._output import check_folder
from iale.cli._workers import WorkerOptions


@dataclass(frozen=True)
class RunOptions:
    """Compares strategies over seeds on a data set; for one seed, all have the same split, first labels and draws.

    Every finished run becomes one line of records.jsonl in the folder. If it is stopped, the same command goes on.

    Attributes:
        out: folder for the records.
        where: where the runs are played.
        config: what is compared.
    """

    out: Path
    where: WorkerOptions = field(default_factory=WorkerOptions)
    config: GridConfig = field(default_factory=GridConfig)


def main(argv: Sequence[str]) -> int:
    """Runs the comparison and prints where its records are."""
    options = parse(RunOptions, argv, prog="iale run")
    with options.where.open() as executor:
        out = check_folder(options.out)
        print(run_grids(options.config, out, workers=options.where.workers, executor=executor))
    return 0
