"""CSV tables with a line of column names."""

from __future__ import annotations

import csv
from pathlib import Path

from iale.errors import DataError

SET_ASIDE = "set_aside"  # a column of exported labels: those with something in it belong to no sample that is there now
_LONGEST = 1 << 24  # characters of one cell; the csv module allows 2¹⁷, too few for some texts


def read_table(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The column names, and the line number and the cells of every row that is not blank.

    Raises DataError if the file cannot be read, is not a CSV file in UTF-8, or has a row with another number of cells.
    """
    before = csv.field_size_limit(_LONGEST)
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = [cell.strip() for cell in next(reader, [])]
            rows = [(reader.line_num, row) for row in reader if row]
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}; check the path.") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{path} is not a CSV file in UTF-8: save it as one.") from error
    finally:
        csv.field_size_limit(before)
    for line, row in rows:
        if len(row) != len(header):
            raise DataError(f"{path}, line {line}: {len(row)} of {len(header)} cells were found; repair that line.")
    return header, rows


def read_label_rows(path: Path) -> list[tuple[int, str, str]]:
    """Line number, sample and label of every row that is not set aside; raises DataError if it lacks these columns."""
    header, rows = read_table(path)
    if "sample" not in header or "label" not in header:
        raise DataError(f"{path}, line 1: the columns sample and label were expected; add a line with their names.")
    at = header.index("sample"), header.index("label")
    aside = header.index(SET_ASIDE) if SET_ASIDE in header else None
    used = [(line, row) for line, row in rows if aside is None or not row[aside].strip()]
    return [(line, row[at[0]].strip(), row[at[1]].strip()) for line, row in used]
