"""Tables with a line of column names: their text, delimiter and cells."""

from __future__ import annotations

import contextlib
import csv
import io
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from iale.data._encoding import read_text
from iale.data.table_config import TableConfig
from iale.errors import ConfigError, DataError

_reading = threading.Lock()
_LONGEST = 1 << 24  # characters of one cell; the csv module allows 2¹⁷, too few for some texts
_SIGNS = (",", ";", "\t", "|")
_TRIED = 1000  # rows that tell the delimiter
_SAID = re.compile(r'"?sep=([,;\t|])"?(?:\r\n|\r|\n)', re.IGNORECASE)  # the first line of some files for Excel


@dataclass(frozen=True)
class Cells:
    """The cells of a table, all as text.

    Attributes:
        path: the file.
        header: the column names, without spaces around them.
        lines: the line of the file in which each row starts, from 1.
        rows: N rows with as many cells as there are columns.
        delimiter: what separates cells: comma, semicolon, tab or pipe; empty if there is one column.
        encoding: the encoding, if it was guessed; otherwise empty.
    """

    path: Path
    header: list[str]
    lines: list[int]
    rows: list[list[str]]
    delimiter: str
    encoding: str

    def column(self, name: str) -> int:
        """Where a column is: by its name, or else by its name in other case; raises DataError if there is none."""
        places = [at for at, column in enumerate(self.header) if column == name]
        places = places or [at for at, column in enumerate(self.header) if column.casefold() == name.casefold()]
        if len(places) != 1:
            how = "no" if not places else f"{len(places)}"
            raise DataError(f"{self.path} has {how} columns {name!r}: name one of {', '.join(self.header[:20])}.")
        return places[0]

    def known_column(self, *names: str) -> int | None:
        """Where the column of the first of these names is, in any case; raises DataError if two columns have it."""
        for name in names:
            if name in self.header or name in map(str.casefold, self.header):
                return self.column(name)
        return None


def table_config(given: object) -> TableConfig:
    """How a table is read, if somebody has said it; raises ConfigError for anything else."""
    if given is None:
        return TableConfig()
    if not isinstance(given, TableConfig):
        raise ConfigError(f"expected a TableConfig, such as TableConfig(kind='text'), not {given!r:.60}.")
    return given


def read_cells(path: Path, config: TableConfig | None = None) -> Cells:
    """Reads a table.

    Blank lines are passed over; quoted cells may span lines.

    Raises:
        DataError: the file cannot be read or is no such table, or a row has another number of cells than the header.
    """
    config = table_config(config)
    return split_cells(path, *read_text(path, config.encoding), config)


def split_cells(path: Path, text: str, encoding: str, config: TableConfig) -> Cells:
    """The same of a text that was read from ``path``, with the encoding if it was guessed."""
    said = _SAID.match(text)
    text = text if said is None else "\n" + text[said.end() :]  # an empty line is passed over, and counts
    with _long_cells():
        sign = config.sign or (_find_sign(text) if said is None else said[1])
        numbered = list(_split(path, text, sign or _absent(text)))
    header = [cell.strip() for cell in numbered[0][1]] if numbered else []
    name = TableConfig(delimiter=sign).delimiter if sign else ""
    for line, row in numbered[1:]:
        if len(row) != len(header):
            raise DataError(
                f"{path}, line {line}: {len(row)} of {len(header)} cells were found, with a {name} between them; "
                f"repair that line, or name the --delimiter."
            )
    rows = numbered[1:]
    return Cells(path, header, [line for line, _ in rows], [row for _, row in rows], name, encoding)


@contextlib.contextmanager
def _long_cells() -> Iterator[None]:
    """Raises the limit of the csv module, which all threads share: one that ended would lower it for the others."""
    with _reading:
        before = csv.field_size_limit(_LONGEST)
        try:
            yield
        finally:
            csv.field_size_limit(before)


def _find_sign(text: str) -> str:
    """The delimiter: the one that splits the header, and most rows into as many cells; empty if there is none.

    A row of prose has commas too, but its header has none. This rule reads all of the 300 generated tables with which
    it was compared right; sniffers that look at all lines alike split prose, and read 250 to 279 of them. If there is
    no header, the first sentence may have commas as well. See `_is_prose`.
    """
    best, chosen = (0.0, 1), ""
    for sign in _SIGNS:
        header, same, count, prose = 0, 0, 0, True
        try:
            for row in csv.reader(io.StringIO(text, newline=""), delimiter=sign):
                prose = prose and _is_prose(row, wordy=not header)
                if not header:
                    header = len(row)
                elif row:
                    count, same = count + 1, same + (len(row) == header)
                if count == _TRIED or header == 1:
                    break
        except csv.Error:
            pass  # the whole is read again, and says where
        share = same / count if count else 1.0
        if header > 1 and not prose and (share, header) > best:
            best, chosen = (share, header), sign
    return chosen


def _is_prose(row: list[str], *, wordy: bool) -> bool:
    """Whether a blank follows each delimiter, as in sentences; and, if ``wordy``, some part has over three words."""
    spaced = all(
        after[:1].isspace() or (before[-1:].isdigit() and after[:1].isdigit())  # 1,000
        for before, after in pairwise(row)
    )
    return spaced and (not wordy or any(len(cell.split()) > 3 for cell in row))


def _split(path: Path, text: str, sign: str) -> Iterator[tuple[int, list[str]]]:
    """The line in which each row starts, and its cells."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=sign, strict=True)
    line = 1
    try:
        for row in reader:
            if row and not (len(row) == 1 and row[0].isspace()):
                yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        what = "holds a quoted cell that does not end" if "end of data" in str(error) else f"is not valid CSV ({error})"
        raise DataError(f"{path}, line {line}: the row {what}; repair it, or quote its cells.") from error


def _absent(text: str) -> str:
    """A character that a text does not hold: the csv module cannot read one column without a delimiter."""
    return next(letter for letter in map(chr, range(0xE000, 0xF8FF)) if letter not in text)
