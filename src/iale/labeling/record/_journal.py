"""The journal: every label, skip, undo and new class, one JSON object a line, never changed.

An event is acknowledged only after its line is on the disk. Several processes may write in turn: each locks the file,
reads what the others have added, and appends. A line that a kill or a power cut left unfinished was never acknowledged;
the next writer cuts it off and says so.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal, cast, get_args

from iale._storage import JsonObject, storage_errors, to_json
from iale.errors import StorageError

Kind = Literal[
    "label", "skip", "undo", "class", "lease", "rename", "merge", "remove", "describe", "confirm", "note", "void"
]
"""What happened; "void" stands for an event whose line was damaged (`iale repair`)."""
Reason = Literal["query", "explore", "first", "random", "test", "second", "imported", "chosen", "alike", "adjudicated"]
"""Why a sample was labeled: the strategy asked for it ("query"); it may belong to an unseen class ("explore"); it is
one of the diverse first samples; nothing better was available ("random"); it belongs to the honest test share; it is a
second opinion; it came from a file; a person chose it; it looks like another one that was shown; a person decided
between others who disagreed."""


@dataclass(frozen=True, kw_only=True)
class Act:
    """What somebody does."""

    kind: Kind
    person: str
    sample: str | None = None  # its id; None for a new class and for a lease
    label: str | None = None  # the name of the class; None for a skip, an undo and a lease
    into: str | None = None  # the new name of a class, or the class with which it is merged
    about: Mapping[str, str] | None = None  # what is written about a class: text, color, shortcut
    flag: str | None = None  # a mark on a sample that comes with a note: "look" or "example"
    reason: Reason | None = None  # why this sample was labeled or skipped
    # The number of the event that an undo takes back, or of the answer that a label or skip continues (`continued`).
    of: int | None = None
    name: str | None = None  # what people call the sample (`Items.words`)
    since: float | None = None  # when an answer that goes on was given, in seconds since 1970
    stamp: str | None = None  # what the sample was when it was labeled (`Items.stamp`)
    note: str | None = None  # why a sample was left out; None if the person cannot tell its class
    key: str | None = None  # chosen by the client; a second request with the same key is the same event
    samples: Mapping[str, Reason] | None = None  # ids and reasons of a lease
    tab: str | None = None  # which of the person's browser tabs holds the lease
    until: float | None = None  # when the lease ends, in seconds since 1970


@dataclass(frozen=True, kw_only=True)
class Event(Act):
    """One line of the journal: an act that was recorded."""

    number: int  # 1, 2, 3, … without gaps
    time: float  # in seconds since 1970

    @property
    def answered(self) -> float:
        """When somebody decided this, in seconds since 1970."""
        return self.time if self.since is None else self.since


def continued(event: Event, sample: str, name: str, stamp: str | None) -> Act:
    """An answer that goes on for a sample with another id, name, or stamp; who said what, and why, stays."""
    return Act(
        kind=event.kind,
        person=event.person,
        sample=sample,
        label=event.label,
        reason=event.reason,
        of=event.number,
        name=name,
        since=event.answered,
        stamp=stamp,
        note=event.note,
    )


def called(event: Event) -> str:
    """What people called the sample of an answer; its id if the answer is older than names in the journal."""
    return event.name or f"sample {event.sample}"


_FIELDS = {field.name for field in fields(Event)}
_KINDS = get_args(Kind)
_NEEDED = {"kind", "person", "number", "time"}
_ALSO = {"label": {"sample", "label"}, "skip": {"sample"}}  # what else events of a kind need
_LATEST = 253_402_300_799  # the end of the year 9999, in seconds since 1970: no date can be later


class Journal:
    """An append-only file of events, shared by processes. Threads take turns with one object: see `Ledger`.

    The file is made when the first event is written. Raises StorageError if it cannot be read, or if a line before the
    last one is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notices: list[str] = []  # sentences about damage that was cut off
        self.events: list[Event] = []  # all that were read so far, in order
        self._end = 0  # byte after the last event read; what follows is new, or was never acknowledged
        self._file: int | None = None  # open, and locked against other processes, while this object writes
        self.refresh()

    def __len__(self) -> int:
        return len(self.events)

    def refresh(self) -> None:
        """Reads what other processes have added since."""
        if self._file is not None:  # nobody can have added anything, and a second lock would wait for the first
            return
        with storage_errors("read", self.path):
            try:
                file = os.open(self.path, os.O_RDONLY)
            except FileNotFoundError:
                return
            try:
                fcntl.flock(file, fcntl.LOCK_SH)
                self._read(file, repair=False)
            finally:
                os.close(file)

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Locks the file, so a decision made inside knows every event."""
        if self._file is not None:  # `extend` inside its caller's block
            yield
            return
        with storage_errors("write", self.path):
            file = self._open()
        try:
            with storage_errors("write", self.path):
                fcntl.flock(file, fcntl.LOCK_EX)
                self._read(file, repair=True)
            self._file = file
            yield
        finally:
            self._file = None
            os.close(file)  # this unlocks it

    def append(self, *, durable: bool = True, **values: object) -> Event:
        """Adds one event; see `extend`."""
        (event,) = self.extend([values], durable=durable)
        return event

    def extend(self, events: Sequence[Mapping[str, object]], *, durable: bool = True) -> list[Event]:
        """Adds events, given by the fields of an `Act`, with one write; they are on the disk when this returns.

        Without ``durable`` the next durable event, or the system, brings them to the disk. That is enough for leases:
        if one is lost, its sample is only handed out again. On StorageError (a full disk), the journal is as it was.
        """
        if not events:
            return []
        with self.writing():
            now, first = time.time(), len(self.events) + 1
            fields_of = (cast(JsonObject, values) for values in events)
            added = [Event(number=number, time=now, **each) for number, each in enumerate(fields_of, first)]
            data = "".join(map(line_of, added)).encode()
            with storage_errors("write", self.path):
                self._write(data, durable)
            # Only now: if anything before fails, the next read starts behind the last acknowledged event.
            self.events += added
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
                os.fsync(folder)  # without its name on the disk, a file with acknowledged labels could vanish
            finally:
                os.close(folder)
            return file

    def _write(self, data: bytes, durable: bool) -> None:
        assert self._file is not None
        try:
            while data:  # the system may take a part only
                data = data[os.write(self._file, data) :]
            if durable:
                os.fsync(self._file)
        except BaseException:
            # The caller hears that nothing was recorded, so nothing may be left for the next reader.
            os.ftruncate(self._file, self._end)
            raise

    def _read(self, file: int, *, repair: bool) -> None:
        """Parses what follows the last event read; ``repair`` cuts off an unfinished end."""
        size = os.fstat(file).st_size
        if size == self._end:
            return
        if size < self._end:
            raise StorageError(f"{self.path} became shorter while it was in use: put it back and start again.")
        data = os.pread(file, size - self._end, self._end)
        whole = data.rfind(b"\n") + 1
        new: list[Event] = []
        at = 0
        while at < whole:
            stop = data.index(b"\n", at) + 1
            number = len(self.events) + len(new) + 1
            event = event_of(data[at:stop])
            if event is None or event.number != number:
                if stop < len(data) or _is_json(data[at:stop]):
                    raise StorageError(
                        f"{self.path}, line {number}, is not event {number}: the journal is damaged. "
                        f"`iale repair {self.path.parent}` shows the line, keeps a copy, and sets it aside."
                    )
                break  # after a power cut, the end of a write may be on the disk without its beginning
            new.append(event)
            at = stop
        # Writers alone repair: whoever only looks at a project may lack the right to change it.
        if repair and at < len(data):
            os.ftruncate(file, self._end + at)
            os.fsync(file)
            self.notices.append(
                f"the last line of {self.path.name} was unfinished ({len(data) - at} bytes) and was cut off: the label "
                f"in it was never acknowledged."
            )
        self.events += new
        self._end += at


def line_of(event: Event) -> str:
    """An event as a line, with its end."""
    return to_json({key: value for key, value in asdict(event).items() if value is not None}) + "\n"


def event_of(line: bytes) -> Event | None:
    """The event in a line, or None if it holds none; every field is checked."""
    try:
        values = json.loads(line)
        # A later version may write fields that this one does not know.
        known = {key: value for key, value in values.items() if key in _FIELDS and value is not None}
    except (ValueError, RecursionError, AttributeError):
        return None
    if not known.keys() >= _NEEDED or known["kind"] not in _KINDS:
        return None
    if not all(known.get(name) for name in _ALSO.get(known["kind"], ())):
        return None
    return Event(**known) if all(_fits(name, value) for name, value in known.items()) else None


def _fits(name: str, value: object) -> bool:
    if name in ("number", "of"):
        return isinstance(value, int) and not isinstance(value, bool) and value > 0
    if name in ("time", "since", "until"):
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and (name == "until" or 0 <= cast(float, value) <= _LATEST)
    if name in ("samples", "about"):
        return isinstance(value, dict) and all(map(_is_text, value.values()))
    return _is_text(value)


def _is_text(value: object) -> bool:
    """Whether a value is a text that can be written to a file: half of a pair of surrogates is none."""
    if not isinstance(value, str):
        return False
    try:
        return value.isascii() or bool(value.encode())
    except UnicodeEncodeError:
        return False


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True
