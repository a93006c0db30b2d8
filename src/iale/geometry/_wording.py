"""Texts as points: pieces of words, weighted by how rare they are, in few directions (latent semantic analysis).

Legend of dimensions: M texts that are looked at, V places of pieces, D width.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from iale.data._texts import TextSamples, hashed_pieces
from iale.data.samples import Samples
from iale.errors import DataError
from iale.geometry._principal import latent

_TEXTS = 128
"""Directions of texts, at most."""
_READ = 256


@dataclass(frozen=True, eq=False)
class Wording:
    """A maker of points of texts.

    Attributes:
        identity: of the maker.
        directions: float32 [V, D]; the weights of rare pieces are in them.
    """

    identity: str
    directions: NDArray[np.float32]

    def points(self, samples: Samples, indices: Tensor) -> Tensor:
        """float32 [B, D]."""
        return torch.from_numpy(np.asarray(pieces(samples, indices) @ self.directions, dtype=np.float32))


def wording(identity: str, samples: Samples, rows: Tensor) -> Wording:
    """The maker that is fitted to the texts at ``rows`` (int64 [M])."""
    views = sparse.csr_array(sparse.vstack(list(_batches(samples, rows)), format="csr"))
    if not views.shape[0]:
        raise DataError("no sample can be read: check the data.")
    found = np.bincount(views.indices, minlength=views.shape[1])
    rare = np.log((1 + views.shape[0]) / (1 + found)) + 1  # inverse document frequency, smoothed
    directions = latent(sparse.csr_array(views @ sparse.diags_array(rare.astype(np.float32))), _TEXTS)
    return Wording(identity, (rare[:, None] * directions).astype(np.float32))


def pieces(samples: Samples, indices: Tensor) -> sparse.csr_array:
    """float32 [B, V] of texts; samples that hold numbers in place of texts stay as they are."""
    if isinstance(samples, TextSamples):
        return hashed_pieces(samples.texts(indices))
    return sparse.csr_array(samples.batch(indices).to(torch.float32).flatten(1).numpy())


def _batches(samples: Samples, rows: Tensor) -> Iterator[sparse.csr_array]:
    for some in torch.split(rows, _READ):
        yield pieces(samples, some)
