"""A table of samples: texts, or features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from iale._many import many
from iale.data._table_columns import Columns, column_doubts, find_columns, row_names
from iale.data._table_kind import Content, read_content
from iale.data._tables import Cells, read_cells, table_config
from iale.data._texts import TextSamples
from iale.data.arrays import ArraySamples
from iale.data.samples import SampleKind, Samples
from iale.data.table_config import TableConfig
from iale.errors import DataError

TABLES = (".csv", ".tsv", ".txt")
"""The ends of the names of tables."""


@dataclass(frozen=True, eq=False)
class SampleTable:
    """The samples of a table, and all of its cells.

    Attributes:
        kind: "text" or "row" (of features).
        samples: what a classifier reads.
        names: of the rows, from a column; None numbers them.
        columns: the names of the C columns that people see.
        cells: the N x C cells of these columns.
        words: which of these columns hold categories, of features.
        contents: the cells of all columns but those of names and labels, by row: what makes a row itself.
        config: how the table was read, to read it the same way again.
        about: what was found, in one line.
        filled: sentences about what was filled in.
        doubts: sentences about what may be meant otherwise.
    """

    kind: SampleKind
    samples: Samples
    names: list[str] | None
    columns: tuple[str, ...]
    cells: list[list[str]]
    words: tuple[int, ...]
    contents: list[list[str]]
    config: TableConfig
    about: str
    filled: list[str]
    doubts: list[str]

    @property
    def notices(self) -> list[str]:
        """Sentences about what was filled in, or is doubtful."""
        return [*self.filled, *self.doubts]


def open_table(path: Path, config: TableConfig | None = None) -> SampleTable:
    """Reads a table of samples.

    Raises:
        DataError: it cannot be read, holds no rows, names two rows alike, or it is not clear what its cells are. The
            message names the line.
    """
    config = table_config(config)
    cells, columns, names = read_rows(path, config)
    content = read_content(cells, columns.used, config)
    contents = [[row[at] for at in columns.used] for row in cells.rows]
    shown = contents if content.columns == columns.used else [[row[at] for at in content.columns] for row in cells.rows]
    samples: Samples
    if content.features is None:
        samples = TextSamples(["\n".join(row) for row in shown])
    else:
        samples = ArraySamples(content.features)
    return SampleTable(
        kind="text" if content.features is None else "row",
        samples=samples,
        names=names,
        columns=tuple(cells.header[at] for at in content.columns),
        cells=shown,
        words=tuple(content.columns.index(at) for at in content.words),
        contents=contents,
        config=_found(cells, columns, content, config),
        about=_about(cells, columns, content),
        filled=content.notices,
        doubts=[*content.doubts, *column_doubts(cells, columns, content.columns, config)],
    )


def read_rows(path: Path, config: TableConfig) -> tuple[Cells, Columns, list[str] | None]:
    """The cells of a table of samples, what its columns are for, and the names of its rows, if a column has them.

    Raises DataError as `open_table`, but for what the cells are.
    """
    cells = read_cells(path, config)
    if not cells.rows:
        raise DataError(f"{path} holds no rows: a line of column names and a line for each sample were expected.")
    columns = find_columns(cells, config)
    return cells, columns, None if columns.name is None else row_names(cells, columns.name)


def _found(cells: Cells, columns: Columns, content: Content, config: TableConfig) -> TableConfig:
    """The configuration with what was found, so that rows that come later do not change how the others are read."""
    texts = content.features is None
    return replace(
        config,
        kind="text" if texts else "features",
        delimiter=cells.delimiter or config.delimiter,
        encoding=cells.encoding or config.encoding,
        decimal=config.decimal if texts else content.decimal,
        text_column=cells.header[content.columns[0]] if texts and len(content.columns) == 1 else config.text_column,
        id_column=config.id_column if columns.name is None else cells.header[columns.name],
        label_column=config.label_column if columns.label is None else cells.header[columns.label],
    )


def _about(cells: Cells, columns: Columns, content: Content) -> str:
    names = [f"`{cells.header[at]}`" for at in content.columns]
    if content.features is not None:
        what = f"features: {many(len(names), 'column')}{_categories(cells, content.words)}"
    else:
        what = f"texts in {names[0]}" if len(names) == 1 else f"texts: {len(names)} columns together"
    parts = [many(len(cells.rows), "row"), what]
    if columns.name is not None:
        parts.append(f"named by `{cells.header[columns.name]}`")
    if columns.label is not None:
        given = sum(bool(row[columns.label].strip()) for row in cells.rows)
        parts.append(f"labels in `{cells.header[columns.label]}` ({given:,} given)")
    if unused := [cells.header[at] for at in columns.used if at not in content.columns]:
        parts.append("not used: " + ", ".join(f"`{name}`" for name in unused[:5]) + (", …" if unused[5:] else ""))
    if cells.delimiter not in ("comma", ""):
        parts.append(f"{cells.delimiter}s between cells")
    if cells.encoding:
        parts.append(f"encoding {cells.encoding}")
    return "; ".join([*parts, *content.said])


def _categories(cells: Cells, words: Sequence[int]) -> str:
    """Columns of words are named: one of them may hold the labels."""
    if not words:
        return ""
    named = ", ".join(f"`{cells.header[at]}`" for at in words[:5]) + (", …" if words[5:] else "")
    return f", of which {len(words)} {'are' if len(words) > 1 else 'is of'} categories ({named})"
