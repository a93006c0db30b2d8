"""``iale query``: which of your samples to label next."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from iale import _storage as storage
from iale._storage import write_bytes
from iale.active_learner import ActiveLearner
from iale.classifiers._fixed import load_fitted
from iale.classifiers.base import Classifier
from iale.classifiers.torch_classifier import TorchClassifier
from iale.cli._options import parse, show
from iale.cli._output import check_file, say
from iale.data.samples import SampleKind
from iale.data.unlabeled import load_labels_csv, load_unlabeled
from iale.errors import ConfigError, DataError
from iale.recipe import RecipeConfig, classifier_name, classifier_of, fitting_strategy


@dataclass(frozen=True)
class QueryOptions(RecipeConfig):
    """Chooses which of your samples to label next.

    Fits a classifier to the labels you have; a strategy then chooses among the rest. Prints a CSV table with the
    columns rank and sample.

    Attributes:
        images: a folder of images, or an .npy or .npz file with an array [N, …].
        labels: a CSV file with the columns sample and label. A sample is the path of an image below the folder, or a
            row of the array; labels are names, or numbers from 0. Required unless the model is fitted.
        fitted: a .safetensors file with the weights of the classifier or model, which ranks as it is: nothing is
            fitted, and labels only say what needs no more asking.
        k: how many samples to choose.
        classes: names of all classes; by default, those in the labels.
        subset_size: how many unlabeled samples, drawn at random, the strategy looks at; none looks at all of them.
        out: file for the table; by default it is printed.
    """

    images: Path
    labels: Path | None = None
    fitted: Path | None = None
    k: int = 10
    classes: tuple[str, ...] = ()
    subset_size: int | None = 1000
    out: Path | None = None


def main(argv: Sequence[str]) -> int:
    options = parse(QueryOptions, argv, prog="iale query")
    if options.out is not None:
        for what, path in (("labels", options.labels), ("images", options.images), ("weights", options.fitted)):
            if path is not None and options.out.resolve() == path.resolve():  # the answer would overwrite it
                raise ConfigError(f"--out is the file of the {what}, {path}: name another file.")
        check_file(options.out)
    samples, names = load_unlabeled(options.images, size=options.size)
    indices, labels, classes = _labels(options, names)
    _check_k(options, len(names) - len(indices))
    kind: SampleKind = "image" if len(samples.shape) == 3 else "row"
    classifier: Classifier = classifier_of(options, kind, samples, len(classes))
    if options.fitted is not None and isinstance(classifier, TorchClassifier):
        classifier = load_fitted(classifier, options.fitted)
    strategy, asked = fitting_strategy(options, classifier)
    learner = ActiveLearner(classifier, samples, strategy, subset_size=options.subset_size, seed=options.seed)
    learner.tell(indices, labels)
    name = options.model or classifier_name(options, kind)
    first = f"fitting {name} to {len(indices)} labels" if options.fitted is None else f"loading {options.fitted}"
    say(f"{first}, then asking {asked} for {options.k} samples")
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(("rank", "sample"))
    writer.writerows(enumerate((names[index] for index in learner.ask(options.k)), start=1))
    answer = table.getvalue()
    if options.out is None:
        print(answer, end="")
    else:
        write_bytes(options.out, answer.encode(errors="surrogateescape"))
    return 0


def _labels(options: QueryOptions, names: Sequence[str]) -> tuple[Tensor, Tensor, tuple[str, ...]]:
    """Indices and labels of the labeled samples, and the names of all classes."""
    if options.labels is None and options.fitted is None:
        raise ConfigError("iale query needs --labels PATH, or --fitted PATH with the weights of a trained model.")
    classes = options.classes
    if not classes and options.fitted is not None:
        card = options.fitted.with_name("card.json")  # `iale export --to classifier` writes it beside the weights
        classes = tuple(map(str, storage.read_json(card).get("classes", ()))) if card.is_file() else ()
    if options.labels is not None:
        indices, labels, classes = load_labels_csv(options.labels, names, classes or None)
        if options.fitted is None:
            _check_every_class(labels, classes, options.labels)
        return indices, labels, classes
    if len(classes) < 2:
        raise ConfigError("the weights do not say what the classes are: name them in order, --classes cat,dog.")
    return torch.empty(0, dtype=torch.int64), torch.empty(0, dtype=torch.int64), classes


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
