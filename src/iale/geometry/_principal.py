"""Directions in which views of samples differ most, the same bytes in any process.

Legend of dimensions: M views that are looked at, V numbers of a view, D directions.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Numbers: TypeAlias = NDArray[np.float32] | sparse.csr_array

WIDTH = 64
"""The most directions."""

_EXACT = 1024  # numbers of a view up to which all of its directions are computed
_NOTHING = 1e-10  # of the largest variance: no more than rounding
_SEED = 0


def principal(views: NDArray[np.float32], most: int = WIDTH) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean [V] and principal components [V, D] of views [M, V], D ≥ 1, by falling variance.

    Directions without variance are left out. The largest number of a component is positive. Views of more than 1,024
    numbers go through a randomized decomposition (Halko et al. 2011) with a fixed seed.
    """
    mean = views.mean(axis=0, dtype=np.float64)
    if views.shape[1] > _EXACT:
        return mean, _truncated((views - mean).astype(np.float32), most)
    covariance = np.zeros((len(mean), len(mean)))
    for start in range(0, len(views), 4096):  # so that memory holds no second copy in float64
        block = views[start : start + 4096] - mean
        covariance += block.T @ block
    values, vectors = np.linalg.eigh(covariance / len(views))
    kept = np.flatnonzero(values > _NOTHING * max(values[-1], 0.0))[::-1][:most]
    return mean, _with_sign(vectors[:, kept if len(kept) else [-1]])


def latent(views: sparse.csr_array, most: int = WIDTH) -> NDArray[np.float64]:
    """Right singular vectors [V, D] of sparse views [M, V], the largest first (latent semantic analysis)."""
    return _truncated(views, most)


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Linear algebra on one thread: a sum that is split over another number of threads is rounded differently.

    It limits the libraries that are loaded by now. Those of SciPy are, and scikit-learn's decompositions use them; its
    k-means has a library of its own, which must be imported first.
    """
    import scipy.linalg  # noqa: F401
    from threadpoolctl import ThreadpoolController

    with ThreadpoolController().limit(limits=1):
        yield


def _truncated(views: Numbers, most: int) -> NDArray[np.float64]:
    from sklearn.utils.extmath import randomized_svd

    _, values, right = randomized_svd(views, min(most, *views.shape), n_iter=5, random_state=_SEED)
    kept = values > _NOTHING**0.5 * max(values[0], 0.0)
    return _with_sign(np.asarray(right[kept if kept.any() else [0]].T, dtype=np.float64))


def _with_sign(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each column with its largest number positive; a decomposition leaves the sign open."""
    largest = vectors[np.abs(vectors).argmax(axis=0), np.arange(vectors.shape[1])]
    return np.asarray(vectors * np.where(largest < 0, -1.0, 1.0))
