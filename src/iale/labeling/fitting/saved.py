"""The fitted classifier of a project: weights that hold no code, and a card."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from iale import _storage as storage
from iale._versions import versions
from iale.classifiers._own import OwnConfig, own_classifier
from iale.classifiers.base import Outputs, TrainingConfig
from iale.classifiers.torch_classifier import FittedTorchClassifier
from iale.data.samples import Samples
from iale.errors import IaleError, ModelError, StorageError
from iale.geometry._store import build
from iale.geometry.embeddings import PointSamples
from iale.geometry.encoders import Encoder, find_encoder
from iale.labeling.fitting._fit import Refitter
from iale.labeling.fitting._head import plain_head, point_network
from iale.labeling.fitting._inputs import Expected
from iale.labeling.fitting._last import CARD, built_in_classifier, head_on_averages, latest_fit, same_averages
from iale.labeling.fitting._point_head import Shape, recipe_of, seen_by
from iale.labeling.fitting._student import student_of
from iale.labeling.fitting._table_inputs import TableColumns
from iale.labeling.items._reading import Reading
from iale.labeling.reader import Readable
from iale.seeding import Stream

_WEIGHTS, _HEAD = "weights.safetensors", "head.npz"
_ON_CPU = TrainingConfig(device="cpu")


@dataclass(frozen=True, eq=False)
class SavedClassifier:
    """A classifier that was fitted to a project's labels.

    Attributes:
        name: of the built-in classifier, or of your model as package.module:function.
        classes: names of the classes, in the order of the logits.
        shape: of one input.
        fitted: the classifier itself.
        expects: what people give to it.
        points: how it sees samples, if it is a head on the built-in geometry.
        encoder: through which it sees samples, if it is a head on the vectors of one.
    """

    name: str
    classes: tuple[str, ...]
    shape: tuple[int, ...]
    fitted: FittedTorchClassifier
    expects: Expected
    points: Shape | None = None
    encoder: str | None = None

    def __post_init__(self) -> None:
        """Raises TypeError for parts that do not belong together, as an altered card may say."""
        texts = (self.name, *self.classes, "" if self.encoder is None else self.encoder)
        shape = self.expects.shape if self.encoder is None else self.shape
        kind = self.expects.kind if self.points is None else self.points.kind
        if not all(isinstance(text, str) for text in texts) or (shape, kind) != (self.shape, self.expects.kind):
            raise TypeError("its parts do not belong together")

    def outputs(self, samples: Samples) -> Outputs:
        """Logits, calibrated for a head, and embeddings of all samples."""
        return self.fitted.outputs(self.seen(samples), torch.arange(len(samples)))

    def seen(self, samples: Samples) -> Samples:
        """What the network reads of samples: the vectors of an encoder, the pieces of texts, or samples as they are."""
        if self._encoder is not None and samples.shape != self.shape:  # vectors are not encoded again
            return PointSamples(build(samples, self._encoder))
        return seen_by(self.points, samples)

    @functools.cached_property
    def _encoder(self) -> Encoder | None:
        """Loaded once, because a network takes seconds."""
        return None if self.encoder is None else find_encoder(self.encoder)

    @functools.cached_property
    def _read(self) -> Expected:
        """How what people give becomes samples: an encoder saw the files of the project in its own size."""
        size = None if self._encoder is None or not self.expects.files else self._encoder.size
        return self.expects if size is None else replace(self.expects, shape=(self.expects.shape[0], *size))

    def predict(self, x: object) -> list[str]:
        """The class of every sample, also of a single one.

        Args:
            x: what the project's samples are: paths of images, images of Pillow, texts, arrays, rows of numbers, one
                or a list of them; or any `Samples`. Images of files are resized as those of the project were, for an
                encoder to the size that it wants. Rows of a table with categories are dicts, or cells in the order of
                the table.

        Raises:
            DataError: the classifier learned from something else, or a file cannot be read.
        """
        # An encoder takes images of any size, and vectors that it has made are not encoded again.
        samples = x if self._encoder is not None and isinstance(x, Samples) else self._read.samples(x)
        return [self.classes[place] for place in self.outputs(samples).predictions.tolist()]


def fit_now(project: Readable) -> None:
    """Fits in this process if labels have come since the last fit; raises DataError if there are too few.

    It fits again, too, if the inputs have another shape than before: an earlier version made others of texts.
    """
    reader = project.reader
    fits, latest = reader.fits.all, reader.fits.latest
    same = latest is not None and tuple(latest.shape) == tuple(reader.views.inputs.shape)  # a gray folder got colors
    if not fits or fits[-1].answered < reader.changes() or not (same and same_averages(reader)):
        Refitter(reader, Reading(reader.items, reader.views.inputs)).fit()


def export_classifier(project: Readable, out: Path) -> None:
    """Writes ``weights.safetensors`` and ``card.json`` of the last finished fit; `load_classifier` reads them.

    A linear head on embeddings or columns is written once more for scikit-learn, as ``head.npz`` with coef [C, D] (one
    row for two classes), intercept, and classes; it reads embeddings that are scaled to length 1.

    A head on averages of neighbors is written as its student, for new samples have no neighbors in the project. Its
    card says under "tested" how many ``labels`` of the test share it has ``right``, and how many the head on averages.

    Raises ConfigError if nothing is fitted yet.
    """
    card, tensors = _for_new_samples(project)
    written = storage.write_tensors(out / _WEIGHTS, tensors)
    head = plain_head(_load(tensors, out / _WEIGHTS, card).fitted.module)
    (out / _HEAD).unlink(missing_ok=True)  # of an earlier export
    if head is not None:
        with storage.written(out / _HEAD) as file:
            np.savez(file, coef=head[0], intercept=head[1], classes=np.array(card["classes"]))
    storage.write_json(out / CARD, {**card, "weights_sha256": written, "versions": versions()})


def load_classifier(folder: Path | str, training: TrainingConfig | None = None) -> SavedClassifier:
    """Reads what `export_classifier` wrote.

    Args:
        folder: that it wrote, or its file of weights, which may have another name by now.
        training: where the classifier predicts, and how many samples at a time; by default on the CPU.

    Raises:
        StorageError: its files are missing, damaged or do not belong together.
        ConfigError, ModelError: your own model is missing or has changed.
    """
    path = Path(folder)
    weights = path if path.is_file() else path / _WEIGHTS
    where = weights.parent / CARD
    if not where.exists():
        how = f"`iale export PROJECT --to classifier --out {folder}` makes one"
        raise StorageError(f"{folder} holds no classifier, because there is no {where}: {how}.")
    card = storage.read_json(where)
    try:
        tensors = storage.read_tensors(weights, card["weights_sha256"])
        return _load(tensors, weights, card, training or _ON_CPU)
    except IaleError:
        raise
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise StorageError(f"{where} is not the card of a classifier ({error}): export it again.") from error


def load_latest(project: Readable) -> SavedClassifier:
    """The classifier of the last finished fit, for new samples; raises ConfigError if nothing is fitted yet."""
    card, tensors = _for_new_samples(project)
    return _load(tensors, project.reader.folder, card)


def _for_new_samples(project: Readable) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The card of the last finished fit, and the weights of what predicts samples that are not in the project."""
    card, tensors = latest_fit(project)
    if card.pop("averaged", None) is None:
        return card, tensors
    reader, points = project.reader, project.reader.views.make_geometry()
    teacher, averages = head_on_averages(project, len(card["classes"]), tensors)
    student = student_of(teacher, averages, PointSamples(points))
    told = reader.labels_to_test_on()
    rows = torch.tensor([reader.items.ids.index(sample) for sample in told], dtype=torch.int64)

    def right(head: FittedTorchClassifier, samples: Samples) -> int:
        """By name: a class may be newer than the fit."""
        said = head.outputs(samples, rows).predictions.tolist()
        return sum(card["classes"][one] == label for one, label in zip(said, told.values(), strict=True))

    tested = {
        "labels": len(told),
        "right": right(student, PointSamples(points)),
        "right_on_averages": right(teacher, averages),
    }
    module, own = point_network(reader, points, student)
    return {**card, **own, "tested": tested}, module.state_dict()


