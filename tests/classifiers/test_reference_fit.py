"""Fits of the CNN and the MLP against a naive loop in float64, with its own hash, masks, layers and Adam."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable
from typing import Literal

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from iale.classifiers.base import FitJob, TrainingConfig
from iale.classifiers.build import build_classifier
from iale.data.arrays import ArraySamples

Way = Literal["equal", "remainder"]
Key = tuple[int, int]
CLASSES, COUNT, BATCH, EPOCHS, SEED = 3, 10, 4, 3, 12345
IMAGES = np.random.default_rng(0).integers(0, 256, (40, 2, 7, 6), dtype=np.uint8)
LABELS = torch.from_numpy(np.random.default_rng(1).integers(0, CLASSES, 40))


def stream(*path: str) -> Key:
    text = repr((SEED, path)).encode()
    seed = int.from_bytes(hashlib.sha256(text).digest()[:8], "little") >> 1
    return seed & 0xFFFFFFFF, seed >> 32


def mix(x: NDArray[np.uint32]) -> NDArray[np.uint32]:
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x7FEB352D)
    x = (x ^ (x >> np.uint32(15))) * np.uint32(0x846CA68B)
    return x ^ (x >> np.uint32(16))


def words(key: Key, n: int) -> NDArray[np.uint32]:
    return mix(mix(np.arange(n, dtype=np.uint32) + np.uint32(key[0])) ^ np.uint32(key[1]))


def fold(key: Key, number: int) -> Key:
    def word(value: int) -> NDArray[np.uint32]:
        return np.array([value & 0xFFFFFFFF], dtype=np.uint32)

    first = mix(word(key[0]) + mix(word(number * 0x9E3779B9 + 0x3C6EF35F)))
    second = mix(word(key[1]) ^ mix(word(number + 0x165667B1)) ^ first)
    return int(first[0]), int(second[0])


def uniform(key: Key, *shape: int) -> Tensor:
    return torch.from_numpy((words(key, int(np.prod(shape))) >> np.uint32(8)) / 2.0**24).reshape(shape)


def cnn(w: list[Tensor], x: Tensor, drop: Callable[[int, float, Tensor], Tensor]) -> tuple[Tensor, Tensor]:
    x = F.relu(F.conv2d(x, w[0], w[1], padding=2))
    x = F.max_pool2d(F.relu(F.conv2d(x, w[2], w[3])), 2)
    embedding = F.relu(drop(0, 0.25, x).flatten(1) @ w[4].T + w[5])
    embedding_dropped = drop(1, 0.5, embedding)
    return embedding_dropped @ w[6].T + w[7], embedding


def mlp(w: list[Tensor], x: Tensor, drop: Callable[[int, float, Tensor], Tensor]) -> tuple[Tensor, Tensor]:
    embedding = F.relu(x.flatten(1) @ w[0].T + w[1])
    return drop(0, 0.5, embedding) @ w[2].T + w[3], embedding


CNN_SHAPES = [(32, 2, 4, 4), (32,), (32, 32, 2, 2), (32,), (128, 32 * 3 * 3), (128,), (CLASSES, 128), (CLASSES,)]
MLP_SHAPES = [(256, 84), (256,), (CLASSES, 256), (CLASSES,)]


@pytest.mark.parametrize(("batches", "starts"), [("equal", [0, 4, 7, 10]), ("remainder", [0, 4, 8, 10])])
@pytest.mark.parametrize(("name", "forward", "shapes"), [("cnn", cnn, CNN_SHAPES), ("mlp", mlp, MLP_SHAPES)])
def test_a_fit_equals_a_naive_loop(
    name: str,
    forward: Callable[..., tuple[Tensor, Tensor]],
    shapes: list[tuple[int, ...]],
    batches: Way,
    starts: list[int],
) -> None:
    """Ten samples in batches of at most 4: either 4, 3 and 3, or 4, 4 and 2."""
    indices = torch.tensor([5, 39, 0, 17, 8, 21, 22, 30, 2, 9])
    raw = torch.from_numpy(IMAGES / 255.0)
    mean, std = raw.mean(dim=(0, 2, 3), keepdim=True), raw.std(dim=(0, 2, 3), keepdim=True, correction=0)
    inputs = (raw - mean) / std

    weights = []
    for number, shape in enumerate(shapes):
        bound = np.prod(shapes[number - number % 2][1:]) ** -0.5
        weights.append(((2 * uniform(fold(stream("init"), number), *shape) - 1) * bound).requires_grad_())
    first = [torch.zeros_like(w) for w in weights]
    second = [torch.zeros_like(w) for w in weights]
    step = 0
    for epoch in range(EPOCHS):
        order = np.argsort(words(fold(stream("batches"), epoch), COUNT).view(np.int32), kind="stable")
        for start, stop in itertools.pairwise(starts):
            batch = indices[order[start:stop]]

            def drop(layer: int, p: float, x: Tensor, step: int = step) -> Tensor:
                kept = uniform(fold(fold(stream("dropout"), step), layer), *x.shape) >= p
                return torch.where(kept, x / (1 - p), 0.0)

            logits, _ = forward(weights, inputs[batch], drop)
            loss = -torch.log_softmax(logits, dim=1)[torch.arange(len(batch)), LABELS[batch]].mean()
            step += 1
            with torch.no_grad():
                for w, m, v, g in zip(weights, first, second, torch.autograd.grad(loss, weights), strict=True):
                    m.mul_(0.9).add_(0.1 * g)
                    v.mul_(0.999).add_(0.001 * g * g)
                    w -= 0.01 * (m / (1 - 0.9**step)) / ((v / (1 - 0.999**step)).sqrt() + 1e-8)
    with torch.no_grad():
        expected, embeddings = forward(weights, inputs, lambda layer, p, x: x)

    samples = ArraySamples(IMAGES, channels="first")
    training = TrainingConfig(epochs=EPOCHS, batch_size=BATCH, batches=batches, learning_rate=0.01, device="cpu")
    classifier = build_classifier(name, samples, CLASSES, training)
    fitted = classifier.fit(samples, FitJob(indices, LABELS[indices], SEED))
    outputs = fitted.outputs(samples, torch.arange(40))
    torch.testing.assert_close(outputs.logits.double(), expected, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(outputs.embeddings.double(), embeddings, rtol=1e-3, atol=1e-3)
    assert float(expected.std()) > 0.1  # a trained network, whose outputs differ by much more than the tolerance
