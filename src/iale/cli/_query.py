"""``iale query``: which of your samples to label next."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from iale._storage import write_bytes
from iale.active_learner import ActiveLearner
from iale.cli._options import parse, show
from iale.cli._output import check_file, say
from iale.cli._readable import passing_over, say_passed_over
from iale.data.samples import SampleKind
from iale.data.splits import Subset
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
            row of the array; labels are names, or numbers from 0.
        k: how many samples to choose.
        classes: names of all classes; by default, those in the labels.
        subset_size: how many unlabeled samples, drawn at random, the strategy looks at; none looks at all of them.
        out: file for the table; by default it is printed.
        verbose: list the files that are passed over; by default they are counted.
    """

    images: Path
    labels: Path
    k: int = 10
    classes: tuple[str, ...] = ()
    subset_size: int | None = 1000
    out: Path | None = None
    verbose: bool = False


def main(argv: Sequence[str]) -> int:
    options = parse(QueryOptions, argv, prog="iale query")
    if options.out is not None:
        for what, path in (("labels", options.labels), ("images", options.images)):
            if options.out.resolve() == path.resolve():  # the answer would overwrite it
                raise ConfigError(f"--out is the file of the {what}, {path}: name another file.")
        check_file(options.out)
    samples, names = load_unlabeled(options.images, size=options.size)
    say_passed_over(samples, verbose=options.verbose)
    indices, labels, classes = load_labels_csv(options.labels, names, options.classes or None)
    told = dict(zip(indices.tolist(), labels.tolist(), strict=True))
    chosen = passing_over(samples, lambda pool: _ask(options, pool, told, classes), verbose=options.verbose)
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(("rank", "sample"))
    writer.writerows(enumerate((names[index] for index in chosen), start=1))
    answer = table.getvalue()
    if options.out is None:
        print(answer, end="")
    else:
        write_bytes(options.out, answer.encode(errors="surrogateescape"))
    return 0


def _ask(options: QueryOptions, pool: Subset, told: dict[int, int], classes: tuple[str, ...]) -> list[int]:
    """The k samples to label next, of those in ``pool``, whose indices of all samples key the labels ``told``."""
    place = {index: at for at, index in enumerate(pool.indices.tolist())}
    known = {place[index]: label for index, label in told.items() if index in place}
    _check_every_class(torch.tensor(list(known.values()), dtype=torch.int64), classes, options.labels)
    _check_k(options, len(pool) - len(known))
    kind: SampleKind = "image" if len(pool.shape) == 3 else "row"
    classifier = classifier_of(options, kind, pool, len(classes))
    strategy, asked = fitting_strategy(options, classifier)
    learner = ActiveLearner(classifier, pool, strategy, subset_size=options.subset_size, seed=options.seed)
    learner.tell(list(known), list(known.values()))
    name = options.model or classifier_name(options, kind)
    say(f"fitting {name} to {len(known)} labels, then asking {asked} for {options.k} samples")
    return [int(pool.indices[at]) for at in learner.ask(options.k)]


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
