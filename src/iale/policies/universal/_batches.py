"""What the selector sees of a batch: numbers that do not depend on the order of its samples.

Legend of dimensions: n candidates, k of a batch, S of the sketch, H features of a batch; "…" are leading dimensions,
for many batches at once.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from iale.policies.universal._scene import ROW_FEATURES, Scene

_SUMMED = (
    "uncertainty",
    "uncertainty_rank",
    "entropy_rank",
    "disagreement_rank",
    "vote_uncertainty_rank",
    "vote_apart_rank",
    "geometry_distance_rank",
    "geometry_density_rank",
    "geometry_gain_rank",
    "embedding_distance_rank",
    "embedding_density_rank",
    "embedding_gain_rank",
    "information_rank",
    "geometry_covered",
    "geometry_alike",
    "embedding_covered",
    "embedding_alike",
    "class_share",
    "class_labels",
)
_COLUMNS = [ROW_FEATURES.index(name) for name in _SUMMED]
_SPACES = ("geometry", "embedding")
BATCH_FEATURES = (
    *(f"{how}_{name}" for how in ("mean", "least", "most") for name in _SUMMED),
    *(f"{what}_{space}" for space in _SPACES for what in ("newly_covered", "newly_sure", "inside")),
    "classes",
    "rare",
    "size",
)
"""The entries of `batch_features`.

- ``mean``, ``least``, and ``most``: of columns of `ROW_FEATURES` over the batch.
- In both spaces: ``newly_covered``, what the batch covers of the sketch as a share of what is not covered, and
  ``newly_sure``, the same with every sample weighted by its uncertainty; ``inside``, mean kernel between two different
  samples of the batch (0 if it is a single one).
- ``classes``: entropy of the predicted classes / log C; ``rare``: share of samples whose predicted class has fewer
  labels than the mean of all classes; ``size``: log k.
"""


def batch_features(scene: Scene, batch: Tensor) -> Tensor:
    """float32 […, H] of batches, int64 […, k], which are positions of candidates in the scene."""
    k = batch.shape[-1]
    rows = scene.rows[:, _COLUMNS][batch]  # […, k, m]
    parts = [rows.mean(dim=-2), rows.amin(dim=-2), rows.amax(dim=-2)]
    parts += [_in_space(scene, number, batch) for number in range(len(_SPACES))]
    predicted = scene.predicted[batch]
    same = (predicted[..., :, None] == predicted[..., None, :]).float().mean(dim=-1)  # share of each one's class
    rare = (scene.column("class_labels")[batch] < 0).float().mean(dim=-1)
    parts.append(
        torch.stack([-same.log().mean(dim=-1) / scene.log_classes, rare, torch.full_like(rare, math.log(k))], dim=-1)
    )
    return torch.cat(parts, dim=-1)


def _in_space(scene: Scene, number: int, batch: Tensor) -> Tensor:
    """float32 […, 3]: newly covered, newly sure, and inside."""
    space, k = scene.spaces[number], batch.shape[-1]
    near = space.kernel(space.rows[batch.flatten()], space.rows[scene.sketch])
    near = near.reshape(*batch.shape, -1).amax(dim=-2)  # […, S]
    covered = scene.column(f"{_SPACES[number]}_covered")[scene.sketch]
    new, left, weights = (near - covered).relu(), 1 - covered, scene.uncertainty[scene.sketch]
    shares = [(new @ each) / (left @ each).clamp(min=1e-12) for each in (torch.ones_like(weights), weights)]
    rows = space.rows[batch]
    lengths = rows.square().sum(dim=-1)  # of a row of zeros, 0
    apart = lengths[..., :, None] + lengths[..., None, :] - 2 * rows @ rows.mT
    among = torch.exp(-apart.clamp(min=0) / space.bandwidth**2)
    pairs = among.sum(dim=(-2, -1)) - among.diagonal(dim1=-2, dim2=-1).sum(dim=-1)
    return torch.stack([*shares, pairs / max(1, k * (k - 1))], dim=-1)
