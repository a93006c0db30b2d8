from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from iale.classifiers import FitJob
from iale.classifiers import _statistics as statistics
from iale.classifiers._statistics import channel_statistics
from iale.classifiers.base import TrainingConfig, resolve_device
from iale.classifiers.build import CLASSIFIERS, build_classifier
from iale.data._checks import rows_of
from iale.data.arrays import ArraySamples
from iale.errors import ConfigError, DataError, UnknownNameError

IMAGES = np.random.default_rng(0).integers(0, 256, (30, 3, 8, 9), dtype=np.uint8)


def test_statistics_are_those_of_each_channel_between_0_and_1() -> None:
    mean, std = channel_statistics(ArraySamples(IMAGES, channels="first"))
    assert mean == pytest.approx((IMAGES / 255).mean(axis=(0, 2, 3)).tolist())
    assert std == pytest.approx((IMAGES / 255).std(axis=(0, 2, 3)).tolist())


def test_statistics_of_features_keep_their_scale() -> None:
    features = np.random.default_rng(0).normal(1e6, 10, (40, 3))
    mean, std = channel_statistics(ArraySamples(features))
    assert mean == pytest.approx(features.mean(axis=0).tolist())
    assert std == pytest.approx(features.std(axis=0).tolist(), rel=0.01)


def test_statistics_look_at_no_more_samples_than_asked() -> None:
    mean, _ = channel_statistics(ArraySamples(np.arange(10.0)[:, None]), most=2)
    assert mean == [4.5]  # the first and the last


@pytest.mark.parametrize(("name", "width"), [("cnn", 128), ("mlp", 256), ("resnet18", 128)])
def test_every_registered_classifier_is_built_for_the_samples(name: str, width: int) -> None:
    samples = ArraySamples(IMAGES, channels="first")
    classifier = build_classifier(name, samples, 4, TrainingConfig(device="cpu"))
    assert (classifier.num_classes, classifier.embedding_dim, classifier.has_dropout) == (4, width, True)
    assert name in CLASSIFIERS


@pytest.mark.parametrize("name", ["cnn", "mlp", "linear"])
def test_inputs_of_another_shape_are_refused_and_not_stretched_over_the_statistics(name: str) -> None:
    samples, labels = ArraySamples(IMAGES, channels="first"), torch.arange(30) % 2
    classifier = build_classifier(name, samples, 2, TrainingConfig(device="cpu"))
    job = FitJob(torch.arange(30), labels, seed=0)
    fitted = classifier.fit(IMAGES, job)  # type: ignore[arg-type]  # an array does as well
    assert len(fitted.outputs(IMAGES, torch.arange(2))) == 2  # type: ignore[arg-type]
    gray, large = IMAGES[:, :1], np.zeros((30, 3, 9, 9), np.uint8)
    for wrong in (gray, large):
        other = ArraySamples(wrong, channels="first")
        message = rf"made for inputs of shape \(3, 8, 9\), and these have the shape {re.escape(str(other.shape))}"
        with pytest.raises(DataError, match=message):
            classifier.fit(other, job)
        with pytest.raises(DataError, match=message):
            fitted.outputs(other, torch.arange(2))
        if classifier.has_dropout:
            with pytest.raises(DataError, match=message):
                fitted.monte_carlo(other, torch.arange(2), passes=2, seed=0)


def test_an_unknown_classifier_lists_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match=r"did you mean 'cnn'.*cnn, linear, mlp, resnet18"):
        build_classifier("cnnn", ArraySamples(IMAGES, channels="first"), 4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "epochs must be at least 1, not 0"),
        ({"batch_size": 0}, "batch size must be at least 1, not 0"),
        ({"learning_rate": float("nan")}, "learning rate must be above 0"),
        ({"stop_accuracy": 1.01}, "stop accuracy must be above 0 and at most 1"),
        ({"device": "abacus"}, "unknown device 'abacus'"),
        ({"device": "meta"}, "device 'meta' is not supported"),
    ],
)
def test_training_options_out_of_range(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TrainingConfig(**options)  # type: ignore[arg-type]


def test_auto_takes_the_gpu_where_there_is_one() -> None:
    assert resolve_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


class _Endless:
    """Samples without memory, which refuse an index beyond their end as arrays do."""

    shape, dtype = (1,), torch.float32

    def __init__(self, length: int) -> None:
        self.length = length

    def __len__(self) -> int:
        return self.length

    def batch(self, indices: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(rows_of(indices, self.length)).float()[:, None]


@pytest.mark.parametrize("length", [2**24 - 1, 2**24, 16_777_220, 2**24 + 5, 2**25 + 3, 3 * 10**9])
def test_statistics_of_many_samples_end_with_the_last(length: int) -> None:
    """A float32 cannot name the last of them, and rounds upwards for some lengths."""
    (mean,), _ = channel_statistics(_Endless(length))
    assert mean == pytest.approx((length - 1) / 2, rel=1e-3)


@pytest.mark.parametrize("length", [1, 999, 1438, 3000, 8000, 50_000, 60_000])
def test_statistics_of_kept_records_look_at_the_samples_they_looked_at(length: int) -> None:
    seen = channel_statistics(_Endless(length))
    rows = torch.linspace(0, length - 1, min(1000, length)).long().double()
    assert seen == ([float(rows.mean())], [float(rows.std(correction=0))])


class _Watched(ArraySamples):
    """Notes how many values are read at a time."""

    most = 0

    def batch(self, indices: torch.Tensor) -> torch.Tensor:
        found = super().batch(indices)
        self.most = max(self.most, found.numel())
        return found


@pytest.mark.parametrize(
    "values",
    [
        np.random.default_rng(0).integers(0, 256, (50, 3, 8, 9), dtype=np.uint8),
        np.random.default_rng(0).normal(1e4, 1, (50, 70)) + np.arange(50)[:, None],
        np.random.default_rng(0).normal(size=(50, 1, 300, 1)),
    ],
)
def test_statistics_of_large_inputs_are_computed_a_part_at_a_time(
    values: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statistics, "_VALUES", 1000)
    samples = _Watched(values, channels="first" if values.ndim == 4 else None)
    mean, std = channel_statistics(samples)
    assert samples.most <= 1000
    scaled = values / 255 if values.dtype == np.uint8 else np.float32(values).astype(np.float64)
    rest = (0, *range(2, values.ndim))
    assert np.allclose(mean, scaled.mean(axis=rest), rtol=1e-12, atol=1e-13)
    assert np.allclose(std, scaled.std(axis=rest), rtol=1e-9)


def test_rows_of_length_one_are_known_by_all_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "_VALUES", 40)
    rows = np.random.default_rng(0).normal(size=(30, 4))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    rows[:10] = 0
    assert channel_statistics(ArraySamples(rows)) == ([0.0] * 4, [0.5] * 4)
    rows[29] *= 2
    assert channel_statistics(ArraySamples(rows)) != ([0.0] * 4, [0.5] * 4)


@pytest.mark.parametrize("shape", [(200, 3, 32, 32), (200, 17), (150, 1, 28, 28)])
def test_statistics_of_kept_records_have_the_same_last_bits(shape: tuple[int, ...]) -> None:
    samples = ArraySamples(torch.randn(shape, generator=torch.Generator().manual_seed(0)), channels=None)
    flat = samples.batch(torch.arange(shape[0])).double().transpose(0, 1).flatten(1)
    assert channel_statistics(samples) == (flat.mean(dim=1).tolist(), flat.std(dim=1, correction=0).tolist())
