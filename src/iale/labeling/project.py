"""A labeling project that people work on: hand out samples, record answers, undo them, add classes, fit."""

from __future__ import annotations

import contextlib
import functools
import itertools
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from iale.errors import ConfigError, DataError, StorageError
from iale.executors import ProcessExecutor
from iale.labeling._beginning import begin, go_on
from iale.labeling.fitting._process import Fitter
from iale.labeling.forecast._maker import StatusMaker
from iale.labeling.forecast.status import Status
from iale.labeling.items._items import Items, open_items
from iale.labeling.queue._answering import record, undoing
from iale.labeling.queue._carrying import carried, named
from iale.labeling.queue._first import First
from iale.labeling.queue._handing import Handing
from iale.labeling.queue._opening import open_ledger
from iale.labeling.reader import ProjectReader
from iale.labeling.record._config_file import has_config, opened_config
from iale.labeling.record._fits import Guess
from iale.labeling.record._journal import Act, Event, Reason
from iale.labeling.record._names import brief, class_name, clean
from iale.labeling.record.config import ProjectConfig

_P = ParamSpec("_P")
_T = TypeVar("_T")


def _told(method: Callable[Concatenate[ProjectReader, _P], _T]) -> Callable[Concatenate[Project, _P], _T]:
    """A method of the reader, offered by the project that has it."""

    @functools.wraps(method)
    def tell(self: Project, /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        return method(self.reader, *args, **kwargs)

    return tell


@dataclass(frozen=True)
class Ticket:
    """One sample that was handed to a person.

    Attributes:
        sample: its id.
        reason: why it is asked for.
        until: when the lease ends, in seconds since 1970.
        guess: classes with their probabilities by the last finished model, best first. It is empty before the first
            fit, and for samples of the test share and second opinions, because it would bias the answer.
    """

    sample: str
    reason: Reason
    until: float
    guess: Guess = ()


class Project:
    """A project that people work on. It offers what its reader tells, and records what people do.

    Threads may share it, and other processes may write to the project in turn.

    Args:
        folder: of the project.
        config: what the project is made for.
        items: its samples; by default they are opened.

    Attributes:
        reader: tells what the project holds; its attributes are the project's, too.
    """

    def __init__(self, folder: Path, config: ProjectConfig, items: Items | None = None) -> None:
        items = items or open_items(config.data, resize=config.resize, table=config.table)
        self._ledger = open_ledger(folder, items, config.classes)
        self.reader = reader = ProjectReader(folder, config, items, self._ledger)
        self.folder, self.config, self.shares, self.fits = folder, config, reader.shares, reader.fits
        self.items, self.kind, self.count = reader.items, reader.kind, reader.count
        self._handing = Handing(items, reader.shares, self._ledger, reader.holds, reader.shows, config)
        self._handing.first = First(folder, reader.items, reader.shares, config.seed)
        self._lease_seconds, self._status = 60 * config.lease_minutes, StatusMaker(reader)
        self._fitter: Fitter | None = None
        if named(self._ledger.answers, items, reader.holds):
            with contextlib.suppress(StorageError), self._ledger.writing() as answers:  # who only looks may not write
                self._ledger.extend(named(answers, items, reader.holds))

    @classmethod
    def open(cls, folder: Path | str, *, data: Path | None = None) -> Project:
        """Opens a project to work on it; as `ProjectReader.open`."""
        folder = Path(folder)
        return cls(folder, opened_config(folder, data))

    @classmethod
    def create(cls, folder: Path | str, config: ProjectConfig) -> Project:
        """Makes a project; raises ConfigError if the folder holds one, DataError if there is nothing to label."""
        folder = Path(folder)
        if has_config(folder):
            raise ConfigError(f"{folder} holds a project already: open it, or name another folder.")
        return cls(folder, *begin(folder, config))  # if this fails, nothing is written

    @classmethod
    def create_or_open(cls, folder: Path | str, config: ProjectConfig) -> Project:
        """Goes on with the project in ``folder``, or makes one.

        The strategy, the classifier and its training may change, and classes may be added; one that people removed
        stays so. Raises ConfigError if the data, the resizing, the seed, the shares or the model of the embeddings
        differ from what they were.
        """
        folder = Path(folder)
        if not has_config(folder):
            return cls.create(folder, config)
        project = cls(folder, *go_on(folder, config))
        with project._ledger.reading() as answers:
            new = [label for label in config.classes if answers.classes.find(label) is None]
        for label in new:
            project.add_class("command line", label)
        return project

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in the order in which they were added."""
        return self.reader.classes

    @property
    def notices(self) -> list[str]:
        """Sentences about what was found damaged, passed over or changed."""
        return self.reader.notices

    changes = _told(ProjectReader.changes)
    can_fit = _told(ProjectReader.can_fit)
    name = _told(ProjectReader.name)
    path = _told(ProjectReader.path)
    show = _told(ProjectReader.show)
    labels = _told(ProjectReader.labels)
    labels_to_learn_from = _told(ProjectReader.labels_to_learn_from)
    labels_to_test_on = _told(ProjectReader.labels_to_test_on)
    labeled = _told(ProjectReader.labeled)
    skipped = _told(ProjectReader.skipped)
    decision = _told(ProjectReader.decision)
    decisions = _told(ProjectReader.decisions)
    answered = _told(ProjectReader.answered)
    set_aside = _told(ProjectReader.set_aside)
    missing = _told(ProjectReader.missing)
    history = _told(ProjectReader.history)
    people = _told(ProjectReader.people)
    answered_twice = _told(ProjectReader.answered_twice)

    @property
    def problem(self) -> str:
        """Why the last fit failed, or empty."""
        return "" if self._fitter is None else self._fitter.problem

    @property
    def fitting(self) -> bool:
        """Whether this object's fitting process is at work."""
        return self._fitter is not None and self._fitter.busy

    def start_fitting(self, process: ProcessExecutor | None = None) -> None:
        """Starts the fitting process, or takes over one; nothing else fits, after every few labels."""
        with self._ledger.lock:
            if self._fitter is None:
                self._fitter = Fitter(self.reader, self._ledger.lock, process)
                self._fitter.look()
            self._fitter.poke()

    def close(self) -> None:
        """Ends the fitting process."""
        with self._ledger.lock:
            fitter, self._fitter = self._fitter, None
        if fitter is not None:  # outside the lock: a fit that ends now waits for it
            fitter.stop()

    def status(self) -> Status:
        """Counts, accuracy, what another batch would bring, and whether to stop; cheap enough to poll."""
        return self._status.make(fitting=self.fitting, problem=self.problem)

    def next(self, person: str, count: int, *, tab: str = "", have: Collection[str] = ()) -> list[Ticket]:
        """Hands out samples to label, best first; fewer if there are no more. It never waits for a fit.

        What is away or cannot be read is passed over until it is back; if all is, DataError is raised.

        Args:
            person: who will label them.
            count: how many the tab wants to hold in all.
            tab: one of several browser tabs of the person; no two of them get the same sample.
            have: ids that the tab holds already: their leases are extended, and they are not handed out again. What
                else it was given and has not answered comes first.
        """
        person, tab, now = clean(person, "a person's name"), brief(tab) or "", time.time()
        held = set(map(self.items.ids.now, have))
        self.items.check()
        with self._ledger.writing() as answers:
            self._handing.take(self.fits.latest)
            mine = answers.leases_of(person, tab)
            given = {s: x.reason for s, x in mine.items() if s not in held and self.reader.shows(s)}
            given = dict(itertools.islice(given.items(), max(0, count - len(held))))
            soon = now + self._lease_seconds / 2
            late = {s: x.reason for s, x in mine.items() if (s in held or s in given) and x.until < soon}
            new = self._handing.choose(person, count - len(held) - len(given), now)
            if late or new:
                self._lease(person, tab, {**late, **new}, now + self._lease_seconds)
            given.update(new)
            return [
                Ticket(s, why, answers.leases[s].until, () if why in ("test", "second") else self.reader.guess(s))
                for s, why in given.items()
            ]

    def release(self, person: str, tab: str = "") -> None:
        """Gives back what a tab holds, so that others can have it at once."""
        person, tab = clean(person, "a person's name"), brief(tab) or ""
        with self._ledger.writing() as answers:
            mine = answers.leases_of(person, tab)
            if mine:
                self._lease(person, tab, {s: x.reason for s, x in mine.items()}, 0.0)

    def hold(self, person: str, samples: Sequence[str], reason: Reason = "query") -> None:
        """Reserves samples for a person who has chosen them, as if they had been handed out."""
        person = clean(person, "a person's name")
        with self._ledger.writing():
            for sample in samples:
                self.items.ids.index(sample)
            self._lease(person, "", dict.fromkeys(samples, reason), time.time() + self._lease_seconds)

    def label(self, person: str, sample: str, label: str, *, key: str = "", asked: bool = False) -> Event:
        """Records a label, also another one for a labeled sample; it is on the disk when this returns.

        The same label again, or the same key, records nothing and returns the event that is there already. Without
        ``asked`` it may be a correction on purpose. With it, the person answers what `next` gave: if somebody else has
        answered that meanwhile, it is a second opinion, and the other answer stays.

        Raises:
            DataError: there is no such sample or class, the person's name is unusable, or the file has changed since
                it was shown. If it is away, the label is recorded, and holds if the same file comes back.
            StorageError: the label cannot be written; nothing was recorded.
        """
        with self._ledger.writing() as answers:
            name = answers.classes.now(label)  # the class may have been renamed while a page was offline
            if name is None:
                raise DataError(f"{label[:40]!r} is not a class of this project: add it first.")
            act = Act(kind="label", person=person, sample=sample, label=name, key=key)
            event = record(self._ledger, self.items, self.reader.holds, act, asked=asked)
        self.poke()
        return event

    def skip(self, person: str, sample: str, *, note: str = "", key: str = "", asked: bool = False) -> Event | None:
        """Records that a person cannot tell, or, with a note, why the sample is left out; it is not asked for again.

        Nothing is recorded, and None returned, if a note comes with a file that is away, unreadable, or changed: no
        person has decided that, and it is asked for when it is back.
        """
        with self._ledger.writing():
            if brief(note) and self.items.changed(self.items.ids.index(sample)):
                return None
            act = Act(kind="skip", person=person, sample=sample, note=brief(note), key=key)
            event = record(self._ledger, self.items, self.reader.holds, act, asked=asked)
        self.poke()
        return event

    def undo(
        self, person: str, sample: str | None = None, *, act: str = "", key: str = "", tab: str = ""
    ) -> Event | None:
        """Takes back the person's last label or skip (of ``sample``); None if there is none.

        ``act`` is the key of the one that is meant: if that was not recorded, or was taken back, nothing is taken back.
        If no other answer to the sample remains, the tab holds it again.
        """
        person, key = clean(person, "a person's name"), brief(key) or ""
        with self._ledger.writing() as answers:
            asked = sample and self.items.ids.now(sample)
            if known := answers.sent(person, key, undoing(answers, person, asked, act)):
                return known
            last = answers.last_act(person, asked, act)
            if last is None or last.sample is None:
                return None
            undo = Act(kind="undo", person=person, sample=last.sample, name=last.name)
            acts = [replace(undo, of=last.number, key=key or None)]
            if last.reason == "second" or answers.answers(last.sample) == [last]:
                held, until = {last.sample: last.reason or "chosen"}, time.time() + self._lease_seconds
                acts.append(Act(kind="lease", person=person, tab=brief(tab), samples=held, until=until))
            event = self._ledger.extend(acts)[0]
        self.poke()
        return event

    def add_class(self, person: str, name: str, *, key: str = "") -> Event | None:
        """Adds a class, or brings back a removed one with its labels; None if there is one of that name."""
        person, name, key = clean(person, "a person's name"), class_name(name), brief(key) or ""
        with self._ledger.writing() as answers:
            if known := answers.sent(person, key, Act(kind="class", person=person, label=name)):
                return known
            if answers.classes.now(name) is not None:
                return None
            act = Act(kind="class", person=person, label=answers.classes.find(name) or name, key=key or None)
            return self._ledger.extend([act])[0]

    def add_labels(self, person: str, labels: Mapping[str, str], reason: Reason) -> int:
        """Records labels that come from elsewhere, by id, with one write; labels that are there already are left out.

        Unknown classes are added. Returns how many labels were recorded. Raises DataError for an unknown sample, before
        anything is written.
        """
        person = clean(person, "a person's name")
        with self._ledger.writing() as answers:
            names, new = answers.classes.meant(labels.values())
            acts = [Act(kind="class", person=person, label=name) for name in new]
            for given, label in labels.items():
                index = self.items.ids.index(given)
                sample = self.items.ids[index]
                before = answers.decisions.get(sample)
                if before is not None and self.reader.holds(before) and before.label == names[label]:
                    continue
                # A label that corrects another keeps its reason: a test sample must stay in the test share.
                why = reason if before is None or before.reason == "second" else before.reason
                act = Act(kind="label", person=person, sample=sample, label=names[label], reason=why)
                acts.append(replace(act, name=self.items.words(index), stamp=self.items.stamp(index) or None))
            self._ledger.extend(acts)
        self.poke()
        return len(acts) - len(new)

    def carry(self, taken: Mapping[str, str]) -> None:
        """Lets answers to each id (a key of ``taken``) go on for the sample that has the other id now.

        Who said what, when, and why stays, so the test share does, too. `iale.labeling.take_over` knows what fits.
        """
        with self._ledger.writing() as answers:
            self._ledger.extend(carried(answers, self.items, self.reader.holds, taken))
        self.poke()

    def _lease(self, person: str, tab: str, samples: Mapping[str, Reason], until: float) -> None:
        """Reserves samples, or gives them back if ``until`` is 0; inside `Ledger.writing`."""
        act = Act(kind="lease", person=person, tab=tab or None, samples=samples, until=until)
        self._ledger.extend([act], durable=False)

    def poke(self) -> None:
        """Lets the fitting process, if it was started, look for labels; changes made here have been looked at.

        Call it now and then if other processes may label, but not inside `Ledger.writing`, which holds them up.
        """
        fitter = self._fitter
        if fitter is not None:
            fitter.poke()
