"""What a linear head has beyond any classifier: a strength, a temperature, and the way from samples to its inputs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from iale._model import Model
from iale.classifiers.base import FitJob, Outputs
from iale.classifiers.heads import FittedLinearHead, LinearHead
from iale.classifiers.networks import Network
from iale.classifiers.torch_classifier import FittedTorchClassifier, TorchClassifier
from iale.data.pool import Pool
from iale.data.samples import Samples
from iale.geometry.points import Points
from iale.labeling._backbone import with_head
from iale.labeling.fitting._point_head import Shape, point_head
from iale.labeling.reader import ProjectReader
from iale.learner import Learner
from iale.recipe import classifier_name, classifier_of

_MORE = 1.1
_BOUNDS, _HALVINGS = (0.05, 20.0), 30  # of a temperature


class Strengths:
    """Finds the L2 strength of a head by cross-validation, once for every 10 % more labels: it changes slowly."""

    def __init__(self) -> None:
        self._found: tuple[tuple[object, ...], int, float] = ((), 0, 0.0)

    def classifier(self, model: Model, samples: Samples, pool: Pool) -> TorchClassifier | LinearHead:
        """The model's classifier for these samples; that of a head has a strength."""
        made = classifier_of(model.recipe, model.kind, samples, pool.num_classes)
        if not isinstance(made, LinearHead) or made.l2 is not None:
            return made
        seen = tuple(torch.unique(pool.labels).tolist())
        of, before, l2 = self._found
        now, count = (samples.shape, pool.num_classes, seen), len(pool.labeled)
        if of != now or not before <= count < _MORE * before:
            l2 = made.fit(samples, FitJob(pool.labeled, pool.labels, 0)).l2
            self._found = now, count, l2
        return classifier_of(replace(model.recipe, l2=l2), model.kind, samples, pool.num_classes)


def calibrated(learner: Learner, outputs: Outputs) -> tuple[FittedTorchClassifier | FittedLinearHead, Outputs, float]:
    """The fitted classifier and its outputs, divided by the temperature if it is a head, so that they can be shown.

    The last one is the temperature: 1 for a network, whose folds would take too long.
    """
    fitted = learner.fitted
    assert isinstance(fitted, FittedTorchClassifier | FittedLinearHead)
    if isinstance(fitted, FittedTorchClassifier):
        return fitted, outputs, 1.0
    heat = max(learner.temperature(), cautious(outputs.logits, len(learner.pool.labels)))
    cooled = replace(fitted, weight=fitted.weight / heat, bias=fitted.bias / heat)
    return cooled, Outputs(outputs.logits / heat, outputs.embeddings), heat


def cautious(logits: Tensor, labels: int) -> float:
    """The least temperature at which a model is no surer than so many labels allow.

    If fits without them predict all of L labels, the likeliest temperature is the lowest, and every probability
    100%. But after L successes the next one has the probability (L + 1) / (L + 2), by the rule of succession; the mean
    confidence may not be above that.
    """
    low, high = _BOUNDS
    values = logits[torch.isfinite(logits).all(dim=1)].double()
    for _ in range(_HALVINGS if len(values) else 0):
        middle = (low * high) ** 0.5
        sure = float(torch.softmax(values / middle, dim=1).amax(dim=1).mean())
        low, high = (middle, high) if sure > (labels + 1) / (labels + 2) else (low, middle)
    return high if len(values) else 1.0


def network_of(
    project: ProjectReader, model: Model, fitted: FittedTorchClassifier | FittedLinearHead
) -> tuple[nn.Module, dict[str, Any]]:
    """The network of a fit, and what one has to know to read its weights again.

    It predicts from samples, or, if it is a head on averages, from these.
    """
    if model.points is not None and model.averaged:
        return fitted.module, {"classifier": "linear", "averaged": model.averaged}
    if model.points is None or not isinstance(fitted, FittedLinearHead):
        return fitted.module, {} if model.recipe.model else {"classifier": classifier_name(model.recipe, model.kind)}
    return point_network(project, model.points, fitted.fitted)


def point_network(
    project: ProjectReader, points: Points, fitted: FittedTorchClassifier
) -> tuple[nn.Module, dict[str, Any]]:
    """The same of a head on the points of a project's samples: a network that sees the samples themselves."""
    config, shape = project.config, tuple(project.items.samples.shape)
    if config.embeddings is not None:
        return fitted.module, {"classifier": "linear"}
    if config.with_:
        return fitted.module, {"classifier": "linear", "shape": [points.dim], "encoder": config.with_}
    coef, intercept = raw_head(fitted.module)
    if config.model:
        return with_head(config.own, shape, coef, intercept), {}
    directions, kind = project.views.directions(), project.views.kind
    view = len(directions["mean"]) if directions else 0
    inputs = (view or points.dim,) if kind == "text" else shape
    seen = Shape(kind, inputs, view, points.dim, len(directions.get("filters_offset", ())))
    return point_head(seen, directions, coef, intercept), seen.card()


def plain_head(module: nn.Module) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """coef and intercept as in scikit-learn, of rows as they are; None if the network is no linear head on rows."""
    if not isinstance(module, Network) or [type(part) for part in module.trunk.modules()][1:] != [nn.Flatten]:
        return None
    last = module.head[-1]
    if len(module.head) != 1 or not isinstance(last, nn.Linear) or last.weight.shape[1] != len(module.standardize.mean):
        return None
    weight, bias = raw_head(module)
    return (weight[1:] - weight[:1], bias[1:] - bias[:1]) if len(bias) == 2 else (weight, bias)


def raw_head(module: nn.Module) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """coef [C, D] and intercept [C] of a linear head, for rows that are not standardized."""
    assert isinstance(module, Network)
    last, standardize = module.head[-1], module.standardize
    assert isinstance(last, nn.Linear)
    # From a GPU to the CPU first: some GPUs know no float64.
    parts = (last.weight.detach(), last.bias.detach(), standardize.mean, standardize.std)
    weight, bias, mean, std = (part.cpu().double() for part in parts)
    return (weight / std).numpy(), (bias - (weight / std) @ mean).numpy()
