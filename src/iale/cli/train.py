"""``iale train``: a policy from one data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from iale.cli.options import check_workers, parse
from iale.cli.output import check_folder
from iale.dagger.config import DaggerConfig
from iale.dagger.trainer import train_policy


@dataclass(frozen=True)
class TrainOptions:
    """Trains a policy by imitation of experts (DAgger, Algorithm 1 of the paper).

    A checkpoint is written after every episode. The same command goes on where it was stopped.

    Attributes:
        out: folder for checkpoints, demonstrations and, at the end, the policy.
        workers: processes that fit classifiers side by side, one thread each.
        config: what the policy learns from.
    """

    out: Path
    workers: int = 1
    config: DaggerConfig = field(default_factory=DaggerConfig)


def main(argv: Sequence[str]) -> int:
    """Trains the policy and prints its folder, which is its name for ``--strategies``."""
    options = parse(TrainOptions, argv, prog="iale train", prefixed=("state",))
    print(train_policy(options.config, check_folder(options.out), workers=check_workers(options.workers)))
    return 0
