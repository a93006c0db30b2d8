"""Repairs a damaged journal: what is no event is set aside, and all events that are whole stay."""

from __future__ import annotations

import bisect
import fcntl
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from iale._storage import storage_errors, written
from iale.labeling.record._journal import Event, event_of, line_of

_SHORTEST = 40  # bytes of a line: so many bytes hold at most one event
_PERSON = "repair"


@dataclass(frozen=True)
class Repair:
    """What was found.

    Attributes:
        damaged: the lines that were set aside, by their numbers from 1.
        lost: the numbers of the events that no line holds.
        events: how many events are whole.
        copy: the journal as it was; None if nothing was damaged.
    """

    damaged: tuple[tuple[int, bytes], ...]
    lost: tuple[int, ...]
    events: int
    copy: Path | None


def repair(folder: Path) -> Repair:
    """Repairs the journal of a project, if it is damaged, after a copy of it is on the disk.

    Each lost event gets a line of its own that says so: the others keep their numbers, which undos and corrections
    refer to. An unfinished end is left to the next writer, as ever.
    """
    path = folder / "journal.jsonl"
    with storage_errors("repair", path), open(path, "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        data = file.read()
        lines, end = _whole(data)
        found = [event_of(line) for line in lines]
        kept = _chain([0 if event is None else event.number for event in found], len(data))
        damaged = tuple((at + 1, line) for at, line in enumerate(lines) if at not in kept)
        whole, lost = _with_voids([(found[at], lines[at]) for at in sorted(kept)])
        if not damaged and not lost:
            return Repair((), (), len(kept), None)
        copy = _copy(folder, data)
        # In place: who waits for the lock of this file would write into what is no longer there.
        file.seek(0)
        file.write(whole + end)
        file.truncate()
        file.flush()
        os.fsync(file.fileno())
    return Repair(damaged, lost, len(kept), copy)


def _whole(data: bytes) -> tuple[list[bytes], bytes]:
    """The lines, and what follows the last one. An event whose line feed alone is missing is a line."""
    *lines, end = data.split(b"\n")
    if event_of(end) is not None:
        lines, end = [*lines, end], b""
    return [line + b"\n" for line in lines], end


def _chain(numbers: Sequence[int], size: int) -> set[int]:
    """The places of the longest sequence of lines whose numbers rise: a wrong number never costs a right one."""
    most = size // _SHORTEST + len(numbers)  # a larger number cannot be right
    tails: list[int] = []  # the least last number of a chain of each length
    places: list[int] = []
    before: dict[int, int | None] = {}
    for place, number in enumerate(numbers):
        if 0 < number <= most:
            length = bisect.bisect_left(tails, number)
            before[place] = places[length - 1] if length else None
            tails[length : length + 1], places[length : length + 1] = [number], [place]
    kept: set[int] = set()
    at: int | None = places[-1] if places else None
    while at is not None:
        kept.add(at)
        at = before[at]
    return kept


def _with_voids(events: Sequence[tuple[Event | None, bytes]]) -> tuple[bytes, tuple[int, ...]]:
    """The lines with one for each number that is missing between them, and these numbers."""
    parts: list[bytes] = []
    lost: list[int] = []
    for event, line in events:
        assert event is not None
        for number in range(len(parts) + 1, event.number):
            lost.append(number)
            parts.append(line_of(Event(kind="void", person=_PERSON, number=number, time=time.time())).encode())
        parts.append(line)
    return b"".join(parts), tuple(lost)


def _copy(folder: Path, data: bytes) -> Path:
    number = 1
    while (path := folder / f"journal-damaged-{number}.jsonl").exists():
        number += 1
    with written(path) as file:
        file.write(data)
    return path
