"""Two opinions as one: which share and which temperature, against a fine search; and what a learner tells of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from torch import Tensor

from iale.classifiers._second_opinion import OpinionPool, has_learned, likeliest_pool
from iale.classifiers.base import Classifier, FitJob, Outputs, TrainingConfig
from iale.classifiers.build import build_classifier
from iale.classifiers.calibration import temperature
from iale.classifiers.heads import LinearHead
from iale.data.arrays import ArraySamples
from iale.data.pool import Pool
from iale.geometry.embeddings import PointSamples
from iale.geometry.points import Points
from iale.learner import Learner, QueryConfig
from iale.seeding import Stream
from iale.strategies import UncertaintyHerding
from iale.strategies.base import Need, QueryContext, QueryStrategy
from iale.strategies.herding import ErrorHerding

CPU = TrainingConfig(device="cpu", epochs=100)


def _opinions(seed: int, n: int = 60, classes: int = 4) -> tuple[Tensor, Tensor, Tensor]:
    """Logits of two judges that err independently, and the labels."""
    generator = Stream(seed, ("opinions",)).torch()
    labels = torch.randint(classes, (n,), generator=generator)
    right = torch.nn.functional.one_hot(labels, classes)
    noise = torch.randn(2, n, classes, generator=generator)
    return 3 * right + 2 * noise[0], 8 * right + 9 * noise[1], labels


def _missed(probs: Tensor, labels: Tensor) -> float:
    return float(-probs.gather(1, labels[:, None]).log().mean())


@pytest.mark.parametrize("seed", range(4))
def test_the_pool_is_the_likeliest_one(seed: int) -> None:
    """No share of a grid, with the temperature that scipy finds for it, makes the labels likelier."""
    first, second, labels = _opinions(seed)
    found = likeliest_pool(first, second, labels)
    own, other = first.double() / temperature(first, labels), second.double() / temperature(second, labels)

    def least(share: float) -> float:
        both = (1 - share) * own + share * other
        search = minimize_scalar(
            lambda log: _missed((both * np.exp(-log)).softmax(1), labels), bounds=(-3, 3), method="bounded"
        )
        return float(search.fun)

    reached = _missed(found.probs(first, second), labels)
    assert 0.2 < found.share < 0.8  # both know something
    assert reached == pytest.approx(min(least(step / 20) for step in range(21)), abs=1e-6)
    assert reached < min(least(0.0), least(1.0))


def test_who_knows_nothing_is_not_heard() -> None:
    first, _, labels = _opinions(1)
    nothing = torch.zeros_like(first)
    assert likeliest_pool(first, nothing, labels).share < 1
    torch.testing.assert_close(
        likeliest_pool(first, nothing, labels).probs(first, nothing),
        (first.double() / temperature(first, labels)).softmax(1),
        atol=1e-6,
        rtol=0,
    )
    torch.testing.assert_close(
        likeliest_pool(nothing, first, labels).probs(nothing, first),
        (first.double() / temperature(first, labels)).softmax(1),
        atol=1e-6,
        rtol=0,
    )
    assert likeliest_pool(first, first, labels).share == 0  # the same twice: the smallest share of several


def test_a_pool_by_hand() -> None:
    """Logits (2, 0)/2 and (0, 9)/3, half and half, over 0.5: (1, 3)."""
    probs = OpinionPool(0.5, 2.0, 3.0, 0.5).probs(torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 9.0]]))
    assert probs.tolist()[0] == pytest.approx([1 / (1 + np.e**2), np.e**2 / (1 + np.e**2)])


class Watches(QueryStrategy):
    """Keeps the context."""

    name = "watches"
    needs = frozenset({Need.TEMPERATURE, Need.GEOMETRY, Need.OPINION})

    def __init__(self) -> None:
        self.seen: list[QueryContext] = []

    def select(self, context: QueryContext, k: int, *, rng: np.random.Generator) -> Tensor:
        """The first ones."""
        self.seen.append(context)
        return torch.arange(k)


class Blind:
    """A recipe for networks that see noise alone, beside a geometry that tells everything."""

    def __init__(self, n: int = 150) -> None:
        generator = Stream(5, ("blind",)).torch()
        self.labels = torch.arange(n) % 3
        self.samples = ArraySamples(torch.randn(n, 8, generator=generator).numpy())
        rows = torch.eye(3)[self.labels] + 0.1 * torch.randn(n, 3, generator=generator)
        self.geometry = Points(rows, torch.arange(n))

    def learner(self, classifier: str | Classifier, labeled: int) -> Learner:
        """With its first ``labeled`` labels, not yet fitted."""
        if isinstance(classifier, str):
            training = {"linear": TrainingConfig(device="cpu"), "hasty": replace(CPU, epochs=1)}.get(classifier, CPU)
            classifier = build_classifier("mlp" if classifier == "hasty" else classifier, self.samples, 3, training)
        pool = Pool(torch.arange(len(self.labels)), 3)
        pool.acquire(torch.arange(labeled), self.labels[:labeled])
        config = QueryConfig(subset_size=None)
        return Learner(classifier, self.samples, pool, config, Stream(2), geometry=self.geometry)

    def watched(self, classifier: str | Classifier, labeled: int) -> QueryContext:
        """What a strategy is told."""
        learner, watches = self.learner(classifier, labeled), Watches()
        learner.fit()
        learner.query(watches, 1)
        return watches.seen[0]


def test_a_head_that_sees_more_corrects_the_classifier() -> None:
    blind = Blind()
    context = blind.watched("mlp", 30)
    assert context.opinion is not None
    torch.testing.assert_close(context.opinion.sum(1), torch.ones(120, dtype=torch.float64))
    truth = blind.labels[30:]
    assert float((context.candidates.predictions == truth).double().mean()) < 0.6
    assert float((context.opinion.argmax(1) == truth).double().mean()) > 0.95


def test_the_opinion_is_a_head_of_all_labels_in_the_geometry() -> None:
    """With a share of 1 it is the calibrated head and nothing else."""
    blind = Blind()
    learner, samples = blind.learner("mlp", 30), PointSamples(blind.geometry)
    learner.fit()
    second = learner._second_opinion()
    assert second is not None
    known, rest = torch.arange(30), torch.arange(30, 150)
    alone = LinearHead(samples, 3, TrainingConfig(device="cpu")).fit(samples, FitJob(known, blind.labels[:30], 7))
    torch.testing.assert_close(second.head.outputs(samples, rest).logits, alone.outputs(samples, rest).logits)


@pytest.mark.parametrize(("probability", "expected"), [(0.49, False), (0.51, True)])
def test_who_is_not_sure_of_its_own_labels_has_not_learned(probability: float, expected: bool) -> None:
    """Two labels, of which the first has a probability of 0.3, and the second what makes the mean ``probability``."""
    first, second = 0.3, 2 * probability - 0.3
    logits = torch.tensor([[first, 1 - first], [1 - second, second]]).log()
    assert has_learned(Outputs(logits, torch.zeros(2, 0)), torch.tensor([0, 1])) is expected


@pytest.mark.parametrize(("classifier", "labeled"), [("linear", 30), ("mlp", 5), ("mlp", 0), ("hasty", 30)])
def test_where_there_is_no_second_one_it_is_uncertainty_herding(classifier: str, labeled: int) -> None:
    """A linear head judges itself; five labels of three classes are too few to hold some out; an epoch is too short."""
    answers = []
    for strategy in (UncertaintyHerding(), ErrorHerding()):
        learner = Blind().learner(classifier, labeled)
        (learner.fit if labeled else learner.start_cold)(strategy.needs)
        answers.append(learner.query(strategy, 10).tolist())
    assert answers[0] == answers[1]
    assert ErrorHerding.name != UncertaintyHerding.name


def test_it_is_the_same_in_every_process_and_order_of_labels() -> None:
    blind, found = Blind(), []
    for order in (torch.arange(30), torch.arange(30).flip(0)):
        learner, watches = blind.learner("mlp", 0), Watches()
        learner.pool.acquire(order, blind.labels[order])
        learner.fit()
        learner.query(watches, 1)
        found.append(watches.seen[0].opinion)
    assert torch.equal(found[0], found[1])  # type: ignore[arg-type]
