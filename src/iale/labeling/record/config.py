"""What a project is made for."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path

from iale._given import whole
from iale.classifiers.base import TrainingConfig
from iale.data.table_config import TableConfig
from iale.errors import ConfigError
from iale.geometry._averages import NEIGHBORS
from iale.labeling.record._names import clean
from iale.recipe import RecipeConfig

_BATCH = 10


@dataclass(frozen=True)
class ProjectConfig(RecipeConfig):
    """What people label, and how the next samples are chosen.

    Attributes:
        data: a folder of images, an .npz file, or a table (.csv, .tsv, .txt) of texts or feature rows.
        classes: names of the classes; people can add more while they label.
        resize: height,width to resize images to; none keeps small images that are all of one size, and resizes others
            to 64,64.
        with_: a pretrained encoder, as for `iale embed`: it looks at each sample once, in the background, and then the
            model and the strategy use its vectors.
        subset_size: how many unlabeled samples, drawn at random, a query looks at; none looks at all of them.
        neighbors: with how many of its nearest ones each sample is averaged, in the background, before a linear head on
            embeddings, vectors or the geometry learns from it, and the strategy compares it, unless the labels say
            that this harms; 0 leaves samples as they are.
        fit_every: new labels between two fits of the classifier; none is 1 for a linear head, and 10 for a network.
        test_share: share of the labels that are drawn at random and kept as an honest test set.
        twice_share: share of the samples that a second person labels as well, if several people label.
        lease_minutes: how long a sample stays reserved for the person who got it.
        target: the accuracy that you want to reach; the status advises to stop when even the lower end of its interval
            reaches it.
        table: how a table is read.
    """

    data: Path
    classes: tuple[str, ...] = ()
    _: KW_ONLY
    subset_size: int | None = 2500
    neighbors: int = NEIGHBORS
    fit_every: int | None = None
    test_share: float = 0.1
    twice_share: float = 0.05
    lease_minutes: float = 15.0
    target: float | None = None
    table: TableConfig = field(default_factory=TableConfig)
    # Fits run in the background of the machine people work on; its GPU may be busy, or absent when the project moves.
    training: TrainingConfig = field(default_factory=lambda: TrainingConfig(device="cpu"))

    def __post_init__(self) -> None:
        RecipeConfig.__post_init__(self)
        for name, path in (("data", self.data), ("embeddings", self.embeddings)):
            if not isinstance(path, str | Path | None):
                raise ConfigError(
                    f"{name} is the path of a file or a folder, not {type(path).__name__}: save it first."
                )
            object.__setattr__(self, name, None if path is None else Path(path).expanduser())
        if isinstance(self.classes, str):
            raise ConfigError(
                f"classes are a tuple of names, not the text {self.classes!r:.40}: ({self.classes!r:.40},)."
            )
        for name in self.classes:
            clean(name, "the name of a class")
        if len(set(self.classes)) != len(self.classes):
            raise ConfigError("a class is named twice: name each once.")
        for name, share in (("test", self.test_share), ("twice", self.twice_share)):
            if not 0 <= share <= 0.9:
                raise ConfigError(f"the {name} share must be 0 to 0.9, not {share}.")
        whole(self.neighbors, "the number of neighbors", 0)
        if self.target is not None and not 0 < self.target < 1:
            raise ConfigError(f"the target must be an accuracy between 0 and 1, not {self.target}.")
        if (self.fit_every is not None and self.fit_every < 1) or not self.lease_minutes > 0:
            raise ConfigError("the labels between two fits must be at least 1, and leases longer than 0 minutes.")
        if self.subset_size is not None and self.subset_size < 1:
            raise ConfigError(f"the sub-pool needs at least 1 sample, not {self.subset_size}.")

    @property
    def batch(self) -> int:
        """Labels that forecasts look ahead, and between two fits of a network."""
        return self.fit_every or _BATCH
