"""What a project holds: the samples, the journal and what it comes to, and what the fits say."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from iale.labeling.items._items import ItemKind, Items, Shown, open_items
from iale.labeling.queue._queue import Shares
from iale.labeling.record._answers import Answers
from iale.labeling.record._fits import Fits
from iale.labeling.record._journal import Event, Journal
from iale.labeling.record.config import ProjectConfig, load_config

JOURNAL = "journal.jsonl"
Guess = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Labeled:
    """One labeled or skipped sample, as a gallery shows it.

    Attributes:
        sample: its id.
        label: the name of its class; None where it was skipped.
        person: who decided.
        time: when, in seconds since 1970.
        note: why it was left out.
        guess: classes with their probabilities by the last finished model, best first.
    """

    sample: str
    label: str | None
    person: str
    time: float
    note: str = ""
    guess: Guess = ()


class ProjectReader:
    """A project that is looked at. Threads may share it; other processes may write to it.

    Args:
        folder: where it lies.
        config: what was asked for.
        items: its samples; by default they are opened.

    Attributes:
        folder: where it lies.
        config: what was asked for.
        items: the samples and how to show them.
        shares: which samples are drawn for the test share and for second opinions.
        fits: what the classifier says so far.
    """

    def __init__(self, folder: Path, config: ProjectConfig, items: Items | None = None) -> None:
        self.folder, self.config = folder, config
        self.items: Items = items or open_items(config.data, resize=config.resize)
        self.shares = Shares(self.items.ids, config.test_share, config.twice_share, config.seed)
        self.fits = Fits(folder)
        self._journal = Journal(folder / JOURNAL)
        self._answers = Answers()
        self._applied = self._changes = 0
        self._stamps: dict[int, bool] = {}
        self._lock = threading.RLock()
        self._sync()

    @classmethod
    def open(cls, folder: Path | str, *, data: Path | None = None) -> Self:
        """Opens a project; ``data`` says where its samples have been moved.

        Raises:
            StorageError: there is no project, or its files are damaged.
            DataError: its samples are not where they were.
        """
        folder = Path(folder)
        return cls(folder, load_config(folder, data))

    @property
    def kind(self) -> ItemKind:
        """What a sample is: "image", "text" or "row"."""
        return self.items.kind

    @property
    def count(self) -> int:
        """The number of samples."""
        return len(self.items)

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in the order in which they were added."""
        with self._reading():
            return self._classes()

    @property
    def version(self) -> int:
        """Events so far; what was computed from a project holds until this changes."""
        with self._reading():
            return self._applied

    def changes(self) -> int:
        """Answers, undos and new classes so far."""
        with self._reading():
            return self._changes

    def can_fit(self) -> bool:
        """Whether labels of at least two classes are there to learn from."""
        return len(set(self.labels_to_learn_from().values())) > 1

    def answered(self) -> set[int]:
        """The indices of all samples that need no label: answered, and there unchanged."""
        with self._reading():
            return {self.items.ids.index(sample) for sample, _ in self._decided()}

    @property
    def notices(self) -> list[str]:
        """Sentences on what was found damaged, passed over or changed."""
        notices = [*self._journal.notices, *self.items.notices]
        latest = self.fits.latest
        if latest is not None and latest.unreadable:
            first = next(iter(latest.unreadable.values()))
            notices.append(f"the last fit passed over {len(latest.unreadable)} samples: {first}")
        return notices

    def name(self, sample: str) -> str:
        """The path of an image below the folder, or the row of an array or table."""
        return self.items.name(self.items.ids.index(sample))

    def path(self, sample: str) -> Path:
        """The file of an image; raises DataError where it was deleted or changed since the project was opened."""
        return self.items.path(self.items.ids.index(sample))

    def show(self, sample: str) -> Shown:
        """The content of a sample for people: uint8 [H, W] or [H, W, 3], a text, or the cells of a row by column."""
        return self.items.show(self.items.ids.index(sample))

    def labels(self) -> dict[str, str]:
        """The class of every labeled sample that is there unchanged, by id, the latest decision last."""
        with self._reading():
            return {sample: event.label for sample, event in self._decided() if event.label is not None}

    def labels_to_learn_from(self) -> dict[str, str]:
        """The labels without those of the test share."""
        with self._reading():
            return {s: e.label for s, e in self._decided() if e.label is not None and e.reason != "test"}

    def labels_to_test_on(self) -> dict[str, str]:
        """The labels of the test share: a uniform draw from all samples but those that were imported."""
        with self._reading():
            return {s: e.label for s, e in self._decided() if e.label is not None and e.reason == "test"}

    def counts(self) -> dict[str, int]:
        """Labeled samples by class."""
        counts = dict.fromkeys(self.classes, 0)
        for label in self.labels().values():
            counts[label] += 1
        return counts

    def labeled(self, label: str | None = None, offset: int = 0, count: int = 100) -> list[Labeled]:
        """Labeled samples of a class, or of all, the latest change first."""
        return self._page(lambda event: event.kind == "label" and label in (None, event.label), offset, count)

    def skipped(self, offset: int = 0, count: int = 100) -> list[Labeled]:
        """Samples that were skipped, the latest first."""
        return self._page(lambda event: event.kind == "skip", offset, count)

    def decision(self, sample: str) -> Event | None:
        """What a sample is said to be now: a label or a skip; None where nothing was said."""
        with self._reading():
            return self._answers.decisions.get(sample)

    def decisions(self) -> dict[str, Event]:
        """What every answered sample that is there unchanged is said to be, the latest decision last."""
        with self._reading():
            return dict(self._decided())

    def history(self, sample: str) -> list[Event]:
        """All that happened to a sample: labels, skips and undos."""
        with self._reading():
            return self._answers.history(sample)

    def people(self) -> dict[str, int]:
        """Who labeled how many."""
        with self._reading():
            return self._answers.people()

    def answered_twice(self) -> list[tuple[Event, Event]]:
        """Answers of two people who did not know of each other, on one sample each."""
        with self._reading():
            return list(self._answers.pairs())

    def missing(self) -> int:
        """Answered samples whose file was deleted or has changed; the answers are kept and not used."""
        with self._reading():
            return len(self._answers.decisions) - sum(1 for _ in self._decided())

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        with self._lock:
            self._journal.refresh()
            self._sync()
            yield

    def _sync(self) -> None:
        """Takes the journal's new events into account."""
        while self._applied < len(self._journal):
            self._take(self._journal.events[self._applied])
            self._applied += 1

    def _take(self, event: Event) -> None:
        self._answers.apply(event)
        self._changes += event.kind != "lease"

    def _classes(self) -> tuple[str, ...]:
        return (*self.config.classes, *self._answers.added)

    def _page(self, wanted: Callable[[Event], bool], offset: int, count: int) -> list[Labeled]:
        with self._reading():
            found = (event for _, event in self._decided(newest=True) if wanted(event))
            return [self._labeled(event) for event in itertools.islice(found, offset, offset + count)]

    def _labeled(self, event: Event) -> Labeled:
        sample = event.sample or ""
        return Labeled(sample, event.label, event.person, event.time, event.note or "", self._guess(sample))

    def _guess(self, sample: str) -> Guess:
        latest = self.fits.latest
        return () if latest is None else latest.guesses.get(sample, ())

    def _decided(self, *, newest: bool = False) -> Iterator[tuple[str, Event]]:
        """Decisions on samples that are there and unchanged."""
        decisions = self._answers.decisions
        for sample in reversed(decisions) if newest else decisions:
            if self._holds(decisions[sample]):
                yield sample, decisions[sample]

    def _holds(self, event: Event) -> bool:
        """Whether the sample of an answer is there and what it was then; looked up once for each answer."""
        if event.number not in self._stamps:
            index = self.items.ids.find(event.sample or "")
            holds = index is not None and (event.stamp is None or self.items.fits(index, event.stamp))
            self._stamps[event.number] = holds
        return self._stamps[event.number]
