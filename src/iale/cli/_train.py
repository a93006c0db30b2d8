"""``iale train`` and ``iale train-alil``: a policy from one data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from iale.cli._options import WorkerOptions, parse
from iale.cli._output import check_folder
from iale.dagger.alil import train_alil
from iale.dagger.config import AlilConfig, DaggerConfig
from iale.dagger.trainer import train_policy
from iale.dagger.universal import UniversalConfig, train_universal
from iale.errors import ConfigError


@dataclass(frozen=True)
class TrainOptions:
    """Trains a policy that imitates experts (DAgger, Algorithm 1 of the paper).

    A checkpoint is written after every episode. The same command resumes a stopped run.
    ``--policy universal`` trains a universal policy, and ``iale train --policy universal --help`` lists its options.

    Attributes:
        out: folder for checkpoints, demonstrations and, at the end, the policy.
        where: which processes play the episodes of a round.
        config: what the policy learns from.
    """

    out: Path
    where: WorkerOptions = field(default_factory=WorkerOptions)
    config: DaggerConfig = field(default_factory=DaggerConfig)


def main(argv: Sequence[str]) -> int:
    policy, argv = _which(argv)
    if policy == "universal":
        return _main_universal(argv)
    options = parse(TrainOptions, argv, prog="iale train", prefixed=("state",))
    with options.where.open() as executor:
        out = check_folder(options.out)
        print(train_policy(options.config, out, workers=options.where.workers, executor=executor))
    return 0


def _which(argv: Sequence[str]) -> tuple[str, list[str]]:
    """The value of ``--policy``, which says what other options there are, and the other arguments."""
    found, rest, words = "iale", list[str](), iter(argv)
    for word in words:
        flag, given, value = word.partition("=")
        if flag == "--policy":
            found = value if given else next(words, "")
        else:
            rest.append(word)
    if found not in ("iale", "universal"):
        raise ConfigError(f"--policy takes iale or universal, not {found!r}.")
    return found, rest


@dataclass(frozen=True)
class TrainUniversalOptions:
    """Trains a universal policy: one for every classifier, number of classes, and data set.

    Say ``--policy universal`` before these options. The same command resumes a stopped run.

    Attributes:
        out: folder for the tasks that are played, the policy after each round and, at the end, the policy.
        where: which processes play the tasks of a round.
        config: what the policy learns from.
    """

    out: Path
    where: WorkerOptions = field(default_factory=WorkerOptions)
    config: UniversalConfig = field(default_factory=UniversalConfig)


def _main_universal(argv: Sequence[str]) -> int:
    options = parse(TrainUniversalOptions, argv, prog="iale train --policy universal")
    with options.where.open() as executor:
        out = check_folder(options.out)
        print(train_universal(options.config, out, workers=options.where.workers, executor=executor))
    return 0


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


def main_alil(argv: Sequence[str]) -> int:
    options = parse(TrainAlilOptions, argv, prog="iale train-alil")
    print(train_alil(options.config, check_folder(options.out)))
    return 0
