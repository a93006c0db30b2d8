"""``iale query``: which of your samples to label next."""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor

from iale import _storage as storage
from iale._asking import LOOKED_AT, diverse, with_points
from iale._given import whole
from iale._many import many
from iale._model import is_free_once, model_of
from iale._storage import write_bytes
from iale.active_learner import ActiveLearner
from iale.classifiers.base import Classifier, TrainingConfig
from iale.classifiers.heads import LinearHead
from iale.classifiers.torch_classifier import TorchClassifier
from iale.cli._fitted import find_saved, fixed, open_views, weights_at
from iale.cli._options import is_given, parse
from iale.cli._output import check_file, say
from iale.cli._progress import Watched, announcement, work_of
from iale.cli._readable import FilesRead, passing_over, say_of_a_split, say_passed_over
from iale.cli._views import View
from iale.data._skips import read_skipped
from iale.data._table_leaks import telling_columns
from iale.data._table_samples import TABLES
from iale.data.arrays import ArraySamples
from iale.data.pool import Pool
from iale.data.samples import SampleKind, Samples
from iale.data.splits import Subset
from iale.data.table_config import TableConfig
from iale.data.unlabeled import load_labels_csv
from iale.errors import ConfigError, DataError, IaleError
from iale.geometry.encoders import find_encoder
from iale.labeling.fitting.saved import SavedClassifier
from iale.policies.catalog import find_strategy
from iale.recipe import AUTO, RecipeConfig, check_options, classifier_name, classifier_of, fitting_strategy
from iale.seeding import Stream

MANY = 800  # labels up to which the head did as well as the network, see docs/labeling-measured.md


@dataclass(frozen=True)
class QueryOptions(RecipeConfig):
    """Chooses which of your samples to label next: `iale query DATA --labels labels.csv`.

    Fits a classifier to the labels you have; a strategy then chooses among the rest. Without labels, it chooses samples
    that differ from one another. Prints a CSV table with the columns rank and sample.

    Attributes:
        images: a folder of images, an .npy or .npz file with an array [N, …], or a table (.csv, .tsv, .txt) of texts or
            feature rows.
        labels: a table with the columns sample and label, or the table of the samples itself. A sample is the path of
            an image below the folder, or the name or number of a row; labels are names, or numbers from 0, and blank
            if there is none yet. Leave it out if you have none yet.
        skip: a file that names samples that nobody can label, one per line or as a table with the column sample; they
            are not asked for.
        fitted: a .safetensors file with the weights of a trained model, which ranks as it is: nothing is fitted, and
            labels only exclude samples. Or the folder that `iale export --to classifier` wrote: its card.json describes
            the model; for other weights, name --classifier or --model.
        k: how many samples to choose.
        classes: names of all classes, including those that have no label yet; by default, those in the labels.
        subset_size: how many unlabeled samples, drawn at random, the strategy looks at; none looks at all of them.
        resize: height,width to resize images to; none keeps images that are all of one size, and resizes others to
            64,64.
        neighbors: with how many of its nearest ones each sample is averaged before the strategy compares it, and before
            a linear head on embeddings or on the geometry learns from it: 10 does well; 0 leaves samples as they are.
        out: file for the table; by default it is printed.
        verbose: list the files that are passed over; by default they are counted.
        table: how tables are read.
    """

    images: Path
    labels: Path | None = None
    skip: Path | None = None
    fitted: Path | None = None
    k: int = 10
    classes: tuple[str, ...] = ()
    subset_size: int | None = 10_000
    neighbors: int = 0
    out: Path | None = None
    verbose: bool = False
    table: TableConfig = field(default_factory=TableConfig)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.with_ is not None and self.fitted is not None:
            raise ConfigError("--with makes vectors for the model, and --fitted is one: leave one of them out.")
        if whole(self.neighbors, "--neighbors", 0) and self.fitted is not None:
            raise ConfigError("--fitted has learned from samples as they are: leave out --neighbors.")
        if self.subset_size is not None and self.subset_size < 1:
            raise ConfigError(f"--subset-size must be at least 1, not {self.subset_size}.")
        if len(set(self.classes)) != len(self.classes) or not all(map(str.strip, self.classes)):
            raise ConfigError(
                f"--classes {','.join(self.classes)} has a class without a name, or twice: name each once."
            )


