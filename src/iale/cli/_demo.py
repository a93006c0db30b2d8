"""``iale demo``: a policy learns on one data set and chooses on another, in minutes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from iale.benchmark.grid import GridConfig
from iale.benchmark.runner import run_grids
from iale.classifiers.base import TrainingConfig
from iale.cli._options import parse
from iale.cli._output import check_folder, say
from iale.cli._run import run_command
from iale.dagger.config import DaggerConfig, UpdateConfig
from iale.dagger.trainer import train_policy
from iale.executors import open_executor
from iale.learner import CycleConfig
from iale.reports.report import write_report

# An MLP is fitted more than ten times as fast as a CNN, so two cores can play ten paired seeds in minutes.
TRAINING = TrainingConfig(epochs=50, device="cpu")
CYCLE = CycleConfig(labeling_budget=100)
UPDATE = UpdateConfig(policy_epochs=10, states_per_batch=4)

LESSONS = DaggerConfig(
    dataset="digits", classifier="mlp", episodes=12, round_size=4, cycle=CYCLE, training=TRAINING, update=UPDATE
)
"""What the policy learns from: a few short episodes on images of 8×8 pixels."""

EXAM = GridConfig(dataset="fashion-small", classifier="mlp", seeds=10, test_size=500, cycle=CYCLE, training=TRAINING)
"""What it is then compared on, with the default strategies of `GridConfig`."""


@dataclass(frozen=True)
class DemoOptions:
    """Trains a small policy on the digits that come with scikit-learn, then compares it on pictures of clothes.

    Downloads nothing. Writes report.html, report.md, curves.png and summary.json, and prints the table. If it is
    stopped, the same command goes on.

    Attributes:
        out: folder for everything that it writes.
        workers: processes that work side by side, one thread each.
    """

    out: Path = Path("demo")
    workers: int = 2


def main(argv: Sequence[str]) -> int:
    options = parse(DemoOptions, argv, prog="iale demo")
    with open_executor(options.workers) as executor:
        out, workers = check_folder(options.out), options.workers
        say(f"1 of 2: a policy learns on {LESSONS.dataset}, from {len(LESSONS.experts)} experts")
        policy = train_policy(LESSONS, out / "iale", workers=workers, executor=executor)
        say(f"2 of 2: it chooses on {EXAM.dataset}, which it has not seen, against {len(EXAM.strategies)} heuristics")
        exam = replace(EXAM, strategies=(str(policy), *EXAM.strategies))
        run_grids(exam, out / "runs", workers=workers, executor=executor)
    print(write_report(out / "runs", out, run_command))
    say(f"the curves are in {out / 'curves.png'}, the numbers in {out / 'summary.json'}")
    return 0
