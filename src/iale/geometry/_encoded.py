"""The vectors of an encoder and averages of points, which are kept in the user cache."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from iale._counted import counted
from iale.data._downloads import cache_folder
from iale.data.samples import Samples
from iale.errors import UnreadableError
from iale.geometry._averages import AVERAGES, Averages
from iale.geometry._store import Progress, build, find, prune, silent
from iale.geometry.encoders import Encoder
from iale.geometry.points import Points

_POINTS = 4096  # that are read at a time
_SAMPLES = 16  # the same
_KEPT = 8  # averages in the user cache: others are of samples that have changed since


def kept_in() -> Path:
    """The folder of the user cache in which geometries are kept."""
    return cache_folder() / "geometry"


def averages_of(points: Points, neighbors: int, progress: Progress = silent) -> Points:
    """The averages of points, each with its ``neighbors`` among them; see `Averages`."""
    folder = kept_in()
    found = Averages(points, neighbors).of(points, folder, progress)
    prune(folder, AVERAGES, _KEPT)
    return found


def encoded(
    parts: Sequence[Samples], encoder: Encoder, say: Callable[[str], object], *, shown: bool = True
) -> list[Points]:
    """The vectors of some samples; the next call reads them, or goes on where this one was stopped.

    Args:
        parts: the samples, from one source or several.
        encoder: makes the vectors.
        say: is told where they come from.
        shown: whether there is a bar, if a person sees stderr.
    """
    folder = kept_in()
    kept = [find(part, encoder.identity, folder) for part in parts]
    if all(points is not None for points in kept):
        say(f"the vectors of {encoder.name} are read from the cache, {folder}")
    else:
        say(f"looking at all samples with {encoder.name}")
    made = []
    for part, points in zip(parts, kept, strict=True):
        if points is None:
            with counted("encoding", shown=shown) as show:
                points = build(part, encoder, folder, show)
        made.append(points)
    return made


def check_seen(samples: Samples, points: Points) -> None:
    """Raises UnreadableError that names all samples that cannot be read: their points are zeros."""
    starts = range(0, len(points), _POINTS)
    zeros = [(points.read(start, start + _POINTS) == 0).all(dim=1) for start in starts]
    check_readable(samples, torch.nonzero(torch.cat(zeros)).flatten())


def check_readable(samples: Samples, indices: Tensor) -> None:
    """Reads the samples at ``indices`` (int64 [n]); raises UnreadableError that names all that cannot be read."""
    reasons: dict[int, str] = {}
    for rows in torch.split(indices, _SAMPLES):
        try:
            samples.batch(rows)
        except UnreadableError as error:
            reasons |= error.reasons
    if reasons:
        raise UnreadableError(next(iter(reasons.values())), reasons)
