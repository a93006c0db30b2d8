"""A labeling project that people work on: hand out samples, record answers, undo them, add classes, fit."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iale.errors import ConfigError, DataError
from iale.labeling.fitting._process import Fitter
from iale.labeling.forecast.status import Status, StatusMaker
from iale.labeling.items._items import Items, open_items
from iale.labeling.queue._first import first_ones
from iale.labeling.queue._handing import Handing
from iale.labeling.reader import Guess, Labeled, ProjectReader
from iale.labeling.record._journal import Event, Reason
from iale.labeling.record.config import CONFIG, FIXED, ProjectConfig, brief, clean, load_config, save_config

__all__ = ["Labeled", "Project", "ProjectConfig", "ProjectReader", "Ticket"]


@dataclass(frozen=True)
class Ticket:
    """One sample that was handed to a person.

    Attributes:
        sample: its id.
        reason: why it is asked for.
        until: when the lease ends, in seconds since 1970.
        guess: classes with their probabilities by the last finished model, best first; empty where there is none, and
            for samples of the test share and second opinions, which the guess would bias.
    """

    sample: str
    reason: Reason
    until: float
    guess: Guess = ()


class Project(ProjectReader):
    """A project that is worked on. Threads may share it; other processes may have it open, too, and write by turns."""

    _handing: Handing | None = None

    def __init__(self, folder: Path, config: ProjectConfig, items: Items | None = None) -> None:
        super().__init__(folder, config, items)
        handing = Handing(self.items.ids, self.shares, self._answers, self._holds, config)
        handing.queue.first = first_ones(folder, self.items, self.shares, config.seed)
        handing.take(self.fits.latest)
        self._handing = handing
        self._fitter: Fitter | None = None
        self._status = StatusMaker(self)

    @classmethod
    def create(cls, folder: Path | str, config: ProjectConfig) -> Project:
        """Makes a project; raises ConfigError where there is one, DataError where there is nothing to label."""
        folder = Path(folder)
        if (folder / CONFIG).exists():
            raise ConfigError(f"{folder} holds a project already: open it, or name another folder.")
        items = open_items(config.data, resize=config.resize)  # before anything is written
        save_config(folder, config)
        return cls(folder, config, items)

    @classmethod
    def create_or_open(cls, folder: Path | str, config: ProjectConfig) -> Project:
        """Goes on with the project in ``folder``, or makes one.

        Strategy, classifier and its training may differ from what they were, classes may be added. Raises ConfigError
        where the data, the seed or the shares differ.
        """
        folder = Path(folder)
        if not (folder / CONFIG).exists():
            return cls.create(folder, config)
        before = load_config(folder)
        if before.data.exists() and config.data.resolve() != before.data.resolve():
            raise ConfigError(f"{folder} is the project of {before.data}, not of {config.data}: name another folder.")
        for name in FIXED:
            if getattr(before, name) != getattr(config, name):
                raise ConfigError(
                    f"{folder} was made with the {name.replace('_', ' ')} {getattr(before, name)}, which stays: name "
                    f"another folder to use {getattr(config, name)}."
                )
        now = dataclasses.replace(config, classes=before.classes)
        if now != dataclasses.replace(before, data=config.data):
            save_config(folder, now)
        project = cls(folder, now)
        for label in config.classes:
            project.add_class("command line", label)
        return project

    @property
    def problem(self) -> str:
        """Why the last fit failed, or empty."""
        return "" if self._fitter is None else self._fitter.problem

    @property
    def fitting(self) -> bool:
        """Whether the fitting process of this object is at work."""
        return self._fitter is not None and self._fitter.busy

    def start_fitting(self) -> None:
        """Starts the fitting process, which fits whenever enough labels have come; without it nothing is fitted."""
        with self._lock:
            if self._fitter is None:
                known = self.fits.all[-1].answered if self.fits.all else 0
                self._fitter = Fitter(self, self.config.fit_every, known)
            self._fitter.poke()

    def close(self) -> None:
        """Ends the fitting process."""
        with self._lock:
            fitter, self._fitter = self._fitter, None
        if fitter is not None:
            fitter.stop()

    def status(self) -> Status:
        """Counts, accuracy, what another batch would bring, and whether to stop; cheap enough to poll."""
        return self._status.make(fitting=self.fitting, problem=self.problem)

    def next(self, person: str, count: int, *, tab: str = "", have: Collection[str] = ()) -> list[Ticket]:
        """Hands out samples to label, best first; fewer where there are no more. It never waits for a fit.

        Args:
            person: who will label them.
            count: how many the tab wants to hold in all.
            tab: one of several windows of the person; none of them gets a sample of another.
            have: ids that the tab holds already: they are kept for it longer and not handed out again. What else it
                was given and has not answered comes first.
        """
        person, tab, held, now = clean(person, "a person's name"), brief(tab) or "", set(have), time.time()
        lease = 60 * self.config.lease_minutes
        with self._writing():
            handing = self._handing
            assert handing is not None
            handing.take(self.fits.latest)
            mine = self._answers.leases_of(person, tab)
            given = {s: x.reason for s, x in mine.items() if s not in held}
            given = dict(itertools.islice(given.items(), max(0, count - len(held))))
            late = {s: x.reason for s, x in mine.items() if (s in held or s in given) and x.until < now + lease / 2}
            new = handing.choose(person, count - len(held) - len(given), now)
            if late or new:
                self._extend([_lease(person, tab, {**late, **new}, now + lease)], durable=False)
            given.update(new)
            leases = self._answers.leases
            return [
                Ticket(s, reason, leases[s].until, () if reason in ("test", "second") else self._guess(s))
                for s, reason in given.items()
            ]

    def release(self, person: str, tab: str = "") -> None:
        """Gives back what a tab holds, so that others may have it at once."""
        person, tab = clean(person, "a person's name"), brief(tab) or ""
        with self._writing():
            mine = self._answers.leases_of(person, tab)
            if mine:
                self._extend([_lease(person, tab, {s: x.reason for s, x in mine.items()}, 0.0)], durable=False)

    def hold(self, person: str, samples: Sequence[str], reason: Reason = "query") -> None:
        """Keeps samples for a person who has chosen them, as if they had been handed out."""
        person = clean(person, "a person's name")
        with self._writing():
            for sample in samples:
                self.items.ids.index(sample)
            until = time.time() + 60 * self.config.lease_minutes
            self._extend([_lease(person, "", dict.fromkeys(samples, reason), until)], durable=False)

    def label(self, person: str, sample: str, label: str, *, key: str = "") -> Event:
        """Records a label, also another one for a labeled sample; it is on the disk when this returns.

        The same label again, or the same key, records nothing and returns the event there is.

        Raises:
            DataError: there is no such sample, class or person's name, or the file has changed.
            StorageError: it cannot be written; nothing was recorded.
        """
        with self._writing():
            if label not in self._classes():
                raise DataError(f"{label[:40]!r} is no class of this project: add it first.")
            return self._answer(person, sample, key, kind="label", label=label)

    def skip(self, person: str, sample: str, *, note: str = "", key: str = "") -> Event:
        """Records that a person cannot tell, or, with a note, why the sample is left out; it is not asked for again."""
        with self._writing():
            return self._answer(person, sample, key, kind="skip", note=brief(note))

    def undo(self, person: str, sample: str | None = None, *, key: str = "", tab: str = "") -> Event | None:
        """Takes back the person's last label or skip (of ``sample``); None where there is none.

        Where nothing else is said of the sample, the tab holds it again.
        """
        person, key = clean(person, "a person's name"), brief(key) or ""
        with self._writing():
            if known := self._answers.keys.get((person, key)):
                return known
            act = self._answers.last_act(person, sample)
            if act is None or act.sample is None:
                return None
            undo = {"kind": "undo", "person": person, "sample": act.sample, "of": act.number, "key": key or None}
            until = time.time() + 60 * self.config.lease_minutes
            again = _lease(person, brief(tab) or "", {act.sample: act.reason or "chosen"}, until)
            open_again = act.reason == "second" or self._answers.answers(act.sample) == [act]
            event = self._extend([undo, again] if open_again else [undo])[0]
            self._poke()
            return event

    def add_class(self, person: str, name: str, *, key: str = "") -> Event | None:
        """Adds a class; None where there is one of that name."""
        person, name, key = clean(person, "a person's name"), clean(name, "the name of a class"), brief(key) or ""
        with self._writing():
            if known := self._answers.keys.get((person, key)):
                return known
            if name in self._classes():
                return None
            return self._extend([{"kind": "class", "person": person, "label": name, "key": key or None}])[0]

    def add_labels(self, person: str, labels: Mapping[str, str], reason: Reason) -> int:
        """Records labels by id that come from elsewhere, with one write; those that are there already are left out.

        Classes that are not there yet are added. Returns how many were recorded. Raises DataError for an unknown
        sample, before anything is written.
        """
        person = clean(person, "a person's name")
        names = [clean(name, "the name of a class") for name in dict.fromkeys(labels.values())]
        with self._writing():
            events: list[dict[str, Any]] = [
                {"kind": "class", "person": person, "label": name} for name in names if name not in self._classes()
            ]
            for sample, label in labels.items():
                index = self.items.ids.index(sample)
                before = self._answers.decisions.get(sample)
                if before is not None and self._holds(before) and before.label == label.strip():
                    continue
                why = reason if before is None or before.reason == "second" else before.reason
                stamp = self.items.stamp(index) or None
                values = {"sample": sample, "label": label.strip(), "reason": why, "stamp": stamp}
                events.append({"kind": "label", "person": person, **values})
            self._extend(events)
            self._poke()
            return sum(event["kind"] == "label" for event in events)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        with self._lock, self._journal.writing():
            self._sync()
            yield

    def _extend(self, events: Sequence[Mapping[str, Any]], *, durable: bool = True) -> list[Event]:
        added = self._journal.extend(events, durable=durable)
        self._sync()
        return added

    def _take(self, event: Event) -> None:
        super()._take(event)
        if self._handing is not None and event.sample is not None:
            self._handing.answered(event.sample)

    def _answer(self, person: str, sample: str, key: str, **values: Any) -> Event:
        person, key = clean(person, "a person's name"), brief(key) or ""
        if known := self._answers.keys.get((person, key)):
            return known
        index = self.items.ids.index(sample)
        reason = self._answers.reason(person, sample)
        before = self._answers.opinion(person, sample)
        repeated = before is self._answers.decisions.get(sample) or (not key and reason != "second")
        if before is not None and repeated and self._holds(before) and _says(before, values):
            return before
        if values["kind"] == "skip" and values["note"] and self.items.changed(index):
            stamp = None  # it is left out because there is nothing left to look at
        else:
            stamp = self.items.stamp(index) or None
        event = {"person": person, "sample": sample, "key": key or None, "reason": reason, "stamp": stamp, **values}
        (added,) = self._extend([event])
        self._poke()
        return added

    def _poke(self) -> None:
        if self._fitter is not None:
            self._fitter.poke()


def _says(event: Event, values: Mapping[str, Any]) -> bool:
    return event.kind == values["kind"] and event.label == values.get("label")


def _lease(person: str, tab: str, samples: Mapping[str, Reason], until: float) -> dict[str, Any]:
    return {"kind": "lease", "person": person, "tab": tab or None, "samples": dict(samples), "until": until}
