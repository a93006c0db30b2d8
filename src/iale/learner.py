"""The loop of active learning, once: for simulations, for DAgger and for people.

    fit the classifier → draw candidates → query → acquire their labels → fit again …

`Learner` holds one run and offers each of these steps; `run_cycle` plays them against known labels, and `ActiveLearner`
stops where a person answers. What a step draws depends on the run's seed and the number of labels alone, so strategies
that run with one seed meet the same split, first labels, initial weights and sub-pools: they are paired.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from iale.classifiers.base import Classifier, FitJob, FittedClassifier, Outputs, TrainingConfig
from iale.classifiers.cache import OutputCache
from iale.classifiers.torch_classifier import TorchClassifier
from iale.data.pool import Candidates, Pool, class_balanced
from iale.data.samples import DataSet, Samples
from iale.errors import ConfigError, DataError, ModelError
from iale.policies.catalog import find_strategy
from iale.seeding import Stream
from iale.strategies.base import Need, QueryContext, QueryStrategy

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class CycleConfig:
    """One run of active learning (paper, section 4.2).

    Attributes:
        labeling_budget: number of labels at the end, the first ones included (B).
        acquisition_size: labels between two fits (acq).
        subset_size: size n of the random sub-pool that a query looks at; None looks at the whole pool.
        initial_size: class-balanced labels at the start.
        monte_carlo_passes: forward passes of MC-Dropout (K).
        committee_size: members of Ensemble, the classifier itself included.
    """

    labeling_budget: int = 1000
    acquisition_size: int = 10
    subset_size: int | None = 100
    initial_size: int = 20
    monte_carlo_passes: int = 20
    committee_size: int = 5

    def __post_init__(self) -> None:
        if self.acquisition_size < 1:
            raise ConfigError(f"the acquisition size must be at least 1, not {self.acquisition_size}.")
        if self.subset_size is not None and self.subset_size < self.acquisition_size:
            raise ConfigError(
                f"the acquisition size {self.acquisition_size} is larger than the sub-pool of "
                f"{self.subset_size}: choose a larger subset size or a smaller acquisition."
            )
        if self.labeling_budget < self.initial_size:
            raise ConfigError(
                f"the labeling budget {self.labeling_budget} is below the {self.initial_size} initial "
                f"labels: raise the budget."
            )
        if self.monte_carlo_passes < 2 or self.committee_size < 2:
            raise ConfigError("MC-Dropout needs at least 2 passes and Ensemble 2 members.")


class Learner:
    """One run: a classifier, a pool, and the steps between them.

    Args:
        classifier: the recipe that is fitted anew after every acquisition.
        samples: the inputs that the pool's indices point to.
        pool: which of them are labelled.
        config: sizes.
        stream: root of every draw of this run.
        cache: keeps the outputs of a whole pool (``subset_size=None``) on disk where they are large.
    """

    def __init__(
        self,
        classifier: Classifier,
        samples: Samples,
        pool: Pool,
        config: CycleConfig,
        stream: Stream,
        cache: OutputCache | None = None,
    ) -> None:
        self.classifier = classifier
        self.samples = samples
        self.pool = pool
        self.config = config
        self.stream = stream
        self.cache = cache or OutputCache()
        self._members: list[FittedClassifier] = []

    @property
    def fitted(self) -> FittedClassifier:
        """M, the classifier of the current step."""
        if not self._members:
            raise ModelError("the classifier is not fitted yet: call fit() first.")
        return self._members[0]

    def job(self, *names: str | int, extra: tuple[Tensor, Tensor] | None = None) -> FitJob:
        """A fit on the labelled set, or on it and ``extra`` (indices, labels), drawn from the step's stream."""
        indices, labels = self.pool.labeled, self.pool.labels
        if extra is not None:
            indices, labels = torch.cat([indices, extra[0]]), torch.cat([labels, extra[1]])
        return FitJob(indices, labels, self._step_stream(*names).seed)

    def fit(self, needs: Set[Need] = frozenset()) -> None:
        """Fits M on the labelled set, and the other members of the committee if one is needed."""
        members = self.config.committee_size if Need.COMMITTEE in needs else 1
        jobs = [self.job("fit", member) for member in range(members)]
        self._members = self.classifier.fit_many(self.samples, jobs)

    def candidates(self) -> Candidates:
        """The sub-pool of this step, or the whole pool."""
        return self.pool.candidates(self.config.subset_size, self._step_stream("subset"))

    def context(self, candidates: Candidates, needs: Set[Need]) -> QueryContext:
        """What strategies with ``needs`` may know of the candidates; each part is computed once."""
        indices, pool = candidates.indices, self.pool
        monte_carlo = committee = labeled = None
        outputs = self._candidate_outputs(self.fitted, indices)
        if Need.LABELED in needs:
            labeled = self.fitted.outputs(self.samples, pool.labeled)
        if Need.MONTE_CARLO in needs:
            seed = self._step_stream("monte-carlo").seed
            monte_carlo = self.fitted.monte_carlo(self.samples, indices, self.config.monte_carlo_passes, seed)
        if Need.COMMITTEE in needs:
            if len(self._members) < self.config.committee_size:
                raise ModelError(
                    "the other members of the committee are not fitted: pass the strategy's needs to fit()."
                )
            others = [self._candidate_outputs(member, indices).probs for member in self._members[1:]]
            committee = torch.stack([outputs.probs, *others])
        labels = None if labeled is None else pool.labels
        return QueryContext(outputs, pool.num_classes, labeled, labels, monte_carlo, committee)

    def _candidate_outputs(self, member: FittedClassifier, indices: Tensor) -> Outputs:
        """Sub-pools are small and drawn anew for every query, so only whole pools are worth a place on disk."""
        if self.config.subset_size is None:
            return self.cache.outputs(member, self.samples, indices)
        return member.outputs(self.samples, indices)

    def query(self, strategy: QueryStrategy, k: int) -> Tensor:
        """int64 [k]: data-set indices to label next, best first."""
        candidates = self.candidates()
        context = self.context(candidates, strategy.needs)
        return candidates.indices[strategy.query(context, k, rng=self.rng("query", strategy.name))]

    def rng(self, *names: str | int) -> np.random.Generator:
        """The generator of this step called ``names``."""
        return self._step_stream(*names).numpy()

    def _step_stream(self, *names: str | int) -> Stream:
        return self.stream.child("labels", len(self.pool.labeled), *names)


