"""The averages of a project's points, in its folder of geometries."""

from __future__ import annotations

from pathlib import Path

from iale.geometry._averages import AVERAGES, Averages
from iale.geometry._store import Progress, find, place_of, prune
from iale.geometry.embeddings import PointSamples
from iale.geometry.points import Points

_KEPT = 2  # others are of samples that have changed since


class Averaged:
    """Averages of ``points`` with their ``neighbors``, which are looked for in ``folder``.

    Attributes:
        points: what is averaged.
        identity: of the averages: other points, or another number of neighbors, have another one.
    """

    def __init__(self, points: Points, neighbors: int, folder: Path) -> None:
        self.points, self._neighbors, self._folder = points, neighbors, folder
        self._samples, self.identity = PointSamples(points), Averages(points, neighbors).identity
        self._place = place_of(self._samples, self.identity, folder)  # it takes a digest of all points, once
        self._found: Points | None = None

    def find(self) -> Points | None:
        """The averages; None until they are made."""
        if self._found is None and self._place.exists():
            self._found = find(self._samples, self.identity, self._folder)
        return self._found

    def make(self, progress: Progress) -> Points:
        """The averages, made if they are not there; goes on where it was stopped."""
        found = self.find()
        if found is None:
            self._found = found = Averages(self.points, self._neighbors).of(self.points, self._folder, progress)
            prune(self._folder, AVERAGES, _KEPT)
        return found
