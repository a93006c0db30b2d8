"""A head on averages of neighbors as a head on samples as they are, which works on new ones without the pool.

The student has, on many samples, the probabilities of its teacher as nearly as a linear head can (distillation, Hinton
et al. 2015). It learns from unlabeled samples, too, so it is better than a head that is fitted to the labels alone.

Legend of dimensions: n samples, C classes, D width of the geometry.
"""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch import nn

from iale.classifiers.networks import Network
from iale.classifiers.torch_classifier import FittedTorchClassifier
from iale.data.samples import Samples

_FEWEST = 2000
_PER_NUMBER = 2  # samples for each number of an embedding: fewer would be fitted, and not learned from
_STRENGTH = 1e-4  # of the penalty, for standardized inputs; only directions without samples notice it
_STEPS = 60


def student_of(teacher: FittedTorchClassifier, averages: Samples, samples: Samples) -> FittedTorchClassifier:
    """The linear head on ``samples`` whose probabilities are the nearest to those of ``teacher`` on their ``averages``.

    A class that the teacher never predicts stays one. Both are the rows of length 1 of the same samples.
    """
    count = min(len(samples), max(_FEWEST, _PER_NUMBER * samples.shape[0]))
    rows = torch.arange(count) * len(samples) // count
    rows = rows[samples.batch(rows).any(dim=1)]  # others are samples that could not be read
    probs = teacher.outputs(averages, rows).probs
    inputs = teacher.outputs(samples, rows).embeddings  # standardized
    classes, width = probs.shape[1], inputs.shape[1]

    def loss(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """The cross entropy and its gradient; the products are in float32."""
        weights = torch.from_numpy(values).float().view(classes, width + 1)
        logs = torch.log_softmax(torch.addmm(weights[:, -1], inputs, weights[:, :-1].mT), dim=1)
        wrong = (logs.exp() - probs) / len(rows)
        slope = torch.cat([wrong.mT @ inputs + _STRENGTH * weights[:, :-1], wrong.sum(dim=0)[:, None]], dim=1)
        penalty = _STRENGTH / 2 * float(weights[:, :-1].double().square().sum())
        return penalty - float((probs * logs).sum(dtype=torch.float64)) / len(rows), slope.double().flatten().numpy()

    module = copy.deepcopy(teacher.module)
    last = module.head[-1] if isinstance(module, Network) else module
    assert isinstance(last, nn.Linear)
    begin = torch.cat([last.weight, last.bias[:, None]], dim=1).detach().cpu().double().flatten().numpy()
    found = minimize(loss, begin, jac=True, method="L-BFGS-B", options={"maxiter": _STEPS}).x
    weights = torch.from_numpy(found).float().view(classes, width + 1)
    with torch.no_grad():
        last.weight.copy_(weights[:, :-1])
        last.bias.copy_(weights[:, -1])
    return replace(teacher, module=module)
