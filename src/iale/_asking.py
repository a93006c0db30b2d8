"""What `ActiveLearner` and `ProjectLearner` share: how samples are chosen for a person, and what may be a model."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import SupportsIndex, TypedDict, Unpack

import numpy as np
import torch
from torch import nn

from iale.classifiers._fixed import FixedClassifier
from iale.classifiers._practice import Loss, MakeOptimizer
from iale.classifiers.base import Classifier, TrainingConfig
from iale.classifiers.torch_classifier import TorchClassifier
from iale.data._sketches import sketches, spread
from iale.data.pool import Pool
from iale.data.samples import SampleKind, Samples
from iale.errors import ConfigError, DataError, ModelError, UnreadableError
from iale.geometry.points import Points
from iale.learner import Learner
from iale.seeding import Stream
from iale.strategies.base import Need, QueryStrategy
from iale.strategies.uncertainty import Margin

LOOKED_AT = 500  # samples that a first batch is chosen from
_READ = 100  # of them at a time


def next_samples(
    learner: Learner, kind: SampleKind, strategy: QueryStrategy, k: SupportsIndex, fit: Callable[[], object]
) -> list[int]:
    """The k samples of a kind to label next, best first; ``fit`` brings the learner up to date with the labels.

    Before the first label there is nothing to fit. If the strategy cannot start without labels, the k samples are a
    `diverse` batch.

    Raises:
        ConfigError: fewer than k samples are unlabeled, or k is larger than the sub-pool.
        UnreadableError: one of them cannot be read.
    """
    unlabeled, size = len(learner.pool), learner.config.subset_size
    if not unlabeled:
        raise ConfigError("every sample is labeled or skipped already: there is nothing left to ask for.")
    try:
        wanted = operator.index(k)
    except TypeError:  # also an array of one number
        wanted = 0
    if not 1 <= wanted <= unlabeled:
        raise ConfigError(f"{k!r:.40} samples were asked for, but {unlabeled} are unlabeled: ask for 1 to {unlabeled}.")
    k = wanted
    cold = not len(learner.pool.labeled) and not isinstance(learner.classifier, FixedClassifier)
    if cold and not strategy.starts_cold:
        return diverse(learner.samples, kind, learner.pool, k, learner.rng("cold"))
    if size is not None and size < k:
        raise ConfigError(f"{k} samples were asked for from a sub-pool of {size}: raise subset_size.")
    if not cold:
        fit()
        return learner.query(strategy, k).tolist()
    learner.start_cold(strategy.needs)
    chosen = learner.query(strategy, k)
    for rows in torch.split(chosen, _READ):
        learner.samples.batch(rows)  # no model has read them: what nobody can see is not asked for
    return chosen.tolist()


def with_points(
    strategy: QueryStrategy, make: Callable[[], Points], say: Callable[[str], object] | None
) -> tuple[QueryStrategy, Points | None]:
    """The strategy, and all samples as points, which ``make`` makes if the strategy compares samples.

    If there are no points and the user did not name the strategy, it is Margin, and ``say`` is called with the reason.
    ``say`` is None if the strategy was named.

    Errors of ``make``: UnreadableError is always raised, ConfigError and DataError only if the strategy was named.
    """
    if Need.GEOMETRY not in strategy.needs:
        return strategy, None
    try:
        return strategy, make()
    except UnreadableError:  # without these samples, the others can be compared
        raise
    except (ConfigError, DataError) as error:
        if say is None:
            raise
        say(f"{Margin.name} asks instead of {strategy.name}, which compares all samples: {error}")
        return Margin(), None


def diverse(samples: Samples, kind: SampleKind, pool: Pool, k: int, rng: np.random.Generator) -> list[int]:
    """k unlabeled samples that differ from one another, chosen without a model from 500 random ones (or from k).

    k-means++ spreads them over sketches of the inputs. If k is more than 500, the rest is drawn at random.
    """
    indices = pool.candidates(None, Stream(0)).indices
    drawn = indices[torch.from_numpy(rng.permutation(len(indices))[: max(k, LOOKED_AT)])]
    near = drawn[:LOOKED_AT]
    points = np.concatenate([sketches(samples.batch(rows), kind) for rows in torch.split(near, _READ)])
    chosen = near[spread(points, min(k, len(near)), rng)]
    return torch.cat([chosen, drawn[len(near) :][: k - len(chosen)]]).tolist()


class ModelOptions(TypedDict, total=False):
    """Options of a module; see `TorchClassifier`."""

    embedding_layer: str | None
    reinitialize: bool | None
    optimizer: MakeOptimizer | None
    loss: Loss | None


def as_classifier(
    model: object, samples: Samples, training: TrainingConfig | None, **options: Unpack[ModelOptions]
) -> Classifier:
    """``model`` itself if it is a classifier, or else a classifier around the user's module.

    Raises ConfigError for options of a model that is a classifier already.
    """
    if isinstance(model, Classifier):
        if said := [name for name, value in options.items() if value is not None]:
            raise ConfigError(f"{said[0]} belongs to a module, not to a classifier: pass it to TorchClassifier.")
        recipe = getattr(model, "recipe", model)  # a linear head has one
        if isinstance(recipe, TorchClassifier) and recipe.shape != tuple(samples.shape):
            raise ModelError(
                f"the classifier reads inputs of shape {recipe.shape}, and the samples have the shape "
                f"{tuple(samples.shape)}: make it for these."
            )
        if isinstance(recipe, TorchClassifier):
            recipe.reads(samples)
        return model
    if isinstance(model, nn.Module) or callable(model):
        return TorchClassifier(model, samples, training, **options)
    raise ModelError(f"expected a PyTorch module, a function that makes one or a Classifier, not {model!r:.60}.")