def main(argv: Sequence[str]) -> int:
    options, named = parse(QueryOptions, argv, prog="iale query", first="--images"), is_given(argv, "--strategy")
    if options.fitted is not None:
        options = replace(options, fitted=weights_at(options.fitted))
    _check_out(options)
    check_options(options)
    _check_head(options)
    starts_cold = options.strategy != AUTO and find_strategy(options.strategy).starts_cold
    saved = None if options.fitted is None else find_saved(options.fitted, options, options.classes)
    encoder = None if options.with_ is None else find_encoder(options.with_, options.training.device)
    read = FilesRead(options.images, options.embeddings)
    fits, neighbors = options.fitted is None, options.neighbors
    views = open_views(saved, options.images, options, options.table, encoder, fits=fits, neighbors=neighbors)
    samples, names = views.samples, views.names
    say_passed_over(samples, verbose=options.verbose)
    say_of_a_split(options.images)
    indices, labels, classes = _labels(options, names)
    skipped = _skipped(options, names, indices)
    told = dict(zip(indices.tolist(), labels.tolist(), strict=True))

    def choose(readable: Subset) -> list[int]:
        place = {index: at for at, index in enumerate(readable.indices.tolist())}
        known = {place[index]: label for index, label in told.items() if index in place}
        if known and options.labels is not None and not options.classes and options.fitted is None:
            _check_every_class(known.values(), classes, options.labels)  # the only one of a class may be damaged
        left = [place[index] for index in skipped if index in place]
        _check_k(options, len(readable) - len(known) - len(left))
        view = views.of(readable)
        if known or options.fitted is not None or starts_cold:
            chosen = _ask(options, view, saved, known, left, classes, named=named)
        else:
            chosen = _first(options, Watched(view.inputs, view.names), view.kind, left, classes)
        return [int(readable.indices[at]) for at in chosen]

    chosen = passing_over(samples, choose, verbose=options.verbose)
    read.check()
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


def _check_head(options: QueryOptions) -> None:
    """Raises ModelError if a linear head was asked for, and a strategy that cannot work with one, labels or not."""
    if options.classifier == "linear" and options.strategy != AUTO:
        find_strategy(options.strategy).check(
            LinearHead(ArraySamples(torch.zeros(1, 1)), 2, TrainingConfig(device="cpu"))
        )


def _first(
    options: QueryOptions, samples: Watched, kind: SampleKind, skipped: list[int], classes: tuple[str, ...]
) -> list[int]:
    """Samples that differ from one another, because there are no labels yet."""
    say(f"there are no labels yet, so {many(options.k)} that differ most are chosen")
    pool = Pool(torch.arange(len(samples)), len(classes))
    pool.skip(torch.tensor(skipped, dtype=torch.int64))
    with samples.stage("reading", min(len(pool), max(LOOKED_AT, options.k))):
        return diverse(samples, kind, pool, options.k, Stream(options.seed).child("labels", 0, "cold").numpy())


def _ask(
    options: QueryOptions,
    view: View,
    saved: SavedClassifier | None,
    told: dict[int, int],
    skipped: list[int],
    classes: tuple[str, ...],
    *,
    named: bool,
) -> list[int]:
    """What the strategy asks for, with a classifier that is fitted to the labels ``told``, by sample, or was before.

    A strategy that the user has ``named`` is not replaced.
    """
    indices, labels = torch.tensor(list(told), dtype=torch.int64), torch.tensor(list(told.values()), dtype=torch.int64)
    classifier: Classifier
    if options.fitted is not None:
        inputs, classifier = fixed(saved, options.fitted, options, view, len(classes))
        first = f"loading {options.fitted}, then"
    else:
        inputs, classifier, about = _recipe(options, view, len(classes), labeled=bool(told))
        first = f"fitting {about} to {many(len(told), 'label')}, then" if told else "there are no labels yet:"
    samples = Watched(inputs, view.names)
    strategy, asked = fitting_strategy(options, classifier)
    say(f"{first} asking {asked} for {many(options.k)}")
    if len(told) >= MANY and _may_be_behind(options):
        say(f"with so many labels, a network may do better: --classifier {classifier_name(options, view.kind)}")
    unlabeled = len(samples) - len(told) - len(skipped)
    looked_at = min(unlabeled, options.subset_size or unlabeled)
    work = work_of(strategy, len(told), looked_at)
    if told and isinstance(classifier, TorchClassifier):  # a fitted one has nothing to fit
        long = announcement(work.seconds(classifier, samples, indices, labels))
        if long:
            say(long)
    notes: list[str] = []  # said at the end: what cannot be compared may turn out to be what ends the command
    strategy, geometry = with_points(strategy, view.geometry, None if named else notes.append)
    work = work_of(strategy, len(told), looked_at)
    size, seed = options.subset_size, options.seed
    learner = ActiveLearner(classifier, samples, strategy, subset_size=size, seed=seed, geometry=geometry)
    learner.tell(indices, labels)
    learner.skip(skipped)
    if told:
        with samples.stage("fitting", work.asked.members * work.labeled):
            learner.fit()
    with samples.stage("predicting", work.read):
        chosen = learner.ask(options.k)
    for note in notes:
        say(note)
    return chosen


