from __future__ import annotations

import numpy as np
import pytest
import torch

from iale.classifiers._statistics import channel_statistics
from iale.classifiers.base import TrainingConfig, resolve_device
from iale.classifiers.build import CLASSIFIERS, build_classifier
from iale.data.arrays import ArraySamples
from iale.errors import ConfigError, UnknownNameError

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
