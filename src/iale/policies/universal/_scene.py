"""What the universal policy sees of one step: numbers that mean the same for every classifier and every data set.

No class count, no width of an embedding, no name of a class or a unit is part of a row. Each number is bounded. Where
the place in the pool says more than the value, the row holds both. None tells the position in the batch: a batch is
planned at once, and herding counts what its first samples cover.
Legend of dimensions: n candidates that are looked at, L labeled samples, C classes, S of the sketch, F features of a
candidate, G of the context.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from iale.errors import QueryError
from iale.policies.universal._columns import (
    Columns,
    of_classes,
    of_classifier,
    of_information,
    of_space,
    shares_below,
)
from iale.policies.universal._space import Space, among_labeled, unit
from iale.strategies._bandwidth import find_bandwidth
from iale.strategies._calibrated import calibrated_uncertainty
from iale.strategies._herd import Herd, finite, look_at
from iale.strategies.base import QueryContext

_EACH = (
    "uncertainty",
    "entropy",
    "disagreement",
    "vote_uncertainty",
    "vote_apart",
    "geometry_distance",
    "geometry_covered",
    "geometry_density",
    "geometry_alike",
    "geometry_gain",
    "embedding_distance",
    "embedding_covered",
    "embedding_density",
    "embedding_alike",
    "embedding_gain",
    "information",
    "class_share",
    "class_labels",
)
ROW_FEATURES = (*_EACH, *(f"{name}_rank" for name in _EACH))
"""The columns of `Scene.rows`.

Of a candidate, and with the ending ``_rank`` its share of the pool that lies below (ties count half):

- ``uncertainty``: 1 − (p₁ − p₂) of calibrated probabilities; ``entropy``: theirs, divided by log C.
- ``disagreement``: mean total variation between calibrated probabilities of the folds' classifiers and their mean.
- ``vote_uncertainty``: 1 − (v₁ − v₂) of the labeled neighbors' votes v, weighted by the kernel in the geometry;
  ``vote_apart``: total variation between votes and calibrated probabilities.
- In the geometry and in the embedding: ``distance`` to the nearest labeled sample, log(1 + d/δ); ``covered``, kernel
  with it; ``density``, mean kernel with the sketch; ``alike``, share of the 5 nearest of the sketch whose predicted
  class is the same; ``gain``, log of herding's gain as a share of what is not covered.
- ``information``: log of BAIT's gain, relative to the mean of the pool.
- ``class_share``: log of the predicted class's share among predictions, relative to its share among labels.
- ``class_labels``: log of the number of labels that the predicted class has, relative to the mean of all classes.
"""

CONTEXT_FEATURES = (
    "labels_per_class",
    "validated",
    "accuracy",
    "temperature",
    "geometry_accuracy",
    "embedding_accuracy",
    "pool",
    "batch",
    "classes_seen",
    "uncertainty",
    "geometry_covered",
    "embedding_covered",
)
"""The entries of `Scene.context`.

