"""What makes a sample the same sample: its name, its content, or both."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from iale.data._away import Away
from iale.data._scan import is_inside
from iale.errors import DataError
from iale.labeling.items._ids import DIGITS, Ids, Names, id_of

_NAMED = b"\0name"  # in front of a name: the digest of a name must differ from the one of a row that holds the same
_DELETED, _CHANGED, _CLOSED = "deleted", "changed", "made unreadable"  # since a file was looked at
_BEGINNING = 1 << 18  # bytes of a file whose digest says whether it is the same
_LONGEST = 1000  # characters of a name in the journal


def readable(name: str) -> str:
    """A name as the journal can hold it: file names may have bytes that are no text."""
    return name[:_LONGEST].encode("utf-8", "surrogateescape").decode("utf-8", "replace")


class RowIdentity:
    """Rows of a table are known by their names if they have any, and else by all that they hold.

    Args:
        contents: uint64 [N], digests of all cells (without the name and the label), by which rows without names are
            known. So were rows with names once: their labels of that time are found as long as no cell changes.
        shown: uint64 [N], digests of what people see; None if that is all there is.
        names: of the rows.
    """

    def __init__(
        self,
        contents: NDArray[np.uint64],
        shown: NDArray[np.uint64] | None = None,
        names: Sequence[str] | None = None,
    ) -> None:
        ids = Ids(contents, len(contents))
        self.ids = ids if names is None else Ids(map(_id_of_name, names), len(names), ids)
        self._shown = shown

    def stamp(self, index: int) -> str:
        """A digest of what people see; empty for rows that are known by it."""
        return "" if self._shown is None else f"{int(self._shown[index]):0{DIGITS}x}"

    def fits(self, index: int, stamp: str) -> bool:
        """Whether people see what they saw. Without a stamp the id was found, which was a digest of all cells."""
        return stamp in ("", self.stamp(index)) or self._shown is None

    def find(self, stamps: Collection[str]) -> dict[str, list[int]]:
        """The indices of the rows with these stamps."""
        found: defaultdict[str, list[int]] = defaultdict(list)
        if self._shown is not None:
            wanted = {stamp for stamp in stamps if re.fullmatch(rf"[0-9a-f]{{{DIGITS}}}", stamp)}
            for index in np.flatnonzero(np.isin(self._shown, [np.uint64(int(stamp, 16)) for stamp in wanted])):
                found[self.stamp(int(index))].append(int(index))
        return found


def content_digests(rows: Sequence[Sequence[str]]) -> NDArray[np.uint64]:
    """uint64 [N]: of the cells of each row, without its name and its label, as they are written in the file.

    Journals name rows by these digests, so what they cover may not change.
    """
    return np.fromiter((id_of(*(cell.encode() for cell in row)) for row in rows), np.uint64, len(rows))


def shown_digests(
    columns: Sequence[str], rows: Iterable[Sequence[str]], numbers: Mapping[int, NDArray[np.float32]] | None = None
) -> NDArray[np.uint64]:
    """uint64 [N]: of the cells that people see. Their order does not matter, nor how a number is written.

    Args:
        columns: names of the columns that people see.
        rows: their cells.
        numbers: the cells of the columns that hold numbers, float32 [N], by their place, if these are features.
    """
    order = sorted(range(len(columns)), key=lambda at: columns[at])
    names = [_encoded(columns[at]) for at in order]
    if numbers is not None:
        shown = [numbers.get(at) for at in order]
        values = (
            [_encoded(row[at]) if own is None else own[number].tobytes() for at, own in zip(order, shown, strict=True)]
            for number, row in enumerate(rows)
        )
    elif len(columns) == 1:  # a text alone is shown without the name of its column
        return np.fromiter((id_of(_encoded(row[0])) for row in rows), np.uint64)
    else:
        values = ([_encoded(row[at]) for at in order] for row in rows)
    return np.fromiter((id_of(*names, *cells) for cells in values), np.uint64)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _id_of_name(name: str) -> int:
    return id_of(_NAMED, name.encode("utf-8", "surrogateescape"))


class FileIdentity:
    """Files are known by their paths and their content: size, time of the last change, and a digest of the beginning.

    Where only the time differs, the content decides. What people saw of a file is remembered, so a label is never
    recorded for something else.

    Args:
        root: the folder.
        names: paths of the N files below it.
        sizes: bytes of each, int64 [N].
        times: of the last change in nanoseconds since 1970, int64 [N].
    """

    def __init__(self, root: Path, names: Names, sizes: NDArray[np.int64], times: NDArray[np.int64]) -> None:
        self._root, self._names, self._sizes, self._times = root, names, sizes, times
        self.ids = Ids((id_of(name.encode("utf-8", "surrogateescape")) for name in names), len(names))
        self._seen: dict[int, str] = {}  # digests of the beginnings that people saw or labeled

    def stamp(self, index: int) -> str:
        """Size, time, and digest; of a file that is away, what is known. Raises DataError for a changed file."""
        away = self.changed(index) in (_DELETED, _CLOSED)
        beginning = self._seen.get(index, "") if away else _beginning(self.shown(index))
        return f"{self._sizes[index]}-{self._times[index]}-{beginning}"

    def fits(self, index: int, stamp: str) -> bool:
        """Whether the file is what it was: of the same size, and of the same time or the same beginning.

        Without a stamp nobody saw it: it could not be shown.
        """
        if not stamp:
            return False
        size, time, beginning = _parts(stamp)
        if size != self._sizes[index]:
            return False
        try:
            same = time == self._times[index] or beginning == _beginning(self._root / self._names[index])
        except DataError:
            return False
        if same and beginning:
            self._seen[index] = beginning
        return same

    def changed(self, index: int) -> str:
        """What has happened to a file since it was last looked at, or nothing."""
        path = self._root / self._names[index]
        try:
            found = os.stat(path)
            if not os.access(path, os.R_OK):
                return _CLOSED
            if found.st_size != self._sizes[index]:
                return _CHANGED
            if found.st_mtime_ns == self._times[index]:
                return ""
            if self._seen.get(index) not in (None, _beginning(path)):
                return _CHANGED
        except (OSError, DataError):
            return _DELETED
        self._times[index] = found.st_mtime_ns  # it was touched, or nobody has seen it yet
        return ""

    def path(self, index: int) -> Path:
        """The file; raises Away if it is away, DataError if it has changed or has become a link that leads out."""
        name = self._names[index]
        if what := self.changed(index):
            error = DataError if what == _CHANGED else Away
            raise error(f"{name} was {what} since the project was opened: it is passed over.")
        if not is_inside(self._root, self._root / name):
            raise DataError(f"{name} has become a link that leads out of the folder: it is passed over.")
        return self._root / name

    def shown(self, index: int) -> Path:
        """The file, which people are about to see."""
        path = self.path(index)
        self._seen[index] = _beginning(path)
        return path

    def find(self, stamps: Collection[str]) -> dict[str, list[int]]:
        """The indices of the files with the content of these stamps."""
        wanted: defaultdict[tuple[int, str], list[str]] = defaultdict(list)
        for stamp in stamps:
            size, _, beginning = _parts(stamp)
            if beginning:
                wanted[size, beginning].append(stamp)
        found: defaultdict[str, list[int]] = defaultdict(list)
        for index in np.flatnonzero(np.isin(self._sizes, [size for size, _ in wanted])).tolist():
            try:
                content = int(self._sizes[index]), _beginning(self.path(index))
            except DataError:
                continue
            for stamp in wanted.get(content, ()):
                found[stamp].append(index)
        return found


def _parts(stamp: str) -> tuple[int, int, str]:
    """Size, time, and digest in a stamp; no file has those of something that is no stamp."""
    found = re.fullmatch(r"(\d{1,18})-(-?\d{1,19})-([0-9a-f]*)", stamp, re.ASCII)
    return (int(found[1]), int(found[2]), found[3]) if found else (-1, 0, "")


def _beginning(path: Path) -> str:
    try:
        with open(path, "rb") as file:
            return f"{id_of(file.read(_BEGINNING)):016x}"
    except OSError as error:
        raise Away(f"{path} cannot be read ({error.strerror}): it is passed over.") from error
