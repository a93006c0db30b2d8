"""What labeling starts from: inputs without labels, and a table of the labels so far."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from iale._closest import meant
from iale._given import names_of, path_of
from iale.data._checks import MOST_CLASSES
from iale.data._formats import map_npy, read_npz
from iale.data._names import named_in, no_such_sample, numbered, same_name
from iale.data._pictures import Mode
from iale.data._table_labels import read_label_rows
from iale.data._table_samples import TABLES, SampleTable, open_table
from iale.data._texts import TextSamples
from iale.data.arrays import ArraySamples
from iale.data.images import FolderSamples
from iale.data.samples import SampleKind, Samples
from iale.data.table_config import TableConfig
from iale.errors import DataError, IaleWarning


def load_unlabeled(
    path: str | Path,
    *,
    size: tuple[int, int] | None = None,
    mixed: tuple[int, int] | None = None,
    mode: Mode | None = None,
    table: TableConfig | None = None,
    say: Callable[[str], None] | None = None,
) -> tuple[Samples, list[str]]:
    """Inputs and the name of each.

    Args:
        path: a folder of images, flat or nested, whose names are their paths below it. Or an .npy file, which stays on
            disk, or an .npz file with one array or one called ``x``; then the names are "0", "1", …. Or a table (.csv,
            .tsv, .txt) of texts or features, whose rows are named by its column ``sample`` or ``id``, or numbered.
        size: (height, width) to which images of a folder are resized; nothing else can be.
        mixed: another size, if images differ; as for `FolderSamples`, and so is ``mode``.
        table: how a table is read; by default this is found.
        say: is told in sentences what was found in a table. By default, what is doubtful is an `IaleWarning`.

    Raises:
        ConfigError: ``table``, a size or the mode is something else.
        DataError: there is nothing at ``path``, or something else.
    """
    path = path_of(path, "the path of samples")
    if path.is_dir():
        folder = FolderSamples(path, size=size, mixed=mixed, mode=mode)
        return folder, folder.names
    if size is not None and path.exists():
        raise DataError(f"{path} is not a folder of images, and only those are resized: leave the size out.")
    if path.suffix.lower() in TABLES:
        found = open_table(path, table)
        _tell(path, found, say)
        return found.samples, found.names or numbered(len(found.samples))
    if path.suffix not in (".npy", ".npz") or not path.exists():
        what = f"{path} holds no samples: " if path.exists() else f"there is no {path}: {meant(path)}"
        raise DataError(f"{what}a folder of images, an .npy, .npz or .csv file was expected.")
    if path.suffix == ".npy":
        array = map_npy(path)
    else:
        arrays = read_npz(path)
        if "x" not in arrays and len(arrays) != 1:
            raise DataError(f"{path} holds {len(arrays)} arrays: one array, or one called x, was expected.")
        array = arrays["x"] if "x" in arrays else next(iter(arrays.values()))
    try:
        samples = ArraySamples(array)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    return samples, numbered(len(samples))


def _tell(path: Path, found: SampleTable, say: Callable[[str], None] | None) -> None:
    if say is None:
        for doubt in found.doubts:
            warnings.warn(f"{path}: {doubt}", IaleWarning, stacklevel=3)
    else:
        for sentence in (f"{path}: {found.about}", *found.notices):
            say(sentence)


def kind_of(samples: Samples) -> SampleKind:
    """What a sample of `load_unlabeled` is to a person."""
    if isinstance(samples, TextSamples):
        return "text"
    return "image" if len(samples.shape) == 3 else "row"


def load_labels_csv(
    path: str | Path,
    names: Sequence[str],
    classes: Sequence[str] | None = None,
    *,
    table: TableConfig | None = None,
    own: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> tuple[Tensor, Tensor, tuple[str, ...]]:
    """The labels so far, from a table with the columns ``sample`` (or ``id``) and ``label``.

    Args:
        path: the table, as for `load_unlabeled`; other columns are ignored. A row whose label is blank has none yet.
        names: the N names of the samples (`load_unlabeled`).
        classes: the C class names. Without them, labels that are all whole numbers are class numbers 0 … C−1, with C
            one above the largest (1.0 is 1); other labels are names, numbered in alphabetical order.
        table: how the table is read; by default this is found.
        own: whether it is the table of the samples itself, in which each row holds its own label.
        say: is told if the encoding had to be guessed.

    Returns:
        int64 [L] indices into ``names``, int64 [L] labels, in the order of the file, and the C class names; L may be 0.

    Raises:
        DataError: the file is absent or lacks a column, a sample is unknown or named twice, a label is not a
            class or looks like another one, a class is named twice, or there are fewer than 2. The message names
            the line.
    """
    path = path_of(path, "the path of a table of labels")
    classes = None if classes is None else _different(names_of(classes))
    number = {name: index for index, name in enumerate(names)}
    found: dict[int, str] = {}
    lines: list[int] = []
    for line, cell, label in read_label_rows(path, table, own=own, classes=classes or (), say=say):
        sample = named_in(cell, number)
        if sample is None:
            raise no_such_sample(path, line, cell, number)
        if number[sample] in found:
            raise DataError(f"{path}, line {line}: sample {sample!r} was labeled before; keep one of the lines.")
        found[number[sample]] = label
        lines.append(line)
    if not found:
        return torch.empty(0, dtype=torch.int64), torch.empty(0, dtype=torch.int64), tuple(classes or ())
    labels, known = _number_labels(path, list(found.values()), lines, classes)
    if len(known) < 2:
        raise DataError(
            f"{path} has labels of one class only: label samples of at least 2 classes, or name all classes, "
            f"--classes cat,dog."
        )
    return torch.tensor(list(found)), torch.tensor(labels), known


def _different(classes: tuple[str, ...]) -> tuple[str, ...]:
    if twice := [name for at, name in enumerate(classes) if name in classes[:at]]:
        raise DataError(f"the class {twice[0]!r} is named twice: give each class a name of its own.")
    return classes


def _number_labels(
    path: Path, texts: list[str], lines: list[int], classes: Sequence[str] | None
) -> tuple[list[int], tuple[str, ...]]:
    whole = all(text.isascii() and text.isdigit() and len(text) < 10 for text in texts)
    if classes is None and whole:
        numbers = [int(text) for text in texts]
        if max(numbers) >= MOST_CLASSES:
            line = lines[numbers.index(max(numbers))]
            raise DataError(f"{path}, line {line}: label {max(numbers)} is too large; number the classes from 0.")
        return numbers, tuple(str(label) for label in range(max(numbers) + 1))
    if classes is None:
        _check_names(path, texts, lines)
    known = tuple(sorted(set(texts))) if classes is None else tuple(classes)
    position = {name: label for label, name in enumerate(known)}
    for line, text in zip(lines, texts, strict=True):
        if text not in position and not (whole and int(text) < len(known)):
            expected = ", ".join(known[:20])
            raise DataError(f"{path}, line {line}: {text!r} is not a class; one of {expected} was expected.")
    return [position[text] if text in position else int(text) for text in texts], known


def _check_names(path: Path, texts: list[str], lines: list[int]) -> None:
    """Raises DataError for two classes that are one to people, as in a labeling project."""
    first: dict[str, tuple[str, int]] = {}
    for line, text in zip(lines, texts, strict=True):
        other, before = first.setdefault(same_name(text), (text, line))
        if other != text:
            raise DataError(
                f"{path}, line {line}: people cannot tell {text!r} from {other!r} in line {before}: write both in one "
                f"way, or name both with --classes."
            )
