"""``iale demo``: learn to choose on one data set, choose on another, in minutes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from iale.benchmark.config import ExperimentConfig
from iale.benchmark.runner import run_experiment
from iale.classifiers.base import TrainingConfig
from iale.cli._options import check_workers, parse
from iale.cli._output import check_folder, say
from iale.dagger.config import DaggerConfig, UpdateConfig
from iale.dagger.trainer import train_policy
from iale.learner import CycleConfig
from iale.reports.report import write_report

# The MLP is fitted more than ten times as fast as the CNN: enough for ten paired seeds in minutes on two cores.
TRAINING = TrainingConfig(epochs=50, device="cpu")
CYCLE = CycleConfig(labeling_budget=100)

LESSONS = DaggerConfig(
    dataset="digits",
    classifier="mlp",
    episodes=12,
    round_size=4,
    cycle=CYCLE,
    training=TRAINING,
    update=UpdateConfig(policy_epochs=10, states_per_batch=4),
)
"""What the policy learns from: few and short episodes, on images of 8×8 pixels."""

EXAM = ExperimentConfig(
    dataset="fashion-small", classifier="mlp", seeds=10, test_size=500, cycle=CYCLE, training=TRAINING
)
"""What it is then compared on, beside the strategies of `ExperimentConfig`."""


@dataclass(frozen=True)
class DemoOptions:
    """Trains a small policy on the digits that come with scikit-learn, then compares it on pictures of clothes.

    Nothing is downloaded. Writes report.html, report.md, curves.png and summary.json, and prints the table. The same
    command goes on where it was stopped.

    Attributes:
        out: folder for everything that is made.
        workers: processes that work side by side, one thread each.
    """

    out: Path = Path("demo")
    workers: int = 2


def main(argv: Sequence[str]) -> int:
    """Runs the demonstration and prints its table."""
    options = parse(DemoOptions, argv, prog="iale demo")
    out, workers = check_folder(options.out), check_workers(options.workers)
    say(f"1 of 2: a policy learns on {LESSONS.dataset}, from {len(LESSONS.experts)} experts")
    policy = train_policy(LESSONS, out / "iale", workers=workers)
    say(f"2 of 2: it chooses on {EXAM.dataset}, which it has not seen, beside {len(EXAM.strategies)} heuristics")
    run_experiment(replace(EXAM, strategies=(str(policy), *EXAM.strategies)), out / "runs", workers=workers)
    print(write_report(out / "runs", out))
    say(f"the curves are in {out / 'curves.png'}, the numbers in {out / 'summary.json'}")
    return 0
