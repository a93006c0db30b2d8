"""What fits leave behind: one line for every fit, and the latest one in full. No file is ever half written."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar, cast

from iale import _storage as storage
from iale.errors import StorageError
from iale.labeling.record._fit_names import Renames, guess_now, predictions_now

FITS, LATEST, RANDOM = "fits.jsonl", "latest.json", "random.json"

_T = TypeVar("_T")
_MORE = 1.03

_Stamp = tuple[int, int, int] | None
Guess = tuple[tuple[str, float], ...]  # the likeliest classes with their probabilities, best first


@dataclass(frozen=True)
class Fit:
    """One finished fit."""

    time: float  # when it finished, in seconds since 1970
    labels: int  # how many labels it was fitted on, without those of the test share
    answered: int  # answers, undos and new classes that it knew of
    classes: tuple[str, ...]  # names of the classes, in the order of the logits
    strategy: str  # the one that chose the next samples
    tests: Mapping[str, str]  # the class it predicts for samples of the test share, by id
    seconds: float  # how long it took
    notice: str = ""  # why another strategy was used than the one in the configuration


@dataclass(frozen=True)
class Latest:
    """What the last finished fit says about single samples."""

    fit: int  # its number, from 1
    queue: tuple[str, ...]  # ids to label next, best first
    explore: tuple[str, ...]  # ids unlike the labeled ones
    guesses: Mapping[str, Guess]  # for these, for the samples labeled last, and for other candidates
    confidence: float  # mean probability of the likeliest class over the candidates
    weights: str  # the file of the weights
    digest: str  # its SHA-256
    shape: tuple[int, ...]  # of the inputs
    unreadable: Mapping[str, str] = field(default_factory=dict)  # why samples were passed over, by id
    temperature: float = 1.0  # by which the logits are divided: the guesses are calibrated
    model: str = ""  # which model is in use, and why
    # What its weights are of: the name of the classifier, and how a head sees samples; empty says "as configured".
    network: Mapping[str, Any] = field(default_factory=dict)
    last: Fit | None = None  # the fit itself


@dataclass(frozen=True)
class RandomFits:
    """What models say that were fitted to random labels alone: to parts of the test share, in turn."""

    labels: tuple[int, ...] = ()  # for each size, how many labels the models were fitted on
    # For each size and id of the test share, the class predicted by a model that did not learn from it.
    predictions: tuple[Mapping[str, str], ...] = ()


class Fits:
    """The files of a project's fits, each read again when it has changed.

    Threads may share it without a lock: what is known of a file is replaced in one step, so two of them may read the
    same lines, but neither skips any.

    Args:
        folder: of the project.
        now: the id that a sample has now; by default ids stay as they were written.
        renames: the names that classes have now; the same object as long as none has changed.
    """

    def __init__(self, folder: Path, now: Callable[[str], str] = str, renames: Callable[[], Renames] = dict) -> None:
        self._folder, self._now, self._renames = folder, now, renames
        self._known: dict[str, tuple[object, Renames, object]] = {}  # what was renamed, by what, and the outcome
        self._all: tuple[_Stamp, int, tuple[Fit, ...]] = (None, 0, ())
        self._latest: tuple[_Stamp, Latest | None] = (None, None)
        self._random: tuple[_Stamp, RandomFits] = (None, RandomFits())

    @property
    def all(self) -> tuple[Fit, ...]:
        """Every finished fit, in order."""
        return self._called(self._read_all(), _fits_now)

    @property
    def latest(self) -> Latest | None:
        """The last finished fit in full, or None."""
        return self._called(self._read_latest(), _latest_now)

    @property
    def random(self) -> RandomFits:
        """Fits to random labels."""
        return self._called(self._read_random(), _random_now)

    def _called(self, value: _T, name: Callable[[_T, Renames], _T]) -> _T:
        """The same in the names that classes have now; made once for every change."""
        renames = self._renames()
        if not renames:
            return value
        known = self._known.get(name.__name__)
        if known is None or known[1] is not renames or (known[0] is not value and known[0] != value):
            self._known[name.__name__] = known = value, renames, name(value, renames)  # in one step
        return cast(_T, known[2])

    def _read_all(self) -> tuple[Fit, ...]:
        stamp, (before, end, fits) = storage.stamp(self._folder / FITS), self._all
        if stamp == before:
            return self._with_last(fits)
        if stamp is None or stamp[1] < end:  # the file was deleted or replaced
            end, fits = 0, ()
        with self._readable(FITS):
            new, end = _read_fits(self._folder / FITS, end, self._now)
        fits = (*fits, *new)
        self._all = stamp, end, fits
        return self._with_last(fits)

    def _with_last(self, fits: tuple[Fit, ...]) -> tuple[Fit, ...]:
        """And the last fit, of which heads do not always keep a line."""
        latest = self._read_latest()
        last = None if latest is None else latest.last
        newer = last is not None and (not fits or (last.answered, last.time) > (fits[-1].answered, fits[-1].time))
        return (*fits, last) if newer and last is not None else fits

    def _read_latest(self) -> Latest | None:
        stamp, (before, latest) = storage.stamp(self._folder / LATEST), self._latest
        if stamp != before:
            with self._readable(LATEST):
                latest = None if stamp is None else _read_latest(self._folder / LATEST, self._now)
            self._latest = stamp, latest
        return latest

    def _read_random(self) -> RandomFits:
        stamp, (before, random) = storage.stamp(self._folder / RANDOM), self._random
        if stamp != before:
            with self._readable(RANDOM):
                random = RandomFits() if stamp is None else _read_random(self._folder / RANDOM, self._now)
            self._random = stamp, random
        return random

    @contextlib.contextmanager
    def _readable(self, name: str) -> Iterator[None]:
        try:
            yield
        except (KeyError, TypeError) as error:
            raise StorageError(
                f"{self._folder / name} is not readable ({error}): delete it; it is made again, and no label is in it."
            ) from error


def _fits_now(fits: tuple[Fit, ...], renames: Renames) -> tuple[Fit, ...]:
    return tuple(_fit_now(fit, renames) for fit in fits)


def _fit_now(fit: Fit, renames: Renames) -> Fit:
    names = tuple(renames.get(name, name) or name for name in fit.classes)
    return replace(fit, classes=names, tests=predictions_now(fit.tests, renames))


def _latest_now(latest: Latest | None, renames: Renames) -> Latest | None:
    if latest is None:
        return None
    guesses = {sample: guess_now(guess, renames) for sample, guess in latest.guesses.items()}
    return replace(latest, guesses=guesses, last=latest.last and _fit_now(latest.last, renames))


def _random_now(random: RandomFits, renames: Renames) -> RandomFits:
    return replace(random, predictions=tuple(predictions_now(each, renames) for each in random.predictions))


def save_fit(folder: Path, fit: Fit, latest: Latest, *, often: bool = False) -> None:
    """Adds a fit; the queue changes last and in one step, so nobody is handed half of it.

    Fits that come ``often`` keep a line only when there are 3 % more labels than on the last line, which draws as good
    a learning curve: every line names the whole test share.
    """
    if not often or _is_news(fit, _last_line(folder / FITS)):
        storage.append_line(folder / FITS, dataclasses.asdict(fit))
    storage.write_json(folder / LATEST, dataclasses.asdict(dataclasses.replace(latest, last=fit)))


def _is_news(fit: Fit, line: Mapping[str, Any] | None) -> bool:
    if line is None or list(fit.classes) != line["classes"]:
        return True
    return not line["labels"] <= fit.labels < _MORE * line["labels"]


def _last_line(path: Path) -> Mapping[str, Any] | None:
    records, _ = storage.read_more_lines(path, 0) if path.exists() else ([], 0)
    return records[-1] if records else None


def save_random(folder: Path, fits: RandomFits) -> None:
    """Replaces the fits to random labels."""
    storage.write_json(folder / RANDOM, dataclasses.asdict(fits))


def _read_fits(path: Path, start: int, now: Callable[[str], str]) -> tuple[tuple[Fit, ...], int]:
    """The fits from byte ``start`` on, and where the last whole line ends."""
    records, end = storage.read_more_lines(path, start)
    fits = []
    for record in records:
        fits.append(_fit(record, now))
    return tuple(fits), end


def _fit(record: Mapping[str, Any], now: Callable[[str], str]) -> Fit:
    # Every fit names the same samples; without interning, a thousand fits would keep each name a thousand times.
    tests = {sys.intern(now(sample)): sys.intern(label) for sample, label in record["tests"].items()}
    return Fit(**{**record, "classes": tuple(record["classes"]), "tests": tests})


def _read_latest(path: Path, now: Callable[[str], str]) -> Latest:
    values = storage.read_json(path)
    del values["schema"]
    values["shape"] = tuple(values["shape"])
    for name in ("queue", "explore"):
        values[name] = tuple(map(now, values[name]))
    values["unreadable"] = {now(sample): why for sample, why in values.get("unreadable", {}).items()}
    values["guesses"] = {
        now(sample): tuple((str(label), float(p)) for label, p in guess) for sample, guess in values["guesses"].items()
    }
    if values.get("last") is not None:
        values["last"] = _fit(values["last"], now)
    return Latest(**values)


def _read_random(path: Path, now: Callable[[str], str]) -> RandomFits:
    values = storage.read_json(path)
    predictions = ({now(sample): label for sample, label in each.items()} for each in values["predictions"])
    return RandomFits(tuple(values["labels"]), tuple(predictions))
