"""Gradients of the last layer under pseudo-labels, whole or as factors (Ash et al. 2020, section 3, Eq. 1).

With the prediction ŷ = argmax p as the label, the gradient of the cross entropy with respect to the weights of the last
linear layer is the outer product g = a ⊗ h of the residual a = p − onehot(ŷ) and the embedding h.
Shapes: n candidates, C classes, D embedding.
"""

from __future__ import annotations

import torch
from torch import Tensor

from iale.classifiers.base import Outputs


def residuals(logits: Tensor) -> Tensor:
    """a = p − onehot(argmax p): float64 [n, C] from logits [n, C]; each row sums to 0.

    The entry of the predicted class is p − 1 = −Σ of the others. The sum keeps its digits, while p − 1 rounds to 0
    for a confident prediction.
    """
    result = torch.softmax(logits.double(), dim=1)
    likely = logits.argmax(dim=1, keepdim=True)
    result.scatter_(1, likely, 0.0)
    return result.scatter_(1, likely, -result.sum(dim=1, keepdim=True))


def gradient_embeddings(outputs: Outputs) -> Tensor:
    """g for every row: float32 [n, C·D], where entry c·D + d is a_c h_d, as in a flattened weight matrix [C, D].

    With n·C·D numbers it suits the small sub-pools of a policy, not whole pools.
    """
    factors = residuals(outputs.logits).to(outputs.embeddings.dtype)
    return torch.einsum("nc,nd->ncd", factors, outputs.embeddings).flatten(1)
