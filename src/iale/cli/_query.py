"""``iale query``: which of your samples to label next."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from iale._storage import write_bytes
from iale.active_learner import ActiveLearner
from iale.cli._options import parse, show
from iale.cli._output import check_file, say
from iale.data._table_samples import TABLES
from iale.data.table_config import TableConfig
from iale.data.unlabeled import kind_of, load_labels_csv, load_unlabeled
from iale.errors import ConfigError, DataError
from iale.recipe import RecipeConfig, classifier_name, classifier_of, fitting_strategy


@dataclass(frozen=True)
class QueryOptions(RecipeConfig):
    """Chooses which of your samples to label next.

    Fits a classifier to the labels you have; a strategy then chooses among the rest. Prints a CSV table with the
    columns rank and sample.

    Attributes:
        images: a folder of images, an .npy or .npz file with an array [N, …], or a table (.csv, .tsv, .txt) of texts or
            feature rows.
        labels: a table with the columns sample and label, or the table of the samples itself. A sample is the path of
            an image below the folder, or the name or number of a row; labels are names, or numbers from 0, and blank
            if there is none yet.
        k: how many samples to choose.
        classes: names of all classes; by default, those in the labels.
        subset_size: how many unlabeled samples, drawn at random, the strategy looks at; none looks at all of them.
        out: file for the table; by default it is printed.
        table: how tables are read.
    """

    images: Path
    labels: Path
    k: int = 10
    classes: tuple[str, ...] = ()
    subset_size: int | None = 1000
    out: Path | None = None
    table: TableConfig = field(default_factory=TableConfig)


def main(argv: Sequence[str]) -> int:
    options = parse(QueryOptions, argv, prog="iale query")
    if options.out is not None:
        for what, path in (("labels", options.labels), ("images", options.images)):
            if options.out.resolve() == path.resolve():  # the answer would overwrite it
                raise ConfigError(f"--out is the file of the {what}, {path}: name another file.")
        check_file(options.out)
    samples, names = load_unlabeled(options.images, size=options.size, table=options.table, say=say)
    indices, labels, classes = _read_labels(options, names)
    _check_every_class(labels, classes, options.labels)
    _check_k(options, len(names) - len(indices))
    kind = kind_of(samples)
    classifier = classifier_of(options, kind, samples, len(classes))
    strategy, asked = fitting_strategy(options, classifier)
    learner = ActiveLearner(classifier, samples, strategy, subset_size=options.subset_size, seed=options.seed)
    learner.tell(indices, labels)
    name = options.model or classifier_name(options, kind)
    say(f"fitting {name} to {len(indices)} labels, then asking {asked} for {options.k} samples")
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


def _read_labels(options: QueryOptions, names: list[str]) -> tuple[Tensor, Tensor, tuple[str, ...]]:
    """The labels so far. Options for tables mean the table of the samples, or else that of the labels."""
    own = options.labels.exists() and options.labels.samefile(options.images)
    table = options.table if own or options.images.suffix.lower() not in TABLES else None
    return load_labels_csv(options.labels, names, options.classes or None, table=table, own=own)


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
