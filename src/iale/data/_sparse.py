"""Samples in a sparse matrix: a batch is made dense, the matrix never is."""

from __future__ import annotations

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from iale.data._checks import rows_of
from iale.data._fingerprint import digest
from iale.data._layout import fault_of, faults, to_float32
from iale.errors import DataError


class SparseSamples:
    """Rows of a SciPy matrix [N, F] as float32.

    Attributes:
        shape: ``(features,)``.
        dtype: torch.float32.

    Raises:
        DataError: the matrix is empty, does not hold real numbers, or has a value that is NaN, infinite or beyond
            float32, or an integer that float32 cannot hold.
    """

    dtype = torch.float32

    def __init__(self, matrix: sparse.sparray | sparse.spmatrix) -> None:
        if len(matrix.shape) != 2 or 0 in matrix.shape or matrix.dtype.kind not in "biuf":
            raise DataError(
                f"a sparse matrix of {matrix.dtype} and shape {matrix.shape} holds no samples: give numbers [N, F]."
            )
        self._matrix = sparse.csr_array(matrix)
        self._matrix.sum_duplicates()
        odd = np.flatnonzero(faults(self._matrix.data[:, None]))
        if len(odd):
            row = int(np.searchsorted(self._matrix.indptr, odd[0], side="right")) - 1
            raise DataError(f"sample {row} has {fault_of(self._matrix.data)}: repair or remove it.")
        self._matrix.data = to_float32(self._matrix.data)
        self.shape = (int(self._matrix.shape[1]),)

    def __len__(self) -> int:
        return int(self._matrix.shape[0])

    def batch(self, indices: Tensor) -> Tensor:
        """The inputs at ``indices`` (int64 [B]): float32 [B, F]; raises DataError if an index is out of range."""
        return torch.from_numpy(self._matrix[rows_of(indices, len(self))].toarray())

    def fingerprint(self) -> str:
        """A digest of the content."""
        return digest(self._matrix.shape, self._matrix.indptr, self._matrix.indices, self._matrix.data)