- ``labels_per_class``: log(1 + L/C); ``validated``: 1 if there is a cross-validation, else 0.
- ``accuracy``: of the cross-validation; ``temperature``: its logarithm.
- ``geometry_accuracy``, ``embedding_accuracy``: of the nearest other labeled sample. Unknown accuracies are 1/C.
- ``pool``: log of the number of candidates; ``batch``: log k; ``classes_seen``: share.
- ``uncertainty`` and ``covered``: their means.
"""

_SKETCHED = 320


@dataclass(frozen=True, eq=False)
class Scene:
    """What the universal policy sees of one step. Classes are only compared with each other.

    Attributes:
        rows: float32 [n, F], see `ROW_FEATURES`.
        context: float32 [G], see `CONTEXT_FEATURES`.
        uncertainty: float32 [n], U of Uncertainty Herding; 1 before the first label.
        geometry: float32 [n, Dg], unit rows of the candidates.
        embedding: float32 [n, De], the same in the classifier's embedding; if De = 0, the geometry takes its place.
        labeled_geometry: float32 [L, Dg].
        labeled_embedding: float32 [L, De].
        bandwidths: float64 [2], δ in the geometry and in the embedding.
        predicted: int64 [n], classes.
        sketch: int64 [S], candidates that stand for all, in random order.
        log_classes: float32 [], log C, at least log 2: by which entropies are divided, and nothing else.
    """

    rows: Tensor
    context: Tensor
    uncertainty: Tensor
    geometry: Tensor
    embedding: Tensor
    labeled_geometry: Tensor
    labeled_embedding: Tensor
    bandwidths: Tensor
    predicted: Tensor
    sketch: Tensor
    log_classes: Tensor

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def spaces(self) -> tuple[Space, Space]:
        """The geometry, and the embedding or what takes its place."""
        geometry = Space(self.geometry, self.labeled_geometry, float(self.bandwidths[0]))
        if not self.embedding.shape[1]:
            return geometry, geometry
        return geometry, Space(self.embedding, self.labeled_embedding, float(self.bandwidths[1]))

    def column(self, name: str) -> Tensor:
        """float32 [n]: the column of `ROW_FEATURES` with that name."""
        return self.rows[:, ROW_FEATURES.index(name)]


def observe(context: QueryContext, k: int, rng: np.random.Generator) -> Scene:
    """The scene of a step in which ``k`` samples are to be chosen; ``rng`` draws which candidates are looked at.

    Raises QueryError if an output or a point is not finite.
    """
    assert context.geometry is not None
    return scene_of(context, k, look_at(context.geometry, rng))


def scene_of(context: QueryContext, k: int, herd: Herd) -> Scene:
    """`observe`, of candidates that have been looked at."""
    assert context.labels is not None
    classes, labels = context.num_classes, context.labels
    (geometry, embedding), accuracies = _spaces(context, herd)
    spaces = geometry, geometry if embedding is None else embedding
    uncertainty = calibrated_uncertainty(context, herd.at).float()
    predicted = context.candidates.logits[herd.at].argmax(dim=1)
    sketch = herd.rank[herd.at].argsort()[:_SKETCHED]
    columns = {"uncertainty": uncertainty}
    columns |= of_classifier(context, herd.at, geometry.votes(labels, classes))
    columns |= of_space("geometry", geometry, sketch, uncertainty, predicted)
    if embedding is None:
        seen = {name: column for name, column in columns.items() if name.startswith("geometry")}
        columns |= {name.replace("geometry", "embedding"): column for name, column in seen.items()}
    else:
        columns |= of_space("embedding", embedding, sketch, uncertainty, predicted)
    columns |= of_classes(predicted, labels, classes)
    columns |= of_information(context, k, herd.at, spaces, sketch)
    raw = torch.stack([columns[name] for name in _EACH], dim=1)
    rows = torch.cat([raw, shares_below(raw)], dim=1)
    if not bool(torch.isfinite(rows).all()):
        raise QueryError("an output is not finite: check the classifier, and its fits to the folds of the labels.")
    return Scene(
        rows,
        _context(context, k, accuracies, columns),
        uncertainty,
        geometry.rows,
        torch.empty(len(rows), 0) if embedding is None else embedding.rows,
        geometry.labeled,
        torch.empty(len(labels), 0) if embedding is None else embedding.labeled,
        torch.tensor([space.bandwidth for space in spaces], dtype=torch.float64),
        predicted,
        sketch,
        torch.tensor(math.log(max(2, classes)), dtype=torch.float32),
    )


def _spaces(context: QueryContext, herd: Herd) -> tuple[tuple[Space, Space | None], tuple[float, float]]:
    """The geometry, the embedding if there is one, and what the nearest labeled sample's label is worth in each."""
    assert context.labeled_geometry is not None
    assert context.labeled is not None
    assert context.labels is not None
    chance = 1 / context.num_classes
    labeled = unit(finite(context.labeled_geometry.read()))
    _, share = among_labeled(labeled, context.labels)
    share = chance if share is None else share
    # This bandwidth is the very one of Uncertainty Herding, in float64.
    geometry = Space(unit(herd.rows), labeled, find_bandwidth(context.labeled_geometry, "median"))
    if not context.candidates.embeddings.shape[1]:
        return (geometry, None), (share, share)
    labeled = unit(context.labeled.embeddings)
    bandwidth, other = among_labeled(labeled, context.labels)
    embedding = Space(unit(context.candidates.embeddings[herd.at]), labeled, bandwidth)
    return (geometry, embedding), (share, chance if other is None else other)


def _context(context: QueryContext, k: int, accuracies: tuple[float, float], columns: Columns) -> Tensor:
    """float32 [G], see `CONTEXT_FEATURES`."""
    assert context.labels is not None
    assert context.folds is not None
    assert context.temperature is not None
    labels, classes, validated = context.labels, context.num_classes, len(context.folds.labeled) > 0
    right = context.folds.labeled.argmax(dim=1) == labels[: len(context.folds.labeled)]
    values = (
        math.log1p(len(labels) / classes),
        float(validated),
        float(right.float().mean()) if validated else 1 / classes,
        math.log(context.temperature),
        *accuracies,
        math.log(len(context)),
        math.log(k),
        len(torch.unique(labels)) / classes,
        *(float(columns[name].mean()) for name in ("uncertainty", "geometry_covered", "embedding_covered")),
    )
    return torch.tensor(values, dtype=torch.float32)
