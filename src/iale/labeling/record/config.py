"""What a project was made for, and its file."""

from __future__ import annotations

import dataclasses
import os
import unicodedata
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Any

from iale import _storage as storage
from iale.classifiers.base import TrainingConfig
from iale.errors import ConfigError, DataError, StorageError
from iale.labeling.record._limits import LONGEST_NAME
from iale.recipe import RecipeConfig

CONFIG = "project.json"
_LONGEST_NOTE = 200
_UNWANTED = ("Cc", "Cs", "Zl", "Zp")  # joiners (Cf) belong to many scripts


@dataclass(frozen=True)
class ProjectConfig(RecipeConfig):
    """What people label, and how the next samples are chosen.

    Attributes:
        data: a folder of images, an .npz file, or a .csv file of texts or feature rows.
        classes: names of the classes; people can add more while they label.
        subset_size: how many unlabeled samples, drawn at random, a query looks at; none looks at all of them.
        fit_every: new labels between two fits of the classifier.
        test_share: share of the labels that are drawn at random and kept as an honest test set.
        twice_share: share of the samples that a second person labels too, if several people label.
        lease_minutes: how long a sample that was handed out stays reserved for the person who got it.
        target: the accuracy you want to reach; the status estimates the labels it takes. none takes the highest
            accuracy that can be estimated.
    """

    data: Path
    classes: tuple[str, ...] = ()
    _: KW_ONLY
    subset_size: int | None = 1000
    fit_every: int = 10
    test_share: float = 0.1
    twice_share: float = 0.05
    lease_minutes: float = 15.0
    target: float | None = None
    # Fits run in the background of the machine people work on; its GPU may be busy, or absent when the project moves.
    training: TrainingConfig = field(default_factory=lambda: TrainingConfig(device="cpu"))

    def __post_init__(self) -> None:
        RecipeConfig.__post_init__(self)
        object.__setattr__(self, "data", Path(self.data).expanduser())
        for name in self.classes:
            clean(name, "the name of a class")
        if len(set(self.classes)) != len(self.classes):
            raise ConfigError("a class is named twice: name each once.")
        for name, share in (("test", self.test_share), ("twice", self.twice_share)):
            if not 0 <= share <= 0.9:
                raise ConfigError(f"the {name} share must be 0 to 0.9, not {share}.")
        if self.target is not None and not 0 < self.target < 1:
            raise ConfigError(f"the target must be an accuracy between 0 and 1, not {self.target}.")
        if self.fit_every < 1 or not self.lease_minutes > 0:
            raise ConfigError("the labels between two fits must be at least 1, and leases longer than 0 minutes.")
        if self.subset_size is not None and self.subset_size < 1:
            raise ConfigError(f"the sub-pool needs at least 1 sample, not {self.subset_size}.")


FIXED = ("resize", "test_share", "twice_share", "seed")
"""What a project keeps for good: another value would spoil what was drawn so far."""


def clean(text: str, what: str) -> str:
    """``text`` without spaces around it; raises DataError where it is empty, too long or has control characters."""
    text = text.strip()
    if not 1 <= len(text) <= LONGEST_NAME or any(unicodedata.category(c) in _UNWANTED for c in text):
        raise DataError(f"{what} must have 1 to {LONGEST_NAME} printable characters, not {text[:20]!r}.")
    return text


def brief(text: str) -> str | None:
    """The beginning of a text from outside, without what cannot be written; None for an empty one."""
    plain = "".join(" " if unicodedata.category(c) in _UNWANTED else c for c in text[:_LONGEST_NOTE]).strip()
    return plain or None


def save_config(folder: Path, config: ProjectConfig) -> None:
    """Writes the configuration; the place of the data is noted from the root and from the project."""
    data = config.data.resolve()
    values = {**dataclasses.asdict(config), "data": str(data), "beside": os.path.relpath(data, folder.resolve())}
    storage.write_json(folder / CONFIG, values)


def load_config(folder: Path, data: Path | None = None) -> ProjectConfig:
    """The configuration of a project.

    Args:
        folder: of the project.
        data: where its samples are now; by default where they were, or where they lay as seen from the project.

    Raises:
        StorageError: there is no project, or its file is damaged.
    """
    if not (folder / CONFIG).is_file():
        raise StorageError(f"{folder} is no labeling project: `iale label DATA --out {folder}` makes one.")
    values: dict[str, Any] = storage.read_json(folder / CONFIG)
    try:
        del values["schema"]
        beside = folder / values.pop("beside")
        place = data or Path(values["data"])
        values["data"] = place if place.exists() or not beside.exists() else beside
        for name in ("classes", "resize"):
            values[name] = tuple(values[name])
        values["training"] = TrainingConfig(**values["training"])
        return ProjectConfig(**values)
    except (KeyError, TypeError) as error:
        raise StorageError(f"{folder / CONFIG} is not the file of a labeling project ({error}): restore it.") from error
