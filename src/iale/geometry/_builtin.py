"""The geometry that needs no pretrained network: what can be seen of samples in a moment, in few numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from iale import _storage as storage
from iale._given import path_of, whole
from iale.data._checks import check_kind
from iale.data._fingerprint import remembered
from iale.data._inputs import as_samples
from iale.data.dictionaries import DictSamples
from iale.data.samples import SampleKind, Samples
from iale.data.splits import Subset
from iale.errors import ConfigError, DataError, StorageError
from iale.geometry._patches import SMALLEST, learned
from iale.geometry._principal import WIDTH, one_thread, principal
from iale.geometry._store import Progress, build, find, forget, is_stale, place_of, prune, silent
from iale.geometry._views import Projection, Shrunken, are_embeddings, batches, flat, patch_size, pixel_size
from iale.geometry._wording import Wording, wording
from iale.geometry.maker import Maker
from iale.geometry.points import Points

_FITTED = 20_000  # samples that it is fitted on
_IMAGES = 5_000  # images that it is fitted on: 20,000 gain 0.0 points on MNIST and 0.4 on CIFAR-10, with 100 labels
_NUMBERS = 1 << 26  # of theirs that are in memory, at most
_READ = 256
_KEPT = 8  # geometries in one folder: others are of samples that have changed since
_NAME = "built-in"
_VERSIONS: dict[SampleKind, int] = {"image": 2, "text": 1, "row": 1}  # another number whenever points would be others
_SHRUNKEN = Shrunken(f"{_NAME} {_VERSIONS['image']}: shrunken images", patch_size)


def built_in(
    samples: Samples,
    kind: SampleKind | None = None,
    folder: str | Path | None = None,
    progress: Progress = silent,
    *,
    workers: int = 1,
) -> Points:
    """All samples in the built-in geometry, which is the same bytes in any process.

    It is fitted on at most 20,000 evenly spaced samples, or 5,000 images:

    - Images, averaged to at most 32 x 32 pixels: how much their parts look like each of 64 small patches, which are
      learned from the images themselves, and the mean colors of the parts; of all this, the 64 principal components
      (see `iale.geometry._patches`). Of images with a side below 6, the 64 principal components of the pixels.
    - Texts: the pieces of 2 to 5 characters inside their words, hashed, rare ones counting more, in the 128 largest
      directions (latent semantic analysis).
    - Rows: each column minus its mean, divided by its standard deviation; a constant column is 0. Of more than 64
      columns, the 64 principal components. But what looks like embeddings (at least 100 columns of fractions that are
      seldom 0, on about one scale) stays as it is.

    Args:
        samples: N samples of a training split; labels and test splits have no place here.
        kind: what a sample is; by default an image if its shape has 3 dimensions, or else a row.
        folder: as for `build`, and so is ``workers``.
        progress: counts the samples that it is fitted on, and then all.

    Raises:
        ConfigError: the samples hold token ids, which are names and not numbers, or are not of this kind.
        DataError, StorageError: as for `build`.
    """
    samples, workers = as_samples(samples), whole(workers, "the number of workers", 1)
    folder = None if folder is None else path_of(folder, "the path of a folder of geometries")
    kind = _kind(samples, kind)
    with remembered():
        points = _built_in(samples, kind, folder, progress, workers)
    if points is None:
        return built_in(samples, kind, folder, progress, workers=workers)
    return points


def _built_in(
    samples: Samples, kind: SampleKind, folder: Path | None, progress: Progress, workers: int
) -> Points | None:
    """The points; None if they were fitted while files were away that are back."""
    if folder is not None and (found := find_built_in(samples, kind, folder)) is not None:
        return found
    rows = _fitted_on(samples, kind)
    total = len(rows) + len(samples)
    with one_thread():
        maker = _fitted(samples, kind, rows, folder, lambda done, _: progress(done, total), workers)
        if folder is not None:
            _keep(maker, _directions_file(samples, kind, folder))
        points = build(samples, maker, folder, lambda done, _: progress(len(rows) + done, total), workers=workers)
    if folder is not None:
        if kind == "image" and _lacks_some(Subset(samples, rows), folder):
            forget(samples, _identity(kind), folder)
            return None
        prune(folder, _NAME, _KEPT)
    return points


def _lacks_some(fitted: Subset, folder: str | Path) -> bool:
    """Whether it was fitted while files were away that are back; forgets what was seen for the fit."""
    stale = is_stale(fitted, _SHRUNKEN.identity, folder)
    forget(fitted, _SHRUNKEN.identity, folder)
    return stale


def built_in_maker(samples: Samples, kind: SampleKind | None = None) -> Maker:
    """What makes the built-in geometry of ``samples``, for other samples of the same kind, such as a test split."""
    kind = _kind(samples, kind)
    rows = _fitted_on(samples, kind)
    with one_thread():
        maker = _fitted(samples, kind, rows, None, silent, 1)
    # The views that it remembers are those of its own samples.
    return replace(maker, known=None, rows=None) if isinstance(maker, Projection) else maker


def find_built_in(samples: Samples, kind: SampleKind | None, folder: str | Path) -> Points | None:
    """What `built_in` has finished in ``folder``, or None."""
    return find(samples, _identity(_kind(samples, kind)), folder)


def find_directions(samples: Samples, kind: SampleKind, folder: str | Path) -> dict[str, Tensor]:
    """What turns views of samples into the points that `built_in` has made in ``folder``: (view − mean) @ directions.

    float32 ``mean`` [V] and ``directions`` [V, D]; empty if the points are the views. The view of a text is its
    pieces, and that of an image is its pixels after `iale.geometry._views.shrunken`, or what `Filters` sees in them if
    there are tensors ``filters_…``.
    """
    try:
        return storage.read_tensors(_directions_file(samples, kind, folder))
    except StorageError:
        maker = built_in_maker(samples, kind)
        _keep(maker, _directions_file(samples, kind, folder))
        return _tensors(maker)


def _directions_file(samples: Samples, kind: SampleKind, folder: str | Path) -> Path:
    return place_of(samples, _identity(kind), Path(folder)).with_suffix(".safetensors")


def _keep(maker: Maker, path: Path) -> None:
    storage.write_tensors(path, _tensors(maker))


def _tensors(maker: Maker) -> dict[str, Tensor]:
    if isinstance(maker, Wording):
        return {"mean": torch.zeros(len(maker.directions)), "directions": torch.from_numpy(maker.directions)}
    assert isinstance(maker, Projection)
    if maker.directions is None and len(maker.mean) == 1:
        return {}
    directions = np.eye(len(maker.mean)) if maker.directions is None else maker.directions
    scaled = directions / np.broadcast_to(maker.scale, len(maker.mean))[:, None]
    filters = {} if maker.filters is None else maker.filters.tensors()
    found = {f"filters_{name}": value for name, value in filters.items()}
    return {**found, "mean": torch.from_numpy(maker.mean).float(), "directions": torch.from_numpy(scaled).float()}


def _kind(samples: Samples, kind: SampleKind | None) -> SampleKind:
    if isinstance(samples, DictSamples) and any(field.dtype != torch.float32 for field in samples.fields):
        raise ConfigError("samples of token ids have no built-in geometry: give embeddings as the geometry.")
    if kind is None:
        return "image" if len(samples.shape) == 3 else "row"
    check_kind(kind)
    if kind == "image" and len(samples.shape) != 3:
        raise ConfigError(f"these samples are no images: (channels, height, width) was expected, not {samples.shape}.")
    return kind


def _identity(kind: SampleKind) -> str:
    what = {"text": "text, pieces of words", "image": "image, patches", "row": "row"}[kind]
    return f"{_NAME} {_VERSIONS[kind]}: {what}, {WIDTH} of {_IMAGES if kind == 'image' else _FITTED}"


def _fitted_on(samples: Samples, kind: SampleKind) -> Tensor:
    """int64 [M], evenly spaced samples."""
    most = _IMAGES if kind == "image" else _FITTED
    if kind == "row":
        most = max(1, min(most, _NUMBERS // int(np.prod(samples.shape))))
    return _evenly(samples, most)


def _evenly(samples: Samples, most: int) -> Tensor:
    count = min(len(samples), most)
    return torch.arange(count) * len(samples) // max(1, count)


def _fitted(
    samples: Samples, kind: SampleKind, rows: Tensor, folder: str | Path | None, progress: Progress, workers: int
) -> Projection | Wording:
    if kind == "image":
        return _of_images(samples, rows, folder, progress, workers)
    return wording(_identity("text"), samples, rows) if kind == "text" else _of_rows(samples, rows)


def _of_images(
    samples: Samples, rows: Tensor, folder: str | Path | None, progress: Progress, workers: int
) -> Projection:
    size = samples.shape[0], *patch_size(samples.shape)
    if min(size[1:]) < SMALLEST:
        return _of_pixels(_identity("image"), samples, rows)
    known = build(Subset(samples, rows), _SHRUNKEN, folder, progress, workers=workers)
    images = known.read().view(-1, *size)
    filters = learned(images)
    mean, directions = principal(filters.views(images).numpy())
    kept = filters, size, known, rows
    return Projection(_identity("image"), _SHRUNKEN.points, mean, np.ones(1), directions, *kept)


def pixels(samples: Samples) -> Projection:
    """The built-in geometry of images until patches replaced it: the 64 principal components of their pixels.

    They are first averaged to at most 1,024 numbers (32 x 32 gray, 18 x 18 in colors). Records of `iale bench` know it.
    """
    with one_thread():
        return _of_pixels("pixels 1", samples, _evenly(samples, _FITTED))


def _of_pixels(identity: str, samples: Samples, rows: Tensor) -> Projection:
    seen = Shrunken(f"{identity}: shrunken images", pixel_size)
    mean, directions = principal(build(Subset(samples, rows), seen).read().numpy())
    return Projection(identity, seen.points, mean, np.ones(1), directions)


def _of_rows(samples: Samples, rows: Tensor) -> Projection:
    read = list(batches(samples, rows, _READ))
    if not read:
        raise DataError("no sample can be read: check the data.")
    views = np.concatenate(read)
    if are_embeddings(views):
        return Projection(_identity("row"), flat, np.zeros(1), np.ones(1))
    mean = views.mean(axis=0, dtype=np.float64)
    # By the range: the standard deviation of a constant may be rounded to more than 0.
    constant = views.max(axis=0) == views.min(axis=0)
    scale = np.where(constant, np.inf, views.std(axis=0, dtype=np.float64))
    directions = None
    if views.shape[1] > WIDTH:
        _, directions = principal(((views - mean) / scale).astype(np.float32))
    return Projection(_identity("row"), flat, mean, scale, directions)
