"""The journal: every label, skip, undo and new class, one JSON object a line, never altered.

An event is acknowledged only after its line is on the disk. Several processes may write by turns: each takes the file's
lock, reads what the others have added, and appends. A line that a kill or a power cut left unfinished was never
acknowledged; the next writer cuts it off and says so.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from iale._storage import storage_errors, to_json
from iale.errors import StorageError

Kind = Literal["label", "skip", "undo", "class", "lease"]
Reason = Literal["query", "explore", "first", "random", "test", "second", "imported", "chosen"]
"""Why a sample was labeled: the strategy asked for it; it was looked for an unseen class; it belongs to the first,
diverse ones; nothing better was at hand; it belongs to the honest test share; it is a second opinion; it came from a
file; a person chose it."""


@dataclass(frozen=True)
class Event:
    """One line of the journal.

    Attributes:
        number: 1, 2, 3, … without gaps.
        time: seconds since 1970.
        kind: what happened.
        person: who did it.
        sample: the sample's id; None for a new class and for a lease.
        label: the name of the class; None where there is none.
        reason: why this sample was labeled or skipped.
        of: the number of the event that an undo takes back.
        stamp: what the sample was when it was labeled (`Items.stamp`).
        note: why a sample was left out; empty where a person cannot tell.
        key: made by who asked for the event; a second request with it is the same event.
        samples: ids and reasons of a lease.
        tab: whose lease it is, among those of one person.
        until: when the lease ends, in seconds since 1970.
    """

    number: int
    time: float
    kind: Kind
    person: str
    sample: str | None = None
    label: str | None = None
    reason: Reason | None = None
    of: int | None = None
    stamp: str | None = None
    note: str | None = None
    key: str | None = None
    samples: Mapping[str, Reason] | None = None
    tab: str | None = None
    until: float | None = None


_FIELDS = {field.name for field in fields(Event)}
_KINDS = ("label", "skip", "undo", "class", "lease")


class Journal:
    """An append-only file of events. Threads may share one object, processes one file.

    Args:
        path: made, with its folder, when the first event is written.

    Attributes:
        notices: sentences on what was found damaged and cut off.

    Raises:
        StorageError: the file cannot be read, or a line before the last one is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notices: list[str] = []
        self._events: list[Event] = []
        self._end = 0
        self._lock = threading.RLock()
        self._depth = 0
        self._file = -1
        self.refresh()

    def __len__(self) -> int:
        return len(self._events)

    @property
    def events(self) -> Sequence[Event]:
        """All events read so far, in order."""
        return self._events

    def refresh(self) -> list[Event]:
        """Reads what other processes have added since; returns it."""
        with self._lock:
            if self._depth:  # this thread holds the lock, so nobody has
                return []
            with storage_errors("read", self.path):
                try:
                    file = os.open(self.path, os.O_RDONLY)
                except FileNotFoundError:
                    return []
                try:
                    fcntl.flock(file, fcntl.LOCK_SH)
                    return self._read(file, repair=False)
                finally:
                    os.close(file)

    @contextlib.contextmanager
    def writing(self) -> Iterator[list[Event]]:
        """Holds the lock, so that what is decided inside rests on every event there is; yields the new ones.

        Raises StorageError where the file cannot be opened for writing.
        """
        with self._lock:
            if self._depth:
                self._depth += 1
                try:
                    yield []
                finally:
                    self._depth -= 1
                return
            with storage_errors("write", self.path):
                self._file = self._open()
            try:
                with storage_errors("write", self.path):
                    fcntl.flock(self._file, fcntl.LOCK_EX)
                    new = self._read(self._file, repair=True)
                self._depth = 1
                yield new
            finally:
                self._depth = 0
                os.close(self._file)

    def append(self, *, kind: Kind, person: str, durable: bool = True, **values: Any) -> Event:
        """Adds one event; it is on the disk when this returns.

        Args:
            kind: of the event.
            person: who.
            durable: False leaves it to the next durable event, or to the system, to bring it to the disk.
            values: the other fields of `Event`.

        Raises:
            StorageError: it could not be written (a full disk); the journal is as it was.
        """
        (event,) = self.extend([{"kind": kind, "person": person, **values}], durable=durable)
        return event

    def extend(self, events: Sequence[Mapping[str, Any]], *, durable: bool = True) -> list[Event]:
        """Adds several events with one write; see `append`."""
        with self.writing():
            now, first = time.time(), len(self._events) + 1
            added = [Event(number=first + place, time=now, **values) for place, values in enumerate(events)]
            data = "".join(_line(event) for event in added).encode()
            with storage_errors("write", self.path):
                self._write(data, durable)
            self._events += added
            self._end += len(data)
            return added

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_APPEND
        try:
            return os.open(self.path, flags)
        except FileNotFoundError:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(self.path, flags | os.O_CREAT, 0o644)
            folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)  # the name, too, is on the disk before anything is acknowledged
            finally:
                os.close(folder)
            return file

    def _write(self, data: bytes, durable: bool) -> None:
        try:
            while data:
                data = data[os.write(self._file, data) :]
            if durable:
                os.fsync(self._file)
        except BaseException:
            os.ftruncate(self._file, self._end)
            raise

    def _read(self, file: int, *, repair: bool) -> list[Event]:
        """Parses what lies behind the last event read."""
        size = os.fstat(file).st_size
        if size == self._end:
            return []
        if size < self._end:
            raise StorageError(f"{self.path} became shorter while it was in use: put it back and start again.")
        data = os.pread(file, size - self._end, self._end)
        whole = data.rfind(b"\n") + 1
        new: list[Event] = []
        at = 0
        while at < whole:
            stop = data.index(b"\n", at) + 1
            number = len(self._events) + len(new) + 1
            event = _parse(data[at:stop], number)
            if event is None:
                if stop < len(data) or _is_json(data[at:stop]):
                    raise StorageError(
                        f"{self.path}, line {number}, is not event {number}: the journal is damaged; restore it from a "
                        f"copy, or delete what follows the line before."
                    )
                break  # an unfinished write can leave a line feed with gaps before it
            new.append(event)
            at = stop
        if repair and at < len(data):
            os.ftruncate(file, self._end + at)
            os.fsync(file)
            self.notices.append(
                f"the last line of {self.path.name} was unfinished ({len(data) - at} bytes) and was cut off: the label "
                f"in it was never acknowledged."
            )
        self._events += new
        self._end += at
        return new


def _line(event: Event) -> str:
    return to_json({key: value for key, value in asdict(event).items() if value is not None}) + "\n"


def _parse(line: bytes, number: int) -> Event | None:
    """The event in a line, or None where it does not hold the one with this number."""
    try:
        values = json.loads(line)
        if values["number"] != number or values["kind"] not in _KINDS:
            return None
        return Event(**{key: value for key, value in values.items() if key in _FIELDS})
    except (ValueError, TypeError, KeyError):
        return None


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True
