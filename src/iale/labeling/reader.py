"""What a project holds: the samples, what people said about them, and what the fits say."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

from iale.labeling._views import ItemViews
from iale.labeling.items._items import Items, Shown, open_items
from iale.labeling.queue._left import Left
from iale.labeling.queue._opening import open_ledger
from iale.labeling.queue._queue import Shares
from iale.labeling.record._alone import SERVED_ELSEWHERE
from iale.labeling.record._config_file import drawn_by_name, opened_config
from iale.labeling.record._fits import Fits, Guess
from iale.labeling.record._journal import Event
from iale.labeling.record._ledger import Ledger
from iale.labeling.record._names import brief
from iale.labeling.record._notices import about_labels, about_samples
from iale.labeling.record.config import ProjectConfig


@dataclass(frozen=True)
class Labeled:
    """One labeled or skipped sample, as a gallery shows it.

    Attributes:
        sample: its id.
        label: the name of its class; None if it was skipped.
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


class Readable(Protocol):
    """A `Project`, which has a reader, or a `ProjectReader`, which is one."""

    @property
    def reader(self) -> ProjectReader:
        """What reads the project."""
        ...


class ProjectReader:
    """Reads a project and changes nothing. Threads may share it; other processes may write to the project meanwhile.

    Attributes:
        folder: of the project.
        config: what the project is made for.
        items: the samples, and how to show them.
        kind: what a sample is: "image", "text" or "row".
        count: the number of samples.
        shares: which samples are drawn for the test share and for second opinions.
        fits: what the classifier says so far.
        views: what the classifier learns from, and what strategies compare.
        served_elsewhere: whether another process fits the project, so that this one does not.
    """

    def __init__(
        self, folder: Path, config: ProjectConfig, items: Items | None = None, ledger: Ledger | None = None
    ) -> None:
        self.folder, self.config = folder, config
        self.items: Items = items or open_items(config.data, resize=config.resize, table=config.table)
        self.kind, self.count = self.items.kind, len(self.items)
        ids = self.items.ids
        drawn = ids if ids.former is None or drawn_by_name(folder) else ids.former
        self.shares = Shares(drawn, config.test_share, config.twice_share, config.seed)
        self.fits = Fits(folder, ids.now, lambda: self._ledger.answers.classes.renames)
        self.views = ItemViews(folder, config, self.items)
        self._ledger = ledger or open_ledger(folder, self.items, config.classes)
        self.served_elsewhere = False
        self._holding: dict[int, bool] = {}
        self._unshown: dict[int, str] = {}  # why samples were passed over, by index

    @classmethod
    def open(cls, folder: Path | str, *, data: Path | None = None) -> Self:
        """Opens a project; ``data`` says where its samples are now, if they were moved.

        Raises StorageError for a damaged or missing project, DataError if its samples are not where they were.
        """
        folder = Path(folder)
        return cls(folder, opened_config(folder, data))

    @property
    def reader(self) -> ProjectReader:
        """Itself, so a function that reads a project accepts either kind (`Readable`)."""
        return self

    @property
    def ledger(self) -> Ledger:
        """What is recorded; whoever records acts of another kind writes here."""
        return self._ledger

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in the order in which they were added."""
        with self._ledger.reading() as answers:
            return answers.classes.names

    @property
    def notices(self) -> list[str]:
        """Sentences about what was found damaged, passed over or changed."""
        latest = self.fits.latest
        unreadable = {} if latest is None else latest.unreadable
        told = [*about_labels(self.unclassed()), *about_samples(self.unshown(), unreadable)]
        elsewhere = [SERVED_ELSEWHERE] if self.served_elsewhere else []
        return [*elsewhere, *self._ledger.journal.notices, *self.items.notices, *told]

    def changes(self) -> int:
        """Answers, undos and new classes so far; what was computed from a project holds until this changes."""
        with self._ledger.reading():
            return self._ledger.changes

    def can_fit(self) -> bool:
        """Whether there are labels of at least two classes to learn from."""
        return len(set(self.labels_to_learn_from().values())) > 1

    def name(self, sample: str) -> str:
        """The path of an image below the folder, or the row of an array or table."""
        return self.items.name(self.items.ids.index(sample))

    def path(self, sample: str) -> Path:
        """The file of an image; raises DataError if it was deleted or changed since the project was opened."""
        return self.items.path(self.items.ids.index(sample))

    def show(self, sample: str) -> Shown:
        """The content of a sample for people: uint8 [H, W] or [H, W, 3], a text, or the cells of a row by column."""
        return self.items.show(self.items.ids.index(sample))

    def shows(self, sample: str) -> bool:
        """Whether a sample can be shown now: its file is there, has not changed, and was not passed over."""
        index = self.items.ids.find(sample)
        return index is not None and index not in self._unshown and not self.items.changed(index)

    def pass_over(self, sample: str, why: str) -> None:
        """Remembers that a page cannot show a sample. No person has decided that, so the journal does not hold it."""
        index = self.items.ids.index(sample)
        if not self.items.changed(index):  # otherwise it is asked for when it is back
            self._unshown[index] = brief(why) or ""

    def unshown(self) -> list[str]:
        """Why no page can show some samples that nobody has answered."""
        answered = self.answered() if self._unshown else ()
        return [why for index, why in dict(self._unshown).items() if index not in answered]

    def left(self) -> Left:
        """Why samples that nobody has answered are not handed out now. It looks at all of their files."""
        now, answered, held, away = time.time(), self.answered(), 0, 0
        with self._ledger.reading() as answers:
            leased = {sample for sample in answers.leases if answers.leased(sample, now)}
        for index, sample in enumerate(self.items.ids):
            if index not in answered and index not in self._unshown:
                gone = bool(self.items.changed(index))
                away, held = away + gone, held + (not gone and sample in leased)
        return Left(held, away, len(self.unshown()))

    def labels(self) -> dict[str, str]:
        """The class of every labeled sample that is there unchanged, by id, the latest decision last."""
        return self._labels(lambda event: True)

    def labels_to_learn_from(self) -> dict[str, str]:
        """The labels without those of the test share."""
        return self._labels(lambda event: not self._ledger.answers.tests(event))

    def labels_to_test_on(self) -> dict[str, str]:
        """The labels of the test share: a uniform draw from all samples except imported ones."""
        return self._labels(self._ledger.answers.tests)

    def labeled(self, label: str | None = None, offset: int = 0, count: int = 100) -> list[Labeled]:
        """Labeled samples of a class, or of all, the latest change first."""
        return self._page(lambda event: event.kind == "label" and label in (None, event.label), offset, count)

    def skipped(self, offset: int = 0, count: int = 100) -> list[Labeled]:
        """Samples that were skipped, the latest first."""
        return self._page(lambda event: event.kind == "skip", offset, count)

    def decision(self, sample: str) -> Event | None:
        """The label or skip that holds for a sample now; None if nobody has answered."""
        with self._ledger.reading() as answers:
            return answers.decisions.get(sample)

    def decisions(self) -> dict[str, Event]:
        """The label or skip of every answered sample that is there unchanged, the latest decision last."""
        with self._ledger.reading():
            return dict(self._decided())

    def answered(self) -> set[int]:
        """The indices of all samples that need no label: they are answered, and there unchanged."""
        return {self.items.ids.index(sample) for sample in self.decisions()}

    def set_aside(self) -> list[Event]:
        """Answers that are kept and not used; the latest one last.

        Their samples are gone or have changed, or their classes were removed.
        """
        with self._ledger.reading() as answers:
            return [event for event in answers.decisions.values() if not self.holds(event)]

    def missing(self) -> int:
        """How many answers are set aside because their samples are gone or have changed."""
        with self._ledger.reading() as answers:
            return sum(answers.classed(event) for event in self.set_aside())

    def history(self, sample: str) -> list[Event]:
        """All that happened to a sample: labels, skips and undos."""
        with self._ledger.reading() as answers:
            return answers.history(sample)

    def people(self) -> dict[str, int]:
        """How many samples carry each person's label."""
        with self._ledger.reading() as answers:
            return answers.people()

    def answered_twice(self) -> list[tuple[Event, Event]]:
        """Independent answers of two people to one sample each."""
        with self._ledger.reading() as answers:
            return list(answers.pairs())

    def guess(self, sample: str) -> Guess:
        """What the last finished model says about a sample, best first; empty if it says nothing."""
        latest = self.fits.latest
        return () if latest is None else latest.guesses.get(sample, ())

    def was_handed(self, person: str, sample: str) -> bool:
        """Whether a person was ever given a sample to label."""
        sample = self.items.ids.now(sample)
        with self._ledger.reading():
            leases = (e.samples or {} for e in self._ledger.journal.events if (e.kind, e.person) == ("lease", person))
            return any(sample in map(self.items.ids.now, samples) for samples in leases)

    def holds(self, event: Event) -> bool:
        """Whether an answer counts: its sample is there, is what it was, and its label is a class of the project."""
        return self._ledger.answers.classed(event) and self._same(event)

    def unclassed(self) -> list[Event]:
        """Labels that are kept and not used, because they never were a class of the project; the latest one last."""
        with self._ledger.reading() as answers:
            find = answers.classes.find
            return [event for event in answers.decisions.values() if event.label and find(event.label) is None]

    def _same(self, event: Event) -> bool:
        """Whether the sample of an answer is there and is what it was when it was answered.

        The file is looked at once for each answer: what happens to it later shows when the project is opened again.
        """
        if event.number not in self._holding:
            index = self.items.ids.find(event.sample or "")
            same = index is not None and self.items.fits(index, event.stamp or "")
            self._holding[event.number] = same
        return self._holding[event.number]

    def _labels(self, wanted: Callable[[Event], bool]) -> dict[str, str]:
        with self._ledger.reading():
            return {s: event.label for s, event in self._decided() if event.label is not None and wanted(event)}

    def _page(self, wanted: Callable[[Event], bool], offset: int, count: int) -> list[Labeled]:
        with self._ledger.reading():
            found = ((s, event) for s, event in self._decided(newest=True) if wanted(event))
            return [
                Labeled(s, event.label, event.person, event.answered, event.note or "", self.guess(s))
                for s, event in itertools.islice(found, offset, offset + count)
            ]

    def _decided(self, *, newest: bool = False) -> Iterator[tuple[str, Event]]:
        """Decisions on samples that are there unchanged; to be used inside `Ledger.reading`."""
        decisions = self._ledger.answers.decisions
        for sample in reversed(decisions) if newest else decisions:
            if self.holds(decisions[sample]):
                yield sample, decisions[sample]