def _load(
    tensors: dict[str, Tensor], path: Path, card: dict[str, Any], training: TrainingConfig = _ON_CPU
) -> SavedClassifier:
    """The classifier with these ``tensors``, which came from ``path``, and this card."""
    shape, classes = tuple(card["shape"]), tuple(card["classes"])
    points = None
    if len(classes) < 2:
        raise ValueError("it has fewer than two classes")
    if card.get("points") is not None:
        points = Shape(**{**card["points"], "inputs": tuple(card["points"]["inputs"])})
        recipe = recipe_of(points, len(classes), training)
    elif card["model"] is not None:
        own = OwnConfig(model=card["model"], embedding_layer=card["embedding_layer"])
        recipe = own_classifier(own, shape, len(classes), training)
    else:
        recipe = built_in_classifier(card["classifier"], shape, len(classes), training)
    network = recipe.initial_module(Stream(0))
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        reason = str(error).split("\n", 1)[0]
        raise ModelError(f"the weights in {path} belong to another model ({reason}): export them again.") from error
    name, inputs = card["model"] or card["classifier"], card["inputs"]
    table = None if inputs.get("table") is None else TableColumns(**inputs["table"])
    expects = Expected(**{**inputs, "shape": tuple(inputs["shape"]), "table": table})
    return SavedClassifier(name, classes, shape, recipe.fitted(network), expects, points, card.get("encoder"))
