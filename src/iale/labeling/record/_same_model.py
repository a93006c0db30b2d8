"""Whether embeddings come from the model that a project has used so far.

Of a few samples the project remembers a short sketch of their embeddings. Another model gives others. The same model
may round them otherwise on another machine, and samples may come and go.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from iale import _storage as storage
from iale.errors import ConfigError, StorageError
from iale.geometry.points import Points
from iale.seeding import Stream

_FILE = "embeddings.json"
_REMEMBERED = 32  # samples
_NUMBERS = 8  # of a sketch
_ROWS = 4096  # that are read at a time
_ROUNDING = 0.02  # of a sketch's length that another machine or float16 may change


def check_same_model(folder: Path, points: Points, find: Callable[[str], int | None], path: Path) -> None:
    """Raises ConfigError if the project in ``folder`` has used other embeddings than these, of some samples or of all.

    ``find`` gives the index of a sample's id, or None if it is gone.
    """
    before = _read(folder)
    if before is None:
        return
    width, sketches = before
    known = {index: sketch for sample, sketch in sketches.items() if (index := find(sample)) is not None}
    other = then = np.empty((0, _NUMBERS))
    if known and width == points.dim:
        then = np.array(list(known.values()))
        other = then[~_alike(_sketches(points, list(known)), then)]
    # A photo that was edited has another embedding now. But if a former embedding stands at another row, rows moved.
    moved = _anywhere(points, other)
    if 2 * moved > len(other):
        raise ConfigError(
            f"{path} has the embeddings of {moved} of {len(then)} samples at other rows than {folder} has used so far: "
            f"put its rows in the order of the samples, or name them with ids."
        )
    if width != points.dim or 2 * len(other) >= max(1, len(then)):
        raise ConfigError(
            f"{path} was made by another model than the embeddings that {folder} has used so far: give embeddings of "
            f"the former model, or make a new project and import the labels of this one."
        )


def remember_model(folder: Path, points: Points, ids: Callable[[int], str]) -> None:
    """Remembers the embeddings that a project uses from now on, if it does not remember any; ``ids`` name samples."""
    if _read(folder) is None:
        rows = np.unique(np.linspace(0, len(points) - 1, _REMEMBERED).round().astype(int)).tolist()
        sketches = dict(zip(map(ids, rows), _sketches(points, rows).tolist(), strict=True))
        storage.write_json(folder / _FILE, {"width": points.dim, "sketches": sketches})


def _read(folder: Path) -> tuple[int, dict[str, list[float]]] | None:
    if not (folder / _FILE).exists():
        return None
    values = storage.read_json(folder / _FILE)
    try:
        return int(values["width"]), dict(values["sketches"])
    except (KeyError, TypeError, ValueError) as error:
        raise StorageError(f"{folder / _FILE} is not what it was ({error}): restore or delete it.") from error


def _sketches(points: Points, rows: list[int]) -> NDArray[np.float64]:
    """float64 [n, 8]: sums of the embeddings with random signs."""
    signs = Stream(0).child("sketches of embeddings", points.dim).numpy().choice([-1.0, 1.0], (points.dim, _NUMBERS))
    return np.asarray(points.at(torch.tensor(rows)).read().double().numpy() @ signs)


def _alike(some: NDArray[np.float64], then: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether sketches, float64 […, 8], are the same up to rounding."""
    close: NDArray[np.bool_] = np.linalg.norm(some - then, axis=-1) <= _ROUNDING * np.linalg.norm(then, axis=-1)
    return close


def _anywhere(points: Points, wanted: NDArray[np.float64]) -> int:
    """How many of the ``wanted`` sketches, float64 [m, 8], belong to some point; only then are all points read."""
    found = np.zeros(len(wanted), dtype=np.bool_)
    for start in range(0, len(points) if len(wanted) else 0, _ROWS):
        own = _sketches(points, list(range(start, min(start + _ROWS, len(points)))))
        found |= _alike(own[:, None], wanted).any(axis=0)
    return int(found.sum())
