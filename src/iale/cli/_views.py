"""The two views of samples: what a classifier learns from, and the points that a strategy compares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from iale._counted import counted
from iale.cli._output import say
from iale.data.images import FolderSamples
from iale.data.samples import SampleKind, Samples
from iale.data.splits import Subset
from iale.data.unlabeled import kind_of
from iale.geometry._builtin import built_in
from iale.geometry._encoded import averages_of, check_seen, encoded, kept_in
from iale.geometry.embeddings import PointSamples, read_embeddings
from iale.geometry.encoders import Encoder
from iale.geometry.points import Points

_THREADS = 2  # that decode photographs


@dataclass(frozen=True, eq=False)
class View:
    """Some samples.

    Attributes:
        inputs: what a classifier learns from.
        names: of each.
        kind: what an input is: a row, if it is an embedding.
        geometry: makes what a strategy compares, a point for each input.
    """

    inputs: Subset
    names: list[str]
    kind: SampleKind
    geometry: Callable[[], Points]


class Views:
    """Samples as they are, the embeddings that a user has given, or the vectors of an encoder.

    Args:
        samples: N of them.
        names: of each.
        embeddings: the file, or None.
        encoder: makes vectors of the samples, if there is no such file.
        neighbors: with how many of its nearest ones each point is averaged.
    """

    def __init__(
        self,
        samples: Samples,
        names: Sequence[str],
        embeddings: Path | None,
        encoder: Encoder | None = None,
        neighbors: int = 0,
    ) -> None:
        self.samples, self.names, self._encoder, self._neighbors = samples, names, encoder, neighbors
        self._made: Points | None = None
        self._averages: Points | None = None
        self.embeddings = None if embeddings is None else read_embeddings(embeddings, names)

    def of(self, readable: Subset) -> View:
        """The samples that can be read, a subset of all."""
        names = [self.names[row] for row in readable.indices.tolist()]
        if self.embeddings is None and self._encoder is None:
            return View(readable, names, kind_of(self.samples), lambda: self._points(readable))
        points = self._points(readable)
        return View(Subset(PointSamples(self._geometry()), readable.indices), names, "row", lambda: points)

    def _points(self, readable: Subset) -> Points:
        """The points of samples; raises UnreadableError if one of them stands for a sample that cannot be read."""
        points = self._geometry().at(readable.indices)
        if isinstance(self.samples, FolderSamples):
            check_seen(readable, points)
        return points

    def _geometry(self) -> Points:
        if not self._neighbors:
            return self._points_alone()
        if self._averages is None:
            points = self._points_alone()
            with counted("averaging") as show:
                self._averages = averages_of(points, self._neighbors, show)
        return self._averages

    def _points_alone(self) -> Points:
        if self.embeddings is not None:
            return self.embeddings
        if self._made is None:  # once, however many samples turn out to be unreadable later
            made = [_built_in(self.samples)] if self._encoder is None else encoded([self.samples], self._encoder, say)
            (self._made,) = made
        return self._made


def _built_in(samples: Samples) -> Points:
    """The built-in geometry, with a bar; that of images and texts is kept, because it takes long."""
    say("looking at all samples; this needs no labels")
    photos = isinstance(samples, FolderSamples)
    with counted("looking") as show:
        kind = kind_of(samples)
        return built_in(samples, kind, None if kind == "row" else kept_in(), show, workers=_THREADS if photos else 1)
