"""Gradients of the last layer under pseudo-labels, whole or as factors (Ash et al. 2020, section 3, Eq. 1).

With the prediction ŷ = argmax p as the label, the gradient of the cross entropy with respect to the weights of the last
linear layer is the outer product g = a ⊗ h of the residual a = p − onehot(ŷ) and the embedding h.
Shapes: n candidates, C classes, D embedding.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from iale.classifiers.base import Outputs

_CACHED = 1 << 17  # numbers of a block: 1 MiB in float64, which stays in the cache of one core


def residuals(logits: Tensor) -> Tensor:
    """a = p − onehot(argmax p): float64 [n, C] from logits [n, C]; each row sums to 0.

    The entry of the predicted class is p − 1, computed as −Σ of the others, because p − 1 rounds to 0 for a confident
    prediction.
    """
    result = torch.softmax(logits.double(), dim=1)
    likely = logits.argmax(dim=1, keepdim=True)
    result.scatter_(1, likely, 0.0)
    return result.scatter_(1, likely, -result.sum(dim=1, keepdim=True))


class Powers:
    """Products with the residuals of many rows, which are recomputed for each product because they take too much
    memory.

    With powers e_c = exp(z_c − max z), the residual is a_c = e_c / Σe, and for the predicted class −Σ of the others.
    Only the sum of the others is kept. So a product takes one power for each number, for a few rows at a time, which
    stay in the cache.
    """

    def __init__(self, logits: Tensor, start: int) -> None:
        """For the rows of ``logits`` [n, C] from ``start`` on."""
        n, classes = logits.shape
        self._logits = logits
        self._largest = logits.new_zeros(n, 1, dtype=torch.float64)
        self._likely = torch.zeros(n, 1, dtype=torch.int64, device=logits.device)
        self._others = torch.zeros_like(self._largest)
        self._buffer = self._largest.new_empty(max(1, min(n - start, _CACHED // classes)), classes)
        for rows in self._blocks(slice(start, n)):
            self._likely[rows] = logits[rows].argmax(dim=1, keepdim=True)
            self._largest[rows] = logits[rows].gather(1, self._likely[rows]).double()
            self._others[rows] = self._powers(rows, self._others[rows]).sum(dim=1, keepdim=True)

    def products(self, rows: slice, vector: Tensor) -> Tensor:
        """float64 [rows]: a·``vector`` (float64 [C]) for each row."""
        found = [self._powers(block, -self._others[block]) @ vector for block in self._blocks(rows)]
        return torch.cat(found) / (1 + self._others[rows, 0])

    def _blocks(self, rows: slice) -> Iterator[slice]:
        """Consecutive parts of ``rows`` that fit into the buffer."""
        step = len(self._buffer)
        return (slice(start, min(start + step, rows.stop)) for start in range(rows.start, rows.stop, step))

    def _powers(self, rows: slice, own: Tensor) -> Tensor:
        """float64 [rows, C] in the buffer: powers, and ``own`` for the predicted class."""
        powers = self._buffer[: rows.stop - rows.start].copy_(self._logits[rows]).sub_(self._largest[rows]).exp_()
        return powers.scatter_(1, self._likely[rows], own)


def gradient_embeddings(outputs: Outputs) -> Tensor:
    """g for every row: float32 [n, C·D], where entry c·D + d is a_c h_d, as in a flattened weight matrix [C, D].

    It has n·C·D numbers, which is fine for the small sub-pools of a policy but not for whole pools.
    """
    factors = residuals(outputs.logits).to(outputs.embeddings.dtype)
    return torch.einsum("nc,nd->ncd", factors, outputs.embeddings).flatten(1)
