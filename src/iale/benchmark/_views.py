"""What classifiers learn from and what strategies compare: a data set itself, or embeddings of it."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iale._given import resize_of
from iale._implied import complete
from iale._storage import storage_errors
from iale.errors import DataError

if TYPE_CHECKING:
    from iale.data._made_from import DataFingerprint
    from iale.data.samples import DataSet, Samples
    from iale.geometry.maker import Maker
    from iale.geometry.points import Points

BUILT_IN = "built-in"
"""The geometry that needs no file, also as embeddings."""
PIXELS = "pixels"
"""The same as it was until images were compared by patches; records of then call it built-in."""
NO_FILES = (BUILT_IN, PIXELS)
RECORDED = {PIXELS: BUILT_IN, BUILT_IN: "built-in 2"}
"""How records call what needs no file: kept ones say built-in, and mean pixels."""


def typed(kept: Mapping[str, Any]) -> dict[str, Any]:
    """The options that a record was made with, as they are typed."""
    found, typed = complete(kept), {recorded: view for view, recorded in RECORDED.items()}
    found |= {option: typed.get(found[option], found[option]) for option in ("geometry", "embeddings")}
    return {**found, "geometry": BUILT_IN} if found["embeddings"] is not None else found


@dataclass(frozen=True)
class Vectors:
    """Those that an encoder has made of a data set, in the user cache.

    Attributes:
        name: of the encoder, as it was typed.
        identity: of what computes them.
        digest: of the vectors themselves, which its identity does not tell: a model in a folder may change.
        size: (height, width) of the images that it saw, if they are files and were resized.
        made: the data set of the vectors, and the fingerprint of what was encoded, where they were just made; other
            processes read both.
    """

    name: str
    identity: str
    digest: str
    size: tuple[int, int] | None = None
    made: tuple[DataSet, DataFingerprint] | None = field(default=None, compare=False, repr=False)

    @property
    def described(self) -> dict[str, str]:
        """How records identify them."""
        return {"with_": self.identity, "embeddings": f"sha256 {self.digest}"}

    def __getstate__(self) -> dict[str, object]:
        """Pickles the names alone."""
        return {**vars(self), "made": None}


def file_digest(path: str) -> str:
    """SHA-256 of a file, which identifies it wherever it is; of a folder that `save_to_disk` wrote, of its rows."""
    at = Path(path)
    with storage_errors("read", at):
        files = sorted(at.glob("*.arrow")) if at.is_dir() else [at]
        found = [(str(file), *_state(file)) for file in files]
    digests = [_digest(*each) for each in found]
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


def _state(file: Path) -> tuple[int, int]:
    found = file.stat()
    return found.st_size, found.st_mtime_ns


@lru_cache
def _digest(path: str, size: int, time: int) -> str:
    with storage_errors("read", Path(path)), open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def size_of(dataset: str, resize: Sequence[int], embeddings: str | Vectors | None) -> tuple[int, int] | None:
    """(height, width) to which images of a data set are resized, or None."""
    from iale.data._folders import is_folder
    from iale.data._pictures import PHOTO_SIZE

    if resize or not is_folder(dataset):
        return resize_of(resize)
    if isinstance(embeddings, Vectors):
        return embeddings.size
    return None if embeddings in (None, *NO_FILES) else PHOTO_SIZE  # nobody sees them, so they may differ in size


def vectors_of(dataset: str, name: str, device: str, resize: Sequence[int] = (), *, shown: bool) -> Vectors:
    """The vectors of both splits, which the encoder called ``name`` makes now if they are not in the cache.

    Raises ConfigError if there is no such encoder, or it does not take such samples, and UnreadableError for samples
    that cannot be read.
    """
    from iale.data._contents import fingerprint_of
    from iale.data._folders import is_folder
    from iale.data.catalog import load_dataset
    from iale.data.unlabeled import kind_of
    from iale.geometry._encoded import check_seen, encoded
    from iale.geometry.encoders import find_encoder

    encoder = find_encoder(name, device)
    size = resize_of(resize) or (encoder.size if is_folder(dataset) else None)
    data = load_dataset(dataset, size=size)
    parts = data.train, data.test
    encoder.check(kind_of(data.train))

    def say(text: str) -> None:
        if shown:
            print(text, file=sys.stderr)

    made = encoded(parts, encoder, say, shown=shown)
    for samples, points in zip(parts, made, strict=True):
        check_seen(samples, points)
    return Vectors(name, encoder.identity, _digest_of(made), size, (_of_points(data, made), fingerprint_of(data)))


def _digest_of(made: Sequence[Points]) -> str:
    from iale.data._fingerprint import digest
    from iale.geometry.embeddings import PointSamples

    return digest(*(PointSamples(points).fingerprint() for points in made))


def _of_points(data: DataSet, made: Sequence[Points]) -> DataSet:
    """The data set whose inputs are the points of both splits."""
    from iale.geometry.embeddings import PointSamples

    train, test = map(PointSamples, made)
    return replace(data, train=train, test=test)


def _encoded(data: DataSet, vectors: Vectors) -> DataSet:
    """The data set of the vectors; raises DataError if the cache has lost them, or has others under their name."""
    from iale.geometry._encoded import kept_in
    from iale.geometry._store import find

    folder = kept_in()
    kept = [find(samples, vectors.identity, folder) for samples in (data.train, data.test)]
    made = [points for points in kept if points is not None]
    if len(made) < len(kept) or _digest_of(made) != vectors.digest:
        raise DataError(
            f"{folder} does not hold the vectors of {vectors.name} with which the command began: let all machines "
            f"share that folder, or make a file with `iale embed` and name it with --embeddings."
        )
    return _of_points(data, made)


def embedded(data: DataSet, path: str | Vectors | None) -> DataSet:
    """A data set whose inputs are vectors, the embeddings in a file, or a geometry that needs none; else the data set.

    Such a geometry is fitted on the training split alone, and then applied to both.
    """
    if path is None:
        return data
    if isinstance(path, Vectors):
        return _encoded(data, path)
    import torch

    from iale.data._split_names import all_names, split_names
    from iale.geometry._builtin import built_in_maker
    from iale.geometry._store import build
    from iale.geometry.embeddings import read_embeddings

    if path in NO_FILES:
        maker = _pixels(data.train) if path == PIXELS else built_in_maker(data.train)
        return _of_points(data, [build(samples, maker) for samples in (data.train, data.test)])
    names = all_names(data)
    points = read_embeddings(path, names)
    place = {name: at for at, name in enumerate(names)}
    return _of_points(data, [points.at(torch.tensor([place[n] for n in part])) for part in split_names(data)])


def averaged(data: DataSet, neighbors: int) -> DataSet:
    """A data set of vectors, each averaged with its nearest training samples; for 0 neighbors as it was."""
    from iale.geometry.embeddings import PointSamples

    train, test = data.train, data.test
    if not neighbors or not isinstance(train, PointSamples) or not isinstance(test, PointSamples):
        return data
    from iale.geometry._averages import Averages

    averages = Averages(train.points, neighbors)
    return _of_points(data, [averages.of(part.points) for part in (train, test)])


def geometry_of(data: DataSet, geometry: str, neighbors: int = 0) -> Points:
    """The training samples as points, or their averages; it never sees a label or the test split."""
    from iale.geometry.embeddings import PointSamples

    if isinstance(data.train, PointSamples):
        return data.train.points  # which are averages already
    points = _geometry_of(data, geometry)
    if not neighbors:
        return points
    from iale.geometry._averages import Averages

    return Averages(points, neighbors).of(points)


def _geometry_of(data: DataSet, geometry: str) -> Points:
    from iale.geometry._builtin import built_in
    from iale.geometry._store import build
    from iale.geometry.embeddings import as_geometry

    if geometry not in NO_FILES:
        return as_geometry(geometry, len(data.train))
    return build(data.train, _pixels(data.train)) if geometry == PIXELS else built_in(data.train)


def _pixels(samples: Samples) -> Maker:
    from iale.geometry._builtin import built_in_maker, pixels

    return pixels(samples) if len(samples.shape) == 3 else built_in_maker(samples)
