"""Geometries on disk: made once for the same samples and maker, in one file that goes on where it was stopped.

    FOLDER/
      3f9c….npy       float16 or float32 [N, D]; the name is a digest of the samples and of the maker
      3f9c….json      the maker, the SHA-256 of the file, and the samples that could not be read
      3f9c….safetensors   of the built-in geometry: how it is computed from samples
      .3f9c….part     rows so far, while it is made
      .3f9c….done     how many of them are safely on disk
      .3f9c….lock     held by the process that makes it; others wait

A file gets its name when it is whole. Nothing is ever unpickled.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch

from iale import _storage as storage
from iale._given import path_of, whole
from iale._storage import storage_errors
from iale.data._fingerprint import digest, fingerprint, remembered
from iale.data._inputs import as_samples
from iale.data.samples import Samples
from iale.errors import ConfigError, DataError, IaleWarning, StorageError, UnreadableError
from iale.geometry._mapped import LARGE, in_memory, map_rows
from iale.geometry._parts import Made, Part, Rows, parts
from iale.geometry.maker import Maker
from iale.geometry.points import Points

_TOGETHER = 16  # samples that are tried again at a time
_TRIES = 2  # to make points without samples that are back by then
_CHANGED = "samples have changed while they were looked at: some points are of what they were, so call this again."

Progress: TypeAlias = Callable[[int, int], None]
"""Is told how many samples are done, and how many there are."""


def silent(done: int, total: int) -> None:
    """A `Progress` that tells nobody."""


def build(
    samples: Samples,
    maker: Maker,
    folder: str | Path | None = None,
    progress: Progress = silent,
    *,
    workers: int = 1,
) -> Points:
    """All samples as points. With a folder they are made once: the next call, in any process, reads them.

    If a call is stopped or killed, the next one goes on where it was. A sample that cannot be read becomes a row of
    zeros; whoever needs the sample itself meets the error. If such a sample can be read again, all are made again. If
    samples change meanwhile, this is an `IaleWarning`, and nothing is kept.

    Args:
        samples: N samples.
        maker: turns some of them into points.
        folder: where geometries are kept; you may delete it at any time. Without one, points of more than 256 MiB go to
            a temporary file.
        progress: is told how far it is, in this thread.
        workers: threads that read and compute; more than 1 only for samples and makers that allow it.

    Raises:
        ConfigError: the maker or the number of workers is something else.
        DataError: no sample can be read, or the maker gives rows that are not finite, or too few.
        StorageError: the folder cannot be written.
    """
    samples, workers = as_samples(samples), whole(workers, "the number of workers", 1)
    if not isinstance(maker, Maker):
        raise ConfigError(f"expected a maker of points, such as an Encoder, not {maker!r:.60}.")
    if folder is not None:
        return _kept(samples, maker, path_of(folder, "the path of a folder of geometries"), progress, workers)
    made: list[Rows] = []
    for part in _told(parts(samples, maker, workers=workers), progress, len(samples)):
        made.append(part.rows)
        if part.rows[0].nbytes * len(samples) > LARGE:
            break
    else:
        return in_memory(np.concatenate(made))
    with tempfile.TemporaryDirectory(prefix="iale-geometry-") as scratch:
        # The file has no name any more when this returns; its bytes stay until the map is gone.
        return _kept(samples, maker, Path(scratch), progress, workers)


def find(samples: Samples, identity: str, folder: str | Path) -> Points | None:
    """What `build` has finished in ``folder`` with the maker of this identity, or None."""
    return _whole(place_of(samples, identity, Path(folder)), samples)


def is_stale(samples: Samples, identity: str, folder: str | Path) -> bool:
    """Whether what `build` has finished lacks a sample that can be read now."""
    points = _read(place_of(samples, identity, Path(folder)), len(samples))
    return points is not None and _some_back(samples, points)


def forget(samples: Samples, identity: str, folder: str | Path) -> None:
    """Deletes what `build` has made or begun in ``folder`` with the maker of this identity."""
    _forget(place_of(samples, identity, Path(folder)))


def _forget(place: Path) -> None:
    for path in (place.with_suffix(".json"), place, *(_hidden(place, what) for what in ("part", "done", "lock"))):
        path.unlink(missing_ok=True)


def prune(folder: str | Path, makers: str, most: int) -> None:
    """Deletes all but the ``most`` newest points of makers whose identity begins with ``makers``."""
    found = []
    for card in Path(folder).glob("*.json"):
        with contextlib.suppress(OSError, KeyError):  # another process may delete it, too
            if str(storage.read_json(card)["maker"]).startswith(makers):
                found.append((card.stat().st_mtime, card))
    for _, card in sorted(found, reverse=True)[most:]:
        for path in (card, card.with_suffix(".npy"), card.with_suffix(".safetensors")):  # maps of it stay valid
            path.unlink(missing_ok=True)


def place_of(samples: Samples, identity: str, folder: Path) -> Path:
    """Where points of these samples by the maker of this identity are kept."""
    return folder / f"{digest('points 1', identity, fingerprint(samples))[:32]}.npy"


def _hidden(place: Path, what: str) -> Path:
    return place.with_name(f".{place.stem}.{what}")


def _kept(samples: Samples, maker: Maker, folder: Path, progress: Progress, workers: int) -> Points:
    place = place_of(samples, maker.identity, folder)
    found = _whole(place, samples)
    if found is None:
        with _alone(place):
            found = _whole(place, samples)  # another process may have made it meanwhile
            if found is None:
                found = _new(place, samples, maker, progress, workers)
    if found is None:
        raise StorageError(f"what was written to {place} cannot be read back: check the disk or give another folder.")
    return found


def _new(place: Path, samples: Samples, maker: Maker, progress: Progress, workers: int) -> Points | None:
    """The points, made now. If the samples have changed meanwhile, they are not kept; None if the disk loses them."""
    for _ in range(_TRIES):
        with storage_errors("write", place):
            _make(place, samples, maker, progress, workers)
        found = _read(place, len(samples))
        if not _is_place(place, samples, maker):
            warnings.warn(_CHANGED, IaleWarning, stacklevel=5)
            _forget(place)  # a map of it stays valid
            break
        if found is None or not _some_back(samples, found):
            break
    return found


def _is_place(place: Path, samples: Samples, maker: Maker) -> bool:
    """Whether the samples are those that points at ``place`` are of."""
    try:
        with remembered(again=True):
            return place_of(samples, maker.identity, place.parent) == place
    except DataError:  # a file is gone
        return False


def _make(place: Path, samples: Samples, maker: Maker, progress: Progress, workers: int) -> None:
    part, noted = _hidden(place, "part"), _hidden(place, "done")
    file = Part(part, noted, len(samples))
    with file.open():
        progress(file.rows, len(samples))
        for made in _told(parts(samples, maker, file.rows, workers, file.like), progress, len(samples)):
            file.append(made)
        file.flush()
    with open(part, "rb") as whole:
        sha256 = hashlib.file_digest(whole, "sha256").hexdigest()
    os.replace(part, place)
    noted.unlink(missing_ok=True)
    card = {"maker": maker.identity, "sha256": sha256, "unread": file.unread}
    storage.write_json(place.with_suffix(".json"), card)  # now the file counts


def _told(made: Iterator[Made], progress: Progress, total: int) -> Iterator[Made]:
    for part in made:
        yield part
        progress(part.stop, total)


def _whole(place: Path, samples: Samples) -> Points | None:
    """The points at ``place``; None if they are missing, damaged, or without a sample that can be read now."""
    points = _read(place, len(samples))
    return None if points is None or _some_back(samples, points) else points


def _some_back(samples: Samples, points: Points) -> bool:
    """Whether a sample can be read that could not be read before: its file was away, or could not be opened."""
    for rows in torch.split(torch.tensor(points._unread, dtype=torch.int64), _TOGETHER):
        try:
            samples.batch(rows)
        except UnreadableError as error:
            if len(error.reasons) == len(rows):
                continue
        except DataError:  # all are away
            return False
        return bool(len(rows))
    return False


def _read(place: Path, count: int) -> Points | None:
    """The points at ``place``, or None if they are missing or damaged."""
    try:
        card = storage.read_json(place.with_suffix(".json"))
        with open(place, "rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != card["sha256"]:
                return None
            file.seek(0)
            np.lib.format.read_magic(file)
            shape, _, dtype = np.lib.format.read_array_header_1_0(file)
            if len(shape) != 2 or shape[0] != count:
                return None
            points = map_rows(place, dtype, (shape[0], shape[1]), file.tell())
            return replace(points, _unread=tuple(card.get("unread", ())))
    except (OSError, ValueError, KeyError):
        return None


@contextlib.contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Keeps other processes from making the same points meanwhile; they wait, and find them."""
    path = _hidden(place, "lock")
    with storage_errors("write", path):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = open(path, "ab")  # noqa: SIM115  (closed below, which gives the lock back)
    with file:
        storage.lock(file)
        yield
        path.unlink(missing_ok=True)
