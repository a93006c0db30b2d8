"""``iale demo``: policies learn on one data set and choose on another, in minutes."""

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
from iale.dagger.universal.config import UniversalConfig
from iale.dagger.universal.trainer import train_universal
from iale.executors import open_executor
from iale.learner import CycleConfig
from iale.reports.report import write_report
from iale.strategies.catalog import BASELINES, DEFAULT_STRATEGY

# An MLP is fitted more than ten times as fast as a CNN, so two cores can play ten paired seeds in minutes.
TRAINING = TrainingConfig(epochs=50, device="cpu")
CYCLE = CycleConfig(labeling_budget=100)
UPDATE = UpdateConfig(policy_epochs=10, states_per_batch=4)

LESSONS = DaggerConfig(
    dataset="digits", classifier="mlp", episodes=12, round_size=4, cycle=CYCLE, training=TRAINING, update=UPDATE
)
"""What the policy of the paper learns from: a few short episodes on images of 8×8 pixels."""

TASKS = UniversalConfig(
    sources=("digits",), synthetic=0.0, mlp=0.0, states=60, states_per_task=3, rounds=1, proposals=16, scoring_size=500
)
"""What the universal policy learns from: small tasks, made of the same images."""

EXAM = GridConfig(
    dataset="fashion-small",
    classifier="mlp",
    strategies=(*BASELINES, DEFAULT_STRATEGY),
    seeds=10,
    test_size=500,
    cycle=CYCLE,
    training=TRAINING,
)
"""What they are then compared on, with what they are compared with."""


@dataclass(frozen=True)
class DemoOptions:
    """Trains two small policies on the digits that come with scikit-learn, then compares them on pictures of clothes.

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
        say(f"1 of 3: the policy of the paper learns on {LESSONS.dataset}, from {len(LESSONS.experts)} experts")
        policy = train_policy(LESSONS, out / "iale", workers=workers, executor=executor)
        say(f"2 of 3: a universal policy learns on tasks made of {', '.join(TASKS.sources)}")
        universal = train_universal(TASKS, out / "universal", workers=workers, executor=executor)
        say(f"3 of 3: both choose on {EXAM.dataset}, which they have not seen, as do {len(EXAM.strategies)} heuristics")
        exam = replace(EXAM, strategies=(str(universal), str(policy), *EXAM.strategies))
        run_grids(exam, out / "runs", workers=workers, executor=executor)
    print(write_report(out / "runs", out, run_command))
    say(f"the curves are in {out / 'curves.png'}, the numbers in {out / 'summary.json'}")
    return 0
