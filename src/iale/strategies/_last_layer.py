"""The last layer of a classifier, estimated from its outputs.

A strategy sees embeddings and logits but no weights. If the logits are affine in the embeddings, least squares finds
the layer. Only differences of logits matter for a prediction, so the mean of each row is subtracted first: a model may
add a number to all of its logits, as a log-softmax does.
Shapes: n samples, C classes, D embedding.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from iale.classifiers.base import Outputs
from iale.errors import QueryError
from iale.strategies._rows import rows_at_once
from iale.strategies.base import QueryContext

_EXPLAINED = 0.25  # of the variance of the logits, at least
_WIDEST = 8192  # D for which three matrices [D, D] take 1.6 GB
_SMALLEST = 1e-10  # share of the largest eigenvalue, below which float32 embeddings do not vary


def last_layer(context: QueryContext, name: str) -> Tensor:
    """W, float64 [D, C]: a step d of an embedding changes the logits by d·W, up to a number that all classes share.

    W is the least-squares fit over candidates and labeled samples; of several, the smallest. It is exact for a linear
    last layer if embeddings vary in all D directions. With fewer than D + 1 samples, or units that never fire, W is 0
    in the unknown directions. If there are several layers after the embedding, W is the closest linear layer, so add
    steps to the true logits.

    Raises QueryError if an output is not finite, if there are more than 8,192 directions and samples, or if a linear
    layer explains less than a quarter of the variance of the logits, because then W is meaningless. ``name`` is the
    strategy in the message.
    """
    parts = [context.candidates] + ([context.labeled] if context.labeled is not None else [])
    count = sum(len(part) for part in parts)
    middle = sum(rows.sum(dim=0) for rows in _rows(parts)) / count
    if not bool(torch.isfinite(torch.as_tensor(middle)).all()):
        raise QueryError("a logit or an embedding is not finite: check the classifier's outputs.")
    width = context.candidates.embeddings.shape[1]
    if min(count, width) > _WIDEST:
        raise QueryError(
            f"{name} finds the last layer from products of embeddings, and {width} numbers are too many: take a "
            f"strategy such as margin, or a model with narrower embeddings."
        )
    find = _from_rows if count < width else _from_columns
    weights, explained, total = find((rows - middle for rows in _rows(parts)), width)
    if explained < _EXPLAINED * total:
        raise QueryError(
            f"{name} changes embeddings and must know what that does to the logits, but a linear layer explains only "
            f"{explained / total:.0%} of them: pass the embedding_layer that the last linear layer reads, or choose "
            f"another strategy."
        )
    return weights


def _from_columns(rows: Iterable[Tensor], width: int) -> tuple[Tensor, float, float]:
    """W, and how much of the squared logits it explains, from products of columns: O(n·D² + D³)."""
    products = sum(part.T @ part for part in rows)
    assert isinstance(products, Tensor)  # and not the 0 that sum begins with
    both = products[:width, width:]
    values, vectors = _spread(products[:width, :width])
    weights = vectors @ (vectors.T @ both / values[:, None])
    return weights, float((weights * both).sum()), float(products[width:, width:].trace())


def _from_rows(rows: Iterable[Tensor], width: int) -> tuple[Tensor, float, float]:
    """The same from products of rows, for fewer rows than D: O(n²·D + n³)."""
    embeddings, logits = torch.cat(list(rows)).tensor_split([width], dim=1)
    values, vectors = _spread(embeddings @ embeddings.T)
    found = vectors.T @ logits
    return (
        embeddings.T @ (vectors @ (found / values[:, None])),
        float(found.square().sum()),
        float(logits.square().sum()),
    )


def _spread(products: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues and eigenvectors of the directions in which embeddings vary."""
    values, vectors = torch.linalg.eigh(products)
    kept = values > _SMALLEST * values[-1].clamp(min=0)
    return values[kept], vectors[:, kept]


def _rows(parts: list[Outputs]) -> Iterator[Tensor]:
    """Embeddings and logits without the mean of each row, float64 [m, D + C], some rows at a time."""
    for part in parts:
        step = rows_at_once(part.embeddings.shape[1] + part.logits.shape[1])
        for start in range(0, len(part), step):
            logits = part.logits[start : start + step].double()
            embeddings = part.embeddings[start : start + step].double()
            yield torch.cat([embeddings, logits - logits.mean(dim=1, keepdim=True)], dim=1)
