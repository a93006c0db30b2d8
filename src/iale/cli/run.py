"""``iale run``: strategies × seeds on a data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from iale.benchmark.config import ExperimentConfig
from iale.benchmark.runner import run_experiment
from iale.cli.options import parse
from iale.cli.output import check_folder


@dataclass(frozen=True)
class RunOptions:
    """Compares strategies over seeds on a data set; for one seed all get the same split, first labels and draws.

    Every finished run is one line of DIR/records.jsonl. The same command goes on where it was stopped.

    Attributes:
        out: folder for the records.
        workers: processes that run side by side, one thread each.
        config: what is compared.
    """

    out: Path
    workers: int = 1
    config: ExperimentConfig = field(default_factory=ExperimentConfig)


def main(argv: Sequence[str]) -> int:
    """Runs the comparison and prints where its records are."""
    options = parse(RunOptions, argv, prog="iale run")
    print(run_experiment(options.config, check_folder(options.out), workers=options.workers))
    return 0
