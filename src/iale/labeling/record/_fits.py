"""What fits leave behind, each file whole or not there: one line for every fit, and the latest one in full."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from iale import _storage as storage
from iale.errors import StorageError

FITS, LATEST, RANDOM = "fits.jsonl", "latest.json", "random.json"


@dataclass(frozen=True)
class Fit:
    """One finished fit.

    Attributes:
        time: when it finished, in seconds since 1970.
        labels: how many labels it was fitted on; those of the test share are not among them.
        answered: events of the journal that it knew of.
        classes: names of the classes, in the order of the logits.
        strategy: that chose the next samples.
        tests: the class it predicts for samples of the test share, by id.
        seconds: it took.
        notice: what was chosen instead of what was asked for, and why.
    """

    time: float
    labels: int
    answered: int
    classes: tuple[str, ...]
    strategy: str
    tests: Mapping[str, str]
    seconds: float
    notice: str = ""


@dataclass(frozen=True)
class Latest:
    """What the last finished fit says of single samples.

    Attributes:
        fit: its number, from 1.
        queue: ids to label next, best first.
        explore: ids unlike the labeled ones.
        guesses: for these, and for the samples labeled last: the likeliest classes with their probabilities.
        confidence: mean probability of the likeliest class over the candidates.
        weights: the file of the weights.
        digest: its SHA-256.
        shape: of the inputs.
        unreadable: why samples were passed over, by id.
    """

    fit: int
    queue: tuple[str, ...]
    explore: tuple[str, ...]
    guesses: Mapping[str, tuple[tuple[str, float], ...]]
    confidence: float
    weights: str
    digest: str
    shape: tuple[int, ...]
    unreadable: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RandomFits:
    """What models say that were fitted to random labels alone: those of the test share, in turn.

    Attributes:
        labels: for each size, how many labels the models were fitted on.
        predictions: for each size and id of the test share, the class predicted by a model that did not learn from it.
    """

    labels: tuple[int, ...] = ()
    predictions: tuple[Mapping[str, str], ...] = ()


class Fits:
    """The files of a project's fits, each read again when it has changed.

    Args:
        folder: of the project.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._all: tuple[object, tuple[Fit, ...]] = (None, ())
        self._read = 0
        self._latest: tuple[object, Latest | None] = (None, None)
        self._random: tuple[object, RandomFits] = (None, RandomFits())

    @property
    def all(self) -> tuple[Fit, ...]:
        """Every finished fit, in order."""
        stamp, (before, fits) = _stamp(self.folder / FITS), self._all
        if stamp == before:
            return fits
        if stamp is None or stamp[1] < self._read:
            self._read, fits = 0, ()
        with self._readable(FITS):
            records, self._read = storage.read_more_lines(self.folder / FITS, self._read)
            self._all = stamp, (*fits, *map(_fit, records))
        return self._all[1]

    @property
    def latest(self) -> Latest | None:
        """The last one in full, or None."""
        stamp = _stamp(self.folder / LATEST)
        if stamp != self._latest[0]:
            with self._readable(LATEST):
                self._latest = stamp, None if stamp is None else _latest(storage.read_json(self.folder / LATEST))
        return self._latest[1]

    @property
    def random(self) -> RandomFits:
        """Fits to random labels."""
        stamp = _stamp(self.folder / RANDOM)
        if stamp != self._random[0]:
            with self._readable(RANDOM):
                values = {"labels": (), "predictions": ()} if stamp is None else storage.read_json(self.folder / RANDOM)
                self._random = stamp, RandomFits(tuple(values["labels"]), tuple(values["predictions"]))
        return self._random[1]

    @contextlib.contextmanager
    def _readable(self, name: str) -> Iterator[None]:
        try:
            yield
        except (KeyError, TypeError) as error:
            raise StorageError(
                f"{self.folder / name} is not readable ({error}): delete it; it is made again, and no label is in it."
            ) from error


def save_fit(folder: Path, fit: Fit, latest: Latest) -> None:
    """Adds a fit; the queue changes in one step, at the end."""
    storage.append_line(folder / FITS, dataclasses.asdict(fit))
    storage.write_json(folder / LATEST, dataclasses.asdict(latest))


def save_random(folder: Path, fits: RandomFits) -> None:
    """Replaces the fits to random labels."""
    storage.write_json(folder / RANDOM, dataclasses.asdict(fits))


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _fit(record: dict[str, Any]) -> Fit:
    # Every fit names the same samples: each name is kept once.
    tests = {sys.intern(sample): sys.intern(label) for sample, label in record["tests"].items()}
    return Fit(**{**record, "classes": tuple(record["classes"]), "tests": tests})


def _latest(values: dict[str, Any]) -> Latest:
    del values["schema"]
    for name in ("queue", "explore", "shape"):
        values[name] = tuple(values[name])
    values["guesses"] = {
        sample: tuple((str(label), float(p)) for label, p in guess) for sample, guess in values["guesses"].items()
    }
    return Latest(**values)
