"""A grid: which strategies are compared on a data set, over which seeds, and from which pools they choose."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any, get_args

from iale._given import resize_of, whole
from iale._implied import compact
from iale.benchmark._content import label
from iale.benchmark._views import BUILT_IN, NO_FILES, PIXELS, RECORDED, file_digest
from iale.benchmark.records import PoolName
from iale.classifiers._own import OwnConfig
from iale.classifiers.base import TrainingConfig, resolve_device
from iale.errors import ConfigError
from iale.learner import CycleConfig
from iale.recipe import AUTO
from iale.strategies.catalog import BASELINES

_FILES = ("geometry", "embeddings")


@dataclass(frozen=True)
class GridConfig(OwnConfig):
    """Strategies × pools × seeds on one data set (paper, section 4.2).

    Attributes:
        dataset: a registered name, or the path of your own data set.
        classifier: cnn, linear, mlp, resnet18 or resnet18-narrow; "auto" is linear for embeddings, and cnn otherwise.
        strategies: names of strategies, oracles and built-in policies; folders of policies; and your own classes as
            package.module:Class.
        seeds: number of paired repetitions.
        first_seed: the seeds are first_seed, first_seed + 1, …
        pools: "subset" lets every strategy choose from the random sub-pool of a step, "whole" from everything that is
            unlabeled.
        pool_size: samples that may be labeled at all: a random part of the training split, drawn per seed and shared
            by all strategies; none takes the whole split.
        test_size: evenly spaced test samples on which accuracy is measured; none takes the whole test split.
        geometry: how strategies compare samples: "built-in"; "pixels", an older built-in geometry of images; or a file
            of embeddings of the training samples, named by their numbers.
        embeddings: a file, or a folder that `save_to_disk` of Hugging Face wrote, with an embedding of every sample of
            both splits, by the names that `iale data DATA --names` prints, for classifiers and strategies; "built-in"
            and "pixels" are geometries that need no file.
        with_: a pretrained encoder, as for `iale embed`: it looks at each sample once, and classifiers and strategies
            use its vectors, which are kept in the user cache.
        resize: height,width to resize the images of a folder to; none keeps them, or takes the size that the encoder
            wants.
        neighbors: with how many of its nearest ones each sample is averaged (see `iale.geometry.Averages`): in the
            embeddings or the vectors of an encoder, for classifiers and strategies, and else in the geometry, for
            strategies alone; 0 leaves samples as they are.
        beside: strategies that are also asked in every state of every run, without acting; a record then says how
            many choices they share with the strategy that acts.
        cycle: sizes of the loop.
        training: how the classifier is fitted.
    """

    dataset: str = "fashion-small"
    classifier: str = AUTO
    strategies: tuple[str, ...] = BASELINES
    seeds: int = 10
    first_seed: int = 0
    pools: tuple[PoolName, ...] = ("subset",)
    pool_size: int | None = None
    test_size: int | None = None
    geometry: str = BUILT_IN
    embeddings: str | None = None
    with_: str | None = None
    resize: tuple[int, ...] = ()
    neighbors: int = 0
    beside: tuple[str, ...] = ()
    cycle: CycleConfig = field(default_factory=CycleConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)

    def __post_init__(self) -> None:
        OwnConfig.__post_init__(self)
        if self.seeds < 1:
            raise ConfigError(f"the number of seeds must be at least 1, not {self.seeds}.")
        whole(self.neighbors, "the number of neighbors", 0)
        for what, names in ("strategies", self.strategies), ("strategies beside", self.beside), ("pools", self.pools):
            if not names and what != "strategies beside":
                raise ConfigError(f"no {what} were named: name at least one.")
            if len(set(names)) != len(names):
                raise ConfigError(f"the {what} {', '.join(names)} name one twice: name each once.")
        for pool in self.pools:
            if pool not in get_args(PoolName):
                raise ConfigError(f"unknown pool {pool!r}: use subset, whole or both.")
        if self.with_ is not None and (self.embeddings or self.model or self.geometry != BUILT_IN):
            raise ConfigError("--with makes vectors for the model: leave out --embeddings, --geometry and --model.")
        if self.embeddings is not None and self.geometry not in NO_FILES:
            raise ConfigError("--embeddings are the geometry, too: leave out --geometry.")
        if resize_of(self.resize) is not None and self.embeddings not in (None, *NO_FILES):
            raise ConfigError("--embeddings are what the model sees, and no image: leave out --resize.")
        if "subset" in self.pools and self.cycle.subset_size is None:
            raise ConfigError("the pool 'subset' needs a subset size: set one, or ask for the pool 'whole'.")
        if self.pool_size is not None and self.pool_size < self.cycle.labeling_budget:
            raise ConfigError(
                f"the labeling budget {self.cycle.labeling_budget} is larger than the pool of {self.pool_size} "
                f"samples: lower the budget or raise the pool size."
            )
        if self.test_size is not None and self.test_size < 1:
            raise ConfigError(f"the test size must be at least 1, not {self.test_size}.")

    @property
    def classifier_name(self) -> str:
        """The built-in classifier that is meant."""
        if self.classifier != AUTO:
            return self.classifier
        return "cnn" if self.embeddings is None and self.with_ is None else "linear"

    def cycle_of(self, pool: PoolName) -> CycleConfig:
        """The sizes of a run on ``pool``."""
        return self.cycle if pool == "subset" else replace(self.cycle, subset_size=None)

    def runs(self) -> Iterator[tuple[str, PoolName, int]]:
        """(strategy, pool, seed) of every run; seed by seed, so that an unfinished grid is paired too."""
        seeds = range(self.first_seed, self.first_seed + self.seeds)
        return ((strategy, pool, seed) for seed in seeds for pool in self.pools for strategy in self.strategies)

    def files(self) -> dict[str, str]:
        """The paths of files, by what records call them, which is their content."""
        paths = {path for option in _FILES if (path := getattr(self, option)) not in (None, *NO_FILES)}
        return {f"sha256 {file_digest(path)}": path for path in sorted(paths)}

    def resolved(self) -> dict[str, Any]:
        """The configuration with every default filled in, ready for JSON."""
        values = {**asdict(self), "classifier": self.classifier_name}
        values["training"]["device"] = resolve_device(self.training.device).type
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

    def described(self, strategy: str, pool: PoolName, seed: int) -> dict[str, Any]:
        """What decides one run, for JSON.

        "policy" is None here, because only its weights identify a policy, and so is "with_": see `Vectors`.
        """
        described = self.resolved()
        for several in ("strategies", "seeds", "first_seed", "pools"):
            del described[several]
        described["with_"] = None
        if self.embeddings is not None or self.with_ is not None:
            described["geometry"] = PIXELS  # not read
        named = RECORDED | {path: name for name, path in self.files().items()}
        described |= {option: named.get(described[option], described[option]) for option in _FILES}
        if self.model is not None:
            described["classifier"] = label(self.model)
        described["cycle"]["subset_size"] = self.cycle_of(pool).subset_size
        return compact({**described, "strategy": label(strategy), "policy": None, "pool": pool, "seed": seed})
