"""What a project is made for."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from iale.classifiers.base import TrainingConfig
from iale.errors import ConfigError
from iale.labeling.record._names import clean


@dataclass(frozen=True)
class ProjectConfig:
    """What is labeled, and how the next samples are chosen.

    Attributes:
        data: a folder of images, an .npz file, or a .csv file of texts or feature rows.
        classes: names of the classes; more may be added while labeling.
        strategy: a strategy, a shipped policy, or the folder of a policy; "auto" is the first shipped policy that fits
            the classifier, or else margin.
        classifier: the classifier that is fitted: cnn, mlp or resnet18; "auto" is cnn for images, mlp for the rest.
        model: a PyTorch model of your own instead, as package.module:function, where function() returns it; for
            classes that may be added, function(classes) takes their number.
        embedding_layer: the layer of your model whose output is the embedding; without it, the input of the last linear
            layer is.
        resize: height,width to which images are resized for the classifier; none keeps small images of one size, and
            takes 64,64 otherwise.
        subset_size: size of the random part of the unlabeled samples that a query looks at; none looks at all.
        fit_every: new labels after which the classifier is fitted again.
        test_share: share of the labels that are drawn at random and kept as an honest test set.
        twice_share: share of the samples that a second person labels too, where there are several people.
        lease_minutes: how long a sample that was handed out is kept for the person who got it.
        target: the accuracy to be reached, of which the status says how many labels it takes; none takes the highest
            that can be told.
        seed: root of every draw.
        training: how the classifier is fitted.
    """

    data: Path
    classes: tuple[str, ...] = ()
    strategy: str = "margin"
    classifier: str = "auto"
    model: str | None = None
    embedding_layer: str | None = None
    resize: tuple[int, ...] = ()
    subset_size: int | None = 1000
    fit_every: int = 10
    test_share: float = 0.1
    twice_share: float = 0.05
    lease_minutes: float = 15.0
    target: float | None = None
    seed: int = 0
    training: TrainingConfig = field(default_factory=lambda: TrainingConfig(device="cpu"))

    def __post_init__(self) -> None:
        object.__setattr__(self, "data", Path(self.data).expanduser())
        for name in self.classes:
            clean(name, "the name of a class")
        if len(set(self.classes)) != len(self.classes):
            raise ConfigError("a class is named twice: name each once.")
        if self.resize and (len(self.resize) != 2 or not 1 <= min(self.resize) <= max(self.resize) <= 1024):
            raise ConfigError("images are resized to a height and a width of 1 to 1024, as in 64,64.")
        for name, share in (("test", self.test_share), ("twice", self.twice_share)):
            if not 0 <= share <= 0.9:
                raise ConfigError(f"the {name} share must be 0 to 0.9, not {share}.")
        if self.target is not None and not 0 < self.target < 1:
            raise ConfigError(f"the target must be an accuracy between 0 and 1, not {self.target}.")
        if self.fit_every < 1 or not self.lease_minutes > 0:
            raise ConfigError("the labels between two fits must be at least 1, and leases longer than 0 minutes.")
        if self.subset_size is not None and self.subset_size < 1:
            raise ConfigError(f"the sub-pool needs at least 1 sample, not {self.subset_size}.")
        if self.embedding_layer is not None and self.model is None:
            raise ConfigError("the embedding layer belongs to a model of your own: name the model, too.")
