"""Temperatures against scipy on the same likelihood, and out-of-fold logits against plain single fits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from torch import Tensor

from iale.classifiers._folds import stratified_folds
from iale.classifiers.base import Classifier, FitJob, FittedClassifier, TrainingConfig
from iale.classifiers.build import build_classifier
from iale.classifiers.calibration import calibrated_temperature, cross_validated, temperature
from iale.data.arrays import ArraySamples
from iale.data.samples import Samples
from iale.errors import ConfigError, DataError
from iale.seeding import Stream

CPU = TrainingConfig(device="cpu", epochs=5)
STREAM = Stream(3)


def by_scipy(logits: Tensor, labels: Tensor) -> float:
    values = logits.double().numpy()

    def missed(log: float) -> float:
        scaled = values * np.exp(-log)
        return float((np.logaddexp.reduce(scaled, axis=1) - scaled[np.arange(len(labels)), labels.numpy()]).sum())

    found = minimize_scalar(missed, bounds=(np.log(0.05), np.log(20)), method="bounded", options={"xatol": 1e-10})
    return float(np.exp(found.x))


@pytest.mark.parametrize("seed", range(12))
def test_the_temperature_is_scipys(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    classes = int(torch.randint(2, 30, (), generator=generator))
    logits = torch.randn(60, classes, generator=generator) * 10 ** (seed / 6 - 1)
    labels = torch.distributions.Categorical(logits=logits / (0.3 + seed / 4)).probs.cumsum(1)
    labels = (labels < torch.rand(60, 1, generator=generator)).sum(1).clamp(max=classes - 1)
    assert temperature(logits, labels) == pytest.approx(by_scipy(logits, labels), rel=1e-4)


@pytest.mark.parametrize("factor", [0.25, 1.0, 5.0])
def test_a_known_overconfidence_is_found(factor: float) -> None:
    """Labels in exactly the shares that the honest logits say."""
    shares = torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.5, 0.4]])
    logits = factor * shares.log().repeat_interleave(10, dim=0)
    labels = torch.tensor([0] * 7 + [1] * 2 + [2] + [0] + [1] * 5 + [2] * 4)
    assert temperature(logits, labels) == pytest.approx(factor, rel=1e-6)


def test_bounds() -> None:
    right, labels = torch.eye(3) * 4, torch.arange(3)
    assert temperature(right, labels) == 0.05
    assert temperature(-right, labels) == 20
    assert temperature(torch.full((4, 3), 2.5), torch.zeros(4, dtype=torch.int64)) == 1
    assert temperature(torch.randn(5, 1), torch.zeros(5, dtype=torch.int64)) == 1
    assert temperature(right * 1e30, labels) == 0.05
    for bad in (torch.empty(0, 3), torch.tensor([[0.0, float("nan")]])):
        with pytest.raises(DataError, match="logits that are finite"):
            temperature(bad, torch.zeros(len(bad), dtype=torch.int64))


def test_folds_are_even_stratified_and_of_the_set_alone() -> None:
    generator = torch.Generator().manual_seed(0)
    for _ in range(30):
        n, folds = (int(torch.randint(2, 60, (), generator=generator)) for _ in range(2))
        indices = torch.randperm(500, generator=generator)[:n]
        labels = torch.randint(4, (n,), generator=generator)
        found = stratified_folds(indices, labels, folds, STREAM)
        for chosen in (found, *(found[labels == c] for c in range(4))):
            counts = torch.bincount(chosen, minlength=folds)
            assert int(counts.max() - counts.min()) <= 1
        order = torch.randperm(n, generator=generator)
        assert torch.equal(stratified_folds(indices[order], labels[order], folds, STREAM), found[order])


SAMPLES = ArraySamples(np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32))
INDICES = torch.from_numpy(np.random.default_rng(1).permutation(60)[:31])
LABELS = torch.from_numpy(np.random.default_rng(2).integers(3, size=31))


@pytest.mark.parametrize("name", ["mlp", "linear"])
def test_a_sample_is_judged_by_a_fit_without_it(name: str) -> None:
    classifier = build_classifier(name, SAMPLES, 3, CPU if name == "mlp" else TrainingConfig(device="cpu"))
    found = cross_validated(classifier, SAMPLES, INDICES, LABELS, folds=4, stream=STREAM).logits
    turned = cross_validated(classifier, SAMPLES, INDICES.flip(0), LABELS.flip(0), folds=4, stream=STREAM).logits
    assert torch.equal(found, turned.flip(0))
    order = torch.argsort(INDICES)
    fold = stratified_folds(INDICES, LABELS, 4, STREAM.child("folds"))
    for number in range(4):
        kept = order[fold[order] != number]
        job = FitJob(INDICES[kept], LABELS[kept], STREAM.child("fit", number).seed)
        (alone,) = classifier.fit_many(SAMPLES, [job])
        out = fold == number
        logits = alone.outputs(SAMPLES, INDICES[out]).logits
        torch.testing.assert_close(found[out], logits, atol=1e-5, rtol=1e-4)


class Counted:
    """A classifier that only counts its fits."""

    num_classes, embedding_dim, has_dropout = 3, 4, False

    def __init__(self, inner: Classifier) -> None:
        self.inner, self.sizes = inner, list[list[int]]()

    def fit_many(self, samples: Samples, jobs: Sequence[FitJob]) -> list[FittedClassifier]:
        self.sizes.append([len(job.indices) for job in jobs])
        return self.inner.fit_many(samples, jobs)


def test_all_folds_are_one_call_and_few_labels_need_none() -> None:
    counted = Counted(build_classifier("linear", SAMPLES, 3, TrainingConfig(device="cpu")))

    def calibrated(n: int) -> float:
        return calibrated_temperature(counted, SAMPLES, INDICES[:n], torch.arange(n) % 3, folds=5, stream=STREAM)

    assert calibrated(5) == calibrated(1) == 1
    assert calibrated_temperature(counted, SAMPLES, INDICES, LABELS * 0, stream=STREAM) == 1
    assert counted.sizes == []
    labels = torch.arange(31) % 3
    whole = cross_validated(counted, SAMPLES, INDICES, labels, folds=5, stream=STREAM)
    assert calibrated(31) == temperature(whole.logits, labels) == whole.temperature
    assert len(whole.members) == 5
    assert [sorted(sizes) for sizes in counted.sizes] == [[24, 25, 25, 25, 25]] * 2
    calibrated(6)
    assert counted.sizes[-1] == [4, 5, 5, 5, 5]
    cross_validated(counted, SAMPLES, INDICES[:3], labels[:3], folds=5, stream=STREAM)
    assert counted.sizes[-1] == [2, 2, 2]


def test_what_cannot_be_cross_validated() -> None:
    classifier = build_classifier("linear", SAMPLES, 3, TrainingConfig(device="cpu"))
    with pytest.raises(ConfigError, match="at least 2 folds, not 1"):
        cross_validated(classifier, SAMPLES, INDICES, LABELS, folds=1, stream=STREAM)
    with pytest.raises(DataError, match="at least 2 labeled samples"):
        cross_validated(classifier, SAMPLES, INDICES[:1], LABELS[:1], stream=STREAM)


def test_a_classifier_that_learns_noise_is_cooled() -> None:
    """Labels that the inputs do not tell, and a head that is made to fit them: it is far too sure of itself."""
    samples = ArraySamples(np.random.default_rng(5).normal(size=(120, 40)).astype(np.float32))
    labels = torch.from_numpy(np.random.default_rng(6).integers(2, size=120))
    heads = [build_classifier("linear", samples, 2, TrainingConfig(device="cpu"), l2=l2) for l2 in (1e-2, 1e3)]
    sure, vague = (calibrated_temperature(h, samples, torch.arange(120), labels, stream=STREAM) for h in heads)
    assert sure > 5
    assert sure > vague
