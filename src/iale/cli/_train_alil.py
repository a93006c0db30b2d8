"""``iale train-alil``: the learned baseline from one data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from iale.cli._options import parse
from iale.cli._output import check_folder
from iale.dagger.alil import train_alil
from iale.dagger.config import AlilConfig


@dataclass(frozen=True)
class TrainAlilOptions:
    """Trains an ALIL policy (Liu et al. 2018), the learned baseline of the paper.

    A checkpoint is written after every episode. The same command resumes a stopped run.

    Attributes:
        out: folder for checkpoints, demonstrations and, at the end, the policy.
        config: what the policy learns from.
    """

    out: Path
    config: AlilConfig = field(default_factory=AlilConfig)


def main(argv: Sequence[str]) -> int:
    """Trains the policy and prints its folder, which is its name for ``--strategies``."""
    options = parse(TrainAlilOptions, argv, prog="iale train-alil")
    print(train_alil(options.config, check_folder(options.out)))
    return 0
