"""A project's journal with the state that its events add up to, behind the project's one lock."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from iale.labeling.record._answers import Answers
from iale.labeling.record._journal import Act, Event, Journal


class Ledger:
    """What has happened in a project, and what it adds up to.

    Threads take turns through ``lock``, the only lock of a project in this process; processes take turns through the
    lock of the journal's file. The file's lock is always taken inside ``lock``, so the two cannot block each other.

    Args:
        folder: of the project.
        meant: what an event says about the samples there are now, or None if it says nothing; by default as it stands.
        classes: with which the project was made.
    """

    def __init__(
        self, folder: Path, meant: Callable[[Event], Event | None] | None = None, classes: Iterable[str] = ()
    ) -> None:
        self._meant = meant
        self.lock = threading.RLock()  # re-entrant, so what is called inside `reading` or `writing` may use them again
        self.journal = Journal(folder / "journal.jsonl")
        self.answers = Answers(classes)  # the state after all events: look at it inside `reading` or `writing` only
        self.changes = self._applied = 0  # answers, undos and new classes so far; leases are not counted
        self._apply()

    @contextlib.contextmanager
    def reading(self) -> Iterator[Answers]:
        """Keeps other threads out, with the events of other processes taken into account."""
        with self.lock:
            self.journal.refresh()
            self._apply()
            yield self.answers

    @contextlib.contextmanager
    def writing(self) -> Iterator[Answers]:
        """Keeps other threads and other processes out, so that no answer can come between a look and a write."""
        with self.lock, self.journal.writing():
            self._apply()
            yield self.answers

    def extend(self, acts: Sequence[Act], *, durable: bool = True) -> list[Event]:
        """Records acts, inside `writing`; they are on the disk when this returns (`Journal.extend`)."""
        added = self.journal.extend([vars(act) for act in acts], durable=durable)
        self._apply()
        return added

    def _apply(self) -> None:
        while self._applied < len(self.journal):
            event = self.journal.events[self._applied]
            meant = event if self._meant is None else self._meant(event)
            if meant is not None:
                self.answers.apply(meant)
            self.changes += event.kind != "lease"
            self._applied += 1
