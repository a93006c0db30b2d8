"""``iale query``: which of your samples to label next."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from iale._storage import write_bytes
from iale.active_learner import ActiveLearner
from iale.classifiers._own import own_classifier
from iale.classifiers.base import TrainingConfig
from iale.classifiers.build import build_classifier
from iale.classifiers.torch_classifier import TorchClassifier
from iale.cli._options import parse, show
from iale.cli._output import check_file
from iale.data.samples import Samples
from iale.data.unlabeled import load_labels_csv, load_unlabeled
from iale.errors import ConfigError, DataError


@dataclass(frozen=True)
class QueryOptions:
    """Chooses which of your samples to label next, from those that are labeled so far.

    A classifier is fitted to the labels, a strategy chooses among the rest. The answer is a CSV table with the columns
    rank and sample.

    Attributes:
        images: a folder of images, or an .npy or .npz file with an array [N, …].
        labels: a CSV file with the columns sample and label; a sample is the path of an image below the folder, or the
            row of an array; labels are names, or numbers from 0.
        strategy: a strategy, a shipped policy, the folder of a policy, or a class of your own as package.module:Class.
        k: how many samples to choose.
        classifier: the classifier that is fitted: cnn, mlp or resnet18.
        model: a PyTorch model of your own instead, as package.module:function, where function() or
            function(classes) returns it.
        embedding_layer: the layer of your model whose output is the embedding; without it, the input of the last linear
            layer is.
        classes: names of all classes; by default those that the labels name.
        resize: height,width to which the images of a folder are resized; without it all must be of one size.
        subset_size: size of the random part of the unlabeled samples that is looked at; none looks at all.
        seed: root of every draw; the same seed and labels give the same answer.
        out: file for the answer; by default it is printed.
        training: how the classifier is fitted.
    """

    images: Path
    labels: Path
    strategy: str = "margin"
    k: int = 10
    classifier: str = "cnn"
    model: str | None = None
    embedding_layer: str | None = None
    classes: tuple[str, ...] = ()
    resize: tuple[int, ...] = ()
    subset_size: int | None = 1000
    seed: int = 0
    out: Path | None = None
    training: TrainingConfig = field(default_factory=TrainingConfig)


def main(argv: Sequence[str]) -> int:
    """Prints or writes the samples to label next."""
    options = parse(QueryOptions, argv, prog="iale query")
    if options.out is not None:
        _check_not_read(options.out, options)
        check_file(options.out)
    samples, names = load_unlabeled(options.images, size=_size(options.resize))
    indices, labels, classes = load_labels_csv(options.labels, names, options.classes or None)
    _check_every_class(labels, classes, options.labels)
    _check_k(options, len(names) - len(indices))
    classifier = _classifier(options, samples, len(classes))
    learner = ActiveLearner(
        classifier,
        samples,
        options.strategy,
        num_classes=len(classes),
        subset_size=options.subset_size,
        seed=options.seed,
    )
    learner.tell(indices, labels)
    name = options.model or options.classifier
    print(
        f"fitting {name} to {len(indices)} labels, then asking {options.strategy} for {options.k} samples",
        file=sys.stderr,
    )
    answer = _csv([names[index] for index in learner.ask(options.k)])
    if options.out is None:
        print(answer, end="")
    else:
        write_bytes(options.out, answer.encode(errors="surrogateescape"))
    return 0


def _check_not_read(out: Path, options: QueryOptions) -> None:
    """No answer replaces labels or images."""
    for what, path in (("labels", options.labels), ("images", options.images)):
        if out.resolve() == path.resolve():
            raise ConfigError(f"--out is the file of the {what}, {path}: name another, which may be overwritten.")


def _size(resize: tuple[int, ...]) -> tuple[int, int] | None:
    if not resize:
        return None
    if len(resize) != 2 or min(resize) < 1:
        raise ConfigError("--resize takes a height and a width above 0, as in --resize 32,32.")
    return resize[0], resize[1]


def _check_k(options: QueryOptions, unlabeled: int) -> None:
    most = min(unlabeled, options.subset_size or unlabeled)
    if not 1 <= options.k <= most:
        raise ConfigError(
            f"{options.k} samples were asked for: {unlabeled} are unlabeled and --subset-size is "
            f"{show(options.subset_size)}, so ask for 1 to {most}."
        )


def _check_every_class(labels: Tensor, classes: tuple[str, ...], path: Path) -> None:
    counts = torch.bincount(labels, minlength=len(classes)).tolist()
    missing = [name for name, count in zip(classes, counts, strict=True) if not count]
    if missing:
        raise DataError(
            f"class {missing[0]!r} has no labeled sample in {path}: label at least one sample of each of the "
            f"{len(classes)} classes."
        )


def _classifier(options: QueryOptions, samples: Samples, num_classes: int) -> TorchClassifier:
    if options.model is not None:
        return own_classifier(options.model, samples.shape, num_classes, options.training, options.embedding_layer)
    if options.embedding_layer is not None:
        raise ConfigError("--embedding-layer names a layer of your own model: add --model package.module:function.")
    return build_classifier(options.classifier, samples, num_classes, options.training)


def _csv(chosen: Sequence[str]) -> str:
    """The table of the answer, best first."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("rank", "sample"))
    writer.writerows(enumerate(chosen, start=1))
    return text.getvalue()