@dataclass(frozen=True)
class Step:
    """One point of a learning curve.

    Attributes:
        labeled: number of labels of the fitted classifier.
        accuracy: share of test samples it gets right.
        selected: data-set indices acquired after this fit; empty at the end.
    """

    labeled: int
    accuracy: float
    selected: tuple[int, ...]


def start(
    classifier: Classifier,
    data: DataSet,
    config: CycleConfig,
    stream: Stream,
    *,
    universe: Tensor | None = None,
) -> Learner:
    """A learner with its first, class-balanced labels.

    Args:
        classifier: the recipe.
        data: where inputs and hidden labels come from.
        config: sizes.
        stream: root of the run.
        universe: int64, the training indices that may be labelled; all of them by default.

    Raises:
        ConfigError: the budget is larger than the pool.
        DataError: a class has too few samples to start from.
    """
    universe = torch.arange(len(data.train)) if universe is None else universe
    if config.labeling_budget > len(universe):
        raise ConfigError(
            f"the labeling budget {config.labeling_budget} is larger than the pool of {len(universe)} "
            f"samples: lower the budget."
        )
    pool = Pool(universe, data.num_classes)
    labels = data.train_labels[universe]
    first = class_balanced(universe, labels, config.initial_size, data.num_classes, stream.child("initial"))
    pool.acquire(first, data.train_labels[first])
    return Learner(classifier, data.train, pool, config, stream)


def run_cycle(
    learner: Learner, strategy: QueryStrategy, labels: Tensor, evaluate: Callable[[FittedClassifier], float]
) -> Iterator[Step]:
    """Plays one run against known labels (paper, section 3.1), a step at a time.

    Args:
        learner: holds the first labels.
        strategy: chooses.
        labels: int64 [N], the hidden labels; only those of chosen samples are read.
        evaluate: the accuracy of a fitted classifier.
    """
    config = learner.config
    while True:
        left = config.labeling_budget - len(learner.pool.labeled)
        learner.fit(strategy.needs if left else frozenset())
        accuracy = evaluate(learner.fitted)
        count = len(learner.pool.labeled)
        if not left:
            yield Step(count, accuracy, ())
            return
        chosen = learner.query(strategy, min(config.acquisition_size, left))
        learner.pool.acquire(chosen, labels[chosen])
        yield Step(count, accuracy, tuple(chosen.tolist()))


def accuracy(fitted: FittedClassifier, samples: Samples, indices: Tensor, labels: Tensor) -> float:
    """The share of ``indices`` that the classifier gets right; ``labels`` int64 [len(indices)]."""
    return float((fitted.outputs(samples, indices).predictions == labels).double().mean())


