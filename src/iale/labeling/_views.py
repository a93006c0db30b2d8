"""What a classifier learns from and what strategies compare: the samples themselves, or embeddings of them."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Iterator
from pathlib import Path

from torch import Tensor

from iale import _storage as storage
from iale._model import is_free
from iale.data.samples import SampleKind, Samples
from iale.errors import DataError, StorageError
from iale.geometry._averages import FEWEST
from iale.geometry._builtin import built_in, find_built_in, find_directions
from iale.geometry._store import Progress
from iale.geometry.embeddings import PointSamples, read_embeddings
from iale.geometry.points import Points
from iale.labeling._averaged import Averaged
from iale.labeling._vectors import Vectors, network_name, network_of
from iale.labeling.items._items import Items
from iale.labeling.record._same_model import check_same_model
from iale.labeling.record.config import ProjectConfig

_FOLDER, _PROGRESS = "geometry", "progress.json"
_TICK = 2_000_000_000  # nanoseconds
_FEW = 16  # files that are looked for whenever the geometry is asked for
_SECONDS = 1.0  # between two notes of how far it is


class ItemViews:
    """The views of a project's samples. Embeddings are read when they are first needed.

    Args:
        folder: of the project; without one, nothing is known of earlier embeddings.
        config: of the project.
        items: its samples.
    """

    def __init__(self, folder: Path | None, config: ProjectConfig, items: Items) -> None:
        self._folder, self._path, self._items, self._config = folder, config.embeddings, items, config
        self._stamp: tuple[int, int, int] | None = None  # of the embeddings, when they were read
        self._made: Points | None = None
        self._directions: dict[str, Tensor] | None = None
        self._averages: Averaged | None = None
        self._away: list[int] = []  # some samples that it lacks because their files were away
        self.came_back = False  # whether such a sample was back when the geometry was asked for
        self._looked = 0  # when the folder of geometries was looked at, by its time of change

    @property
    def embeddings(self) -> Points | None:
        """One for each sample, or None if the user has given none.

        Raises DataError for a wrong file or one that was written to since, and ConfigError for one that was made by
        another model than before.
        """
        if self._path is None:
            return None
        points, before, now = self._embeddings, self._stamp, storage.stamp(self._path)
        # Another file in its place does no harm: the one that was opened is still there.
        if before is not None and now is not None and now[0] == before[0] and now != before:
            raise DataError(f"{self._path} has changed since it was opened: start again.")
        return points

    @functools.cached_property
    def _embeddings(self) -> Points:
        assert self._path is not None
        self._stamp = storage.stamp(self._path)
        points = read_embeddings(self._path, [self._items.name(row) for row in range(len(self._items))])
        if self._folder is not None:
            check_same_model(self._folder, points, self._items.ids.find, self._path)
        return points

    @property
    def inputs(self) -> Samples:
        """What a classifier learns from."""
        return self._items.samples if self.embeddings is None else PointSamples(self.embeddings)

    @property
    def kind(self) -> SampleKind:
        """What an input is: a row, if it is an embedding."""
        return self._items.kind if self.embeddings is None else "row"

    def geometry(self) -> Points | None:
        """What strategies compare: embeddings, a network's vectors, or the built-in geometry; None until it is made."""
        if self.embeddings is not None:
            return self.embeddings
        if not all(map(self._items.changed, self._away)):
            self._made, self._away, self._looked, self.came_back = None, [], 0, True
        if self._made is None and self._folder is not None:
            with contextlib.suppress(FileNotFoundError):
                changed = (self._folder / _FOLDER).stat().st_mtime_ns
                if changed != self._looked:  # looking takes a digest of the samples
                    self._take(self._find(self._folder / _FOLDER))
                    # A file system may give two changes one time.
                    self._looked = changed if time.time_ns() - changed > _TICK else 0
        return self._made

    def _take(self, points: Points | None) -> None:
        unread = () if points is None else points._unread
        self._made, self._away = points, [row for row in unread if self._items.changed(row)][:_FEW]
        self._directions = None

    @functools.cached_property
    def vectors(self) -> Vectors | None:
        """Those of the network that the project names; None if it names none, or one that learns."""
        name = network_name(self._config, self._items)
        place = None if self._folder is None else self._folder / _FOLDER
        return None if name is None or place is None else Vectors(place, name, self._items.samples)

    def _find(self, place: Path) -> Points | None:
        if self.vectors is not None:
            return self.vectors.find()
        return find_built_in(self._items.samples, self._items.kind, place)

    def averages(self) -> Points | None:
        """The points of `geometry`, averaged with neighbors; None until they are made, or if the project makes none."""
        averaged = self._averaged()
        return None if averaged is None else averaged.find()

    @property
    def averages_identity(self) -> str:
        """What tells these averages from those of other points or of other neighbors; "" if there are none."""
        averaged = self._averaged()
        return "" if averaged is None else averaged.identity

    def make_averages(self) -> Points | None:
        """The same, and makes them and the geometry if they are not there; goes on where it was stopped."""
        self.make_geometry()
        averaged = self._averaged()
        if averaged is None or (found := averaged.find()) is not None:
            return None if averaged is None else found
        with self._noting() as note:
            return averaged.make(note)

    @functools.cached_property
    def neighbors(self) -> int:
        """With how many neighbors points are averaged; 0 for columns, a chosen model, and too few samples."""
        config = self._config
        on_points = self._items.kind != "row" or config.embeddings is not None or config.with_ is not None
        enough = len(self._items) >= FEWEST
        return config.neighbors if on_points and enough and is_free(config) else 0

    def _averaged(self) -> Averaged | None:
        """The averages for a linear head; None if there are none, or before there is a geometry."""
        points = self.geometry() if self.neighbors and self._folder is not None else None
        if points is None or self._folder is None:
            return None
        if self._averages is None or self._averages.points is not points:
            self._averages = Averaged(points, self.neighbors, self._folder / _FOLDER)
        return self._averages

    def directions(self) -> dict[str, Tensor]:
        """How the built-in geometry is computed from views of samples, see `find_directions`."""
        if self._directions is None:
            assert self._folder is not None
            self._directions = find_directions(self._items.samples, self._items.kind, self._folder / _FOLDER)
        return self._directions

    def make_geometry(self) -> Points:
        """The same, and makes it if it is not there; goes on where it was stopped."""
        found = self.geometry()
        if found is None:
            place = None if self._folder is None else self._folder / _FOLDER
            with self._noting() as note:
                if self.vectors is not None:
                    found = self.vectors.make(*network_of(self._config, self._items), note)
                else:
                    found = built_in(self._items.samples, self._items.kind, place, note)
            self._take(found)
        return found

    @contextlib.contextmanager
    def _noting(self) -> Iterator[Progress]:
        """Notes on disk how far something is, until it is there; see `progress`."""
        place = None if self._folder is None else self._folder / _FOLDER
        last = [0.0]

        def note(done: int, total: int) -> None:
            if place is not None and time.monotonic() - last[0] > _SECONDS:
                storage.write_json(place / _PROGRESS, {"done": done, "total": total})
                last[0] = time.monotonic()

        yield note
        if place is not None:
            (place / _PROGRESS).unlink(missing_ok=True)

    def progress(self) -> str:
        """How far the geometry is, or its averages, in a few words."""
        try:
            if self._folder is None:
                raise StorageError
            known = storage.read_json(self._folder / _FOLDER / _PROGRESS)
            return f"{int(known['done']) / int(known['total']):.0%} is done"  # it may look at each sample twice
        except (StorageError, KeyError, ValueError, TypeError, ZeroDivisionError):
            return "it has just begun"