def _recipe(options: QueryOptions, view: View, classes: int, *, labeled: bool) -> tuple[Samples, Classifier, str]:
    """What a classifier is fitted to, the classifier, and what it is."""
    model = model_of(options, view.inputs, view.kind, view.geometry, labeled=labeled)
    # Before the first label, nothing is fitted, so one sample tells enough, and the classes may not be known.
    some = model.inputs if labeled else Subset(model.inputs, torch.arange(1))
    count = classes if labeled else max(2, classes)
    return model.inputs, classifier_of(model.recipe, model.kind, some, count), model.about


def _may_be_behind(options: QueryOptions) -> bool:
    """Whether nobody chose the head, and it sees no more than iale itself makes of the samples."""
    sees_more = options.fitted is not None or options.embeddings is not None or options.with_ is not None
    return not sees_more and is_free_once(options)


def _check_out(options: QueryOptions) -> None:
    if options.out is None:
        return
    for what, path in (
        ("labels", options.labels),
        ("images", options.images),
        ("skipped samples", options.skip),
        ("weights", options.fitted),
        ("embeddings", options.embeddings),
    ):
        if path is not None and options.out.resolve() == path.resolve():  # the answer would overwrite it
            raise ConfigError(f"--out is the file of the {what}, {path}: name another file.")
    check_file(options.out)


def _labels(options: QueryOptions, names: Sequence[str]) -> tuple[Tensor, Tensor, tuple[str, ...]]:
    """Indices and labels, int64 [L] each, and the names of the classes; L is 0 without labels."""
    classes = options.classes
    if options.fitted is not None:
        classes = classes or _classes_of(options.fitted)
    if options.labels is None:
        if options.fitted is not None and len(classes) < 2:
            raise ConfigError("the weights do not say what the classes are: name them in order, --classes cat,dog.")
        _tell_of_labels(options, names)
        none = torch.empty(0, dtype=torch.int64)
        return none, none, classes
    # Options for tables mean the table of the samples, or else that of the labels.
    own = options.labels.exists() and options.labels.samefile(options.images)
    table = options.table if own or options.images.suffix.lower() not in TABLES else None
    indices, labels, known = load_labels_csv(options.labels, names, classes or None, table=table, own=own, say=say)
    if not own and options.images.suffix.lower() in TABLES:
        told = {row: known[label] for row, label in zip(indices.tolist(), labels.tolist(), strict=True)}
        for column in telling_columns(options.images, options.table, told):
            say(
                f"the column {column!r} holds the label of each labeled row, and is learned from: remove it, or name "
                f"it with --label-column {column!r}"
            )
    if not classes:  # numbers with a gap: a class 0 that is never used, or one without labels yet
        _check_every_class(labels.tolist(), known, options.labels)
    return indices, labels, known


def _tell_of_labels(options: QueryOptions, names: Sequence[str]) -> None:
    """Says that the table of the samples holds labels which nobody asked to use."""
    if options.images.suffix.lower() not in TABLES:
        return
    with contextlib.suppress(IaleError):
        given = load_labels_csv(options.images, names, table=options.table, own=True)[0]
        if len(given):
            say(f"the labels in {options.images} are not used: add --labels {options.images} to use them")


def _check_every_class(labels: Collection[int], classes: tuple[str, ...], path: Path) -> None:
    missing = [name for number, name in enumerate(classes) if number not in labels]
    if missing:
        raise DataError(
            f"class {missing[0]!r} has no labeled sample in {path} that can be read: number the classes from 0 without "
            f"gaps, or name all of them with --classes."
        )


def _classes_of(fitted: Path) -> tuple[str, ...]:
    """The classes that a trained model knows, from the card that `iale export` writes beside its weights, or none."""
    card = fitted.parent / "card.json"
    known = storage.read_json(card).get("classes") if card.is_file() else None
    return tuple(map(str, known)) if isinstance(known, list) else ()


def _skipped(options: QueryOptions, names: Sequence[str], labeled: Tensor) -> list[int]:
    if options.skip is None:
        return []
    found = read_skipped(options.skip, names, say)
    if both := sorted(set(found) & set(labeled.tolist())):
        raise DataError(
            f"sample {names[both[0]]!r} is in {options.skip} and has a label in {options.labels}: remove it from one."
        )
    return found


def _check_k(options: QueryOptions, unlabeled: int) -> None:
    most = min(unlabeled, options.subset_size or unlabeled)
    if not most:
        raise ConfigError("every sample has a label or is skipped: there is none left to ask for.")
    if not 1 <= options.k <= most:
        looked = f", of which --subset-size looks at {most}" if most < unlabeled else ""
        raise ConfigError(
            f"--k asks for {many(options.k)}, and {unlabeled} without a label are left{looked}: ask for 1 to {most}."
        )