class ActiveLearner:
    """The loop with a person in it: ``ask`` which samples to label, ``tell`` their labels, ``fit``.

    Args:
        model: any PyTorch module that maps a batch to logits, a function that makes one, or a `Classifier`.
        samples: the inputs: an array [N, …], or any `Samples`.
        strategy: a strategy, its name, the name of a shipped policy, or a policy's folder.
        num_classes: C; by default the number of logits.
        training: how the model is fitted; ignored where ``model`` is a `Classifier`.
        subset_size: a query looks at a random sub-pool of this size; None looks at all.
        seed: root of every draw; with the same seed and labels the same samples are asked for.
        cache: a folder where the outputs of a whole pool (``subset_size=None``) are kept, so that a second query with
            the same model reads them; it may be deleted at any time. Without one, outputs of more than 256 MiB go to
            a temporary folder.

    Raises:
        ModelError, PolicyError: the strategy asks for what the model lacks.

    >>> import numpy as np
    >>> from torch import nn
    >>> images = np.random.default_rng(0).normal(size=(60, 1, 5, 5)).astype("float32")
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(25, 8), nn.ReLU(), nn.Linear(8, 2))
    >>> learner = ActiveLearner(model, images, "margin", training=TrainingConfig(epochs=2))
    >>> learner.tell([0, 1, 2, 3], [0, 1, 0, 1])
    >>> len(set(learner.ask(5)) - {0, 1, 2, 3})
    5
    """

    def __init__(
        self,
        model: nn.Module | Callable[[], nn.Module] | Classifier,
        samples: Samples | ArrayLike | Tensor,
        strategy: QueryStrategy | str = "margin",
        *,
        num_classes: int | None = None,
        training: TrainingConfig | None = None,
        subset_size: int | None = 1000,
        seed: int = 0,
        cache: str | Path | None = None,
    ) -> None:
        from iale.data.arrays import ArraySamples

        if isinstance(samples, str | Path):
            raise DataError(f"{str(samples)!r} is a path: pass FolderSamples({str(samples)!r}) or an array.")
        inputs = samples if isinstance(samples, Samples) else ArraySamples(_array(samples))
        if not isinstance(model, Classifier):
            model = TorchClassifier(_module(model), inputs.shape, training)
        if num_classes not in (None, model.num_classes):
            raise ModelError(f"the model has {model.num_classes} logits, {num_classes} classes were named.")
        self.strategy = find_strategy(strategy)
        self.strategy.check(model)
        pool = Pool(torch.arange(len(inputs)), model.num_classes)
        # A cycle's sizes do not bind a person, who asks for as many as she likes and stops when she likes.
        config = CycleConfig(acquisition_size=1, subset_size=subset_size)
        self._learner = Learner(model, inputs, pool, config, Stream(seed), OutputCache(cache))
        self._fitted_on = -1

    @property
    def labeled(self) -> list[int]:
        """Indices of the labelled samples, in the order they were told."""
        return self._learner.pool.labeled.tolist()

    def tell(self, indices: Sequence[int] | Tensor, labels: Sequence[int] | Tensor) -> None:
        """Adds labels (0 … C−1); raises and adds none where an index or a label is wrong."""
        self._learner.pool.acquire(_integers(indices, "indices"), _integers(labels, "labels"))

    def fit(self) -> FittedClassifier:
        """Fits the model on all labels told so far."""
        count = len(self._learner.pool.labeled)
        if self._fitted_on != count:
            self._learner.fit(self.strategy.needs)
            self._fitted_on = count
        return self._learner.fitted

    def ask(self, k: int) -> list[int]:
        """The k samples to label next, best first; fits first where labels have come since.

        Before the first label there is nothing to fit, and the k samples are drawn at random.
        """
        learner, left = self._learner, len(self._learner.pool)
        if not left:
            raise ConfigError("every sample is labelled already: there is none left to ask for.")
        if not isinstance(k, int) or not 1 <= k <= left:
            raise ConfigError(f"{k} samples were asked for: ask for 1 to {left}, the unlabelled ones.")
        size = learner.config.subset_size
        if size is not None and size < k and len(learner.pool.labeled):
            raise ConfigError(f"{k} samples were asked for from a sub-pool of {size}: raise subset_size.")
        if not len(learner.pool.labeled):
            return (
                learner.pool.candidates(None, learner.stream)
                .indices[learner.rng("cold").permutation(left)[:k]]
                .tolist()
            )
        self.fit()
        return learner.query(self.strategy, k).tolist()


def _module(model: object) -> nn.Module | Callable[[], nn.Module]:
    if not callable(model):
        raise ModelError(
            f"a PyTorch module, a function that makes one or a Classifier was expected, not {model!r:.60}."
        )
    return model


def _array(samples: ArrayLike | Tensor) -> NDArray[Any] | Tensor:
    return samples if isinstance(samples, Tensor) else np.asarray(samples)


def _integers(values: Sequence[int] | Tensor, what: str) -> Tensor:
    try:
        tensor = torch.as_tensor(values)
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError(f"{what} must be a list of integers, which {values!r:.60} is not.") from error
    if tensor.dim() == 1 and not len(tensor):
        return tensor.to(torch.int64)
    # A Boolean mask is no list of indices, however well it converts.
    if tensor.dim() != 1 or tensor.is_floating_point() or tensor.dtype == torch.bool:
        raise DataError(f"{what} must be a list of integers, not {tensor.dtype} of shape {tuple(tensor.shape)}.")
    return tensor.to(torch.int64)
