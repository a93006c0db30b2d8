"""Ids and names of many samples, in a few bytes each."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

import numpy as np

from iale.errors import DataError

# Hexadecimal digits of an id: 64 bits, so n²/2⁶⁵ pairs collide: with a million samples, 1 in 40 million projects.
DIGITS = 16


def id_of(*parts: bytes) -> int:
    """The id of ``parts``, as a number: a digest of each part with its length, so that (ab, c) differs from (a, bc)."""
    hashed = hashlib.blake2b(digest_size=DIGITS // 2)
    for part in parts:
        hashed.update(len(part).to_bytes(8, "little") + part)
    return int.from_bytes(hashed.digest(), "big")


class Ids:
    """The ids of N samples, in order; 16 bytes each.

    If two numbers are equal (rows that are the same), the later one takes the next free number.

    Args:
        numbers: one for each sample.
        count: N, if it is known.
        former: the ids that the same samples have under another rule, by which they are found, too.
    """

    def __init__(self, numbers: Iterable[int], count: int = -1, former: Ids | None = None) -> None:
        self.former = former
        self.numbers = np.fromiter(numbers, np.uint64, count)
        while True:
            self._order = np.argsort(self.numbers, kind="stable")
            self._sorted = self.numbers[self._order]
            same = self._order[1:][self._sorted[1:] == self._sorted[:-1]]
            if not len(same):
                break
            self.numbers[same] += np.uint64(1)

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: int) -> str:
        return f"{int(self.numbers[index]):0{DIGITS}x}"

    def __iter__(self) -> Iterator[str]:
        return (self[index] for index in range(len(self)))

    def __contains__(self, sample: object) -> bool:
        return isinstance(sample, str) and self.find(sample) is not None

    def find(self, sample: str) -> int | None:
        """The index of an id, or None."""
        if not _is_id(sample):
            return None
        number = np.uint64(int(sample, 16))
        place = int(np.searchsorted(self._sorted, number))
        if place < len(self) and self._sorted[place] == number:
            return int(self._order[place])
        return None if self.former is None else self.former.find(sample)

    def now(self, sample: str) -> str:
        """The id that a sample has now; an unknown one stays as it is."""
        index = self.find(sample)
        return sample if index is None else self[index]

    def known(self, samples: Iterable[str]) -> list[int]:
        """The indices of those ids that are known."""
        return [index for sample in samples if (index := self.find(sample)) is not None]

    def index(self, sample: str) -> int:
        """The index of an id; raises DataError for an unknown one."""
        found = self.find(sample)
        if found is None:
            known = _is_id(sample)
            why = (
                "it was deleted, or the id is wrong" if known else f"give its id, the {DIGITS} digits that `next` gives"
            )
            raise DataError(f"there is no sample {sample!r:.42}: {why}.")
        return found


def _is_id(sample: object) -> bool:
    return isinstance(sample, str) and len(sample) == DIGITS and set(sample) <= set("0123456789abcdef")


class Names:
    """N strings in one piece of memory: a million of them cost their bytes and 8 more each, not 50."""

    def __init__(self, names: Iterable[str]) -> None:
        encoded = [name.encode("utf-8", "surrogateescape") for name in names]
        self._ends = np.cumsum(np.fromiter(map(len, encoded), np.int64, len(encoded)))
        self._data = b"".join(encoded)

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, index: int) -> str:
        start = int(self._ends[index - 1]) if index else 0
        return self._data[start : int(self._ends[index])].decode("utf-8", "surrogateescape")

    def __iter__(self) -> Iterator[str]:
        return (self[index] for index in range(len(self)))
