"""Predictions that come from elsewhere, such as a language model: a table that is read once and kept in the project."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from iale import _storage as storage
from iale.data._names import named_in, no_such_sample, spellings
from iale.data._table_labels import read_label_rows
from iale.data._tables import Cells, read_cells
from iale.errors import DataError, StorageError
from iale.labeling.reader import ProjectReader, Readable

SUGGESTIONS = "suggestions.json"
MODEL = "model"
"""The source of what the project's own model says."""

_SOURCE, _PROBABILITY = "source", "probability"
_LONGEST = 40  # characters of a source


@dataclass(frozen=True)
class Prediction:
    """One row of a table of predictions.

    Attributes:
        sample: its id.
        label: the name of a class.
        probability: how sure the source is, 0 to 1; None if it does not say.
        source: who predicts.
    """

    sample: str
    label: str
    probability: float | None
    source: str


def import_suggestions(project: Readable, path: Path | str, say: Callable[[str], None] = lambda _: None) -> int:
    """Keeps predictions from a table with the columns ``sample`` (or id) and ``label``; returns how many there are.

    The columns ``probability`` (0 to 1) and ``source`` (who predicts; by default the name of the file) are optional.
    What was kept of the same sources before is replaced. ``say`` is told if the encoding had to be guessed. Raises
    DataError, before anything is written, for a table without these columns, an unknown sample or class, a probability
    that is none, and two labels of one source for one sample.
    """
    path, reader = Path(path), project.reader
    found: dict[tuple[str, str], Prediction] = {}
    for line, each in _rows(path, reader, say):
        known = found.setdefault((each.source, each.sample), each)
        if known != each:
            raise DataError(f"{path}, line {line}: {each.source} says two things of one sample; keep one of the lines.")
    sources = {source for source, _ in found}
    kept = [each for each in read_predictions(reader.folder) if each.source not in sources]
    rows = [[each.sample, each.label, each.probability, each.source] for each in (*kept, *found.values())]
    storage.write_json(reader.folder / SUGGESTIONS, {"rows": rows})
    return len(found)


def read_predictions(folder: Path) -> list[Prediction]:
    """The predictions that a project keeps."""
    if not (folder / SUGGESTIONS).exists():
        return []
    try:
        rows = storage.read_json(folder / SUGGESTIONS)["rows"]
        return [Prediction(sample, label, probability, source) for sample, label, probability, source in rows]
    except (KeyError, TypeError, ValueError) as error:
        raise StorageError(
            f"{folder / SUGGESTIONS} is not readable ({error}): delete it, and import the predictions again."
        ) from error


def _rows(path: Path, reader: ProjectReader, say: Callable[[str], None]) -> Iterator[tuple[int, Prediction]]:
    """The line and the prediction of every row with a label."""
    classes = set(reader.classes)
    labeled = read_label_rows(path, classes=classes, say=say)
    cells = read_cells(path)
    extra = dict(zip(cells.lines, cells.rows, strict=True))
    names = {name for _, cell, _ in labeled for name in spellings(cell)}
    index = {name: name for name in names if name in reader.items.ids}
    index |= {name: reader.items.ids[row] for row in range(reader.count) if (name := reader.items.name(row)) in names}
    for line, cell, label in labeled:
        known = named_in(cell, index)
        if known is None:
            raise no_such_sample(path, line, cell, set(map(reader.items.name, range(reader.count))))
        if label not in classes:
            raise DataError(
                f"{path}, line {line}: {label[:40]!r} is not a class of this project; correct it, or add it with "
                f"--classes."
            )
        row = extra[line]
        yield line, Prediction(index[known], label, _probability(cells, line, row), _source(cells, line, row))


def _probability(cells: Cells, line: int, row: list[str]) -> float | None:
    column = cells.known_column(_PROBABILITY)
    text = "" if column is None else row[column].strip()
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise DataError(f"{cells.path}, line {line}: the probability {text[:20]!r} is not a number from 0 to 1.")
    return value


def _source(cells: Cells, line: int, row: list[str]) -> str:
    column = cells.known_column(_SOURCE)
    text = "" if column is None else row[column].strip()
    name = text or cells.path.stem
    if len(name) > _LONGEST or not name.isprintable() or name == MODEL:
        raise DataError(
            f"{cells.path}, line {line}: a source needs a name of 1 to {_LONGEST} printable characters other than "
            f"{MODEL!r}, which is this project's own: name it in the column {_SOURCE}."
        )
    return name
