"""Tasks of active learning at random, each from the streams of its number.

Legend of dimensions: N samples of a task, V numbers of one in the source, D width of inputs, G of the geometry.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor
from torch.nn.functional import avg_pool2d

from iale.dagger.universal._labels import draw_labels, draw_shares
from iale.dagger.universal._sources import Source, Sources, load_source, on_one_scale
from iale.dagger.universal.config import UniversalConfig
from iale.seeding import Stream

_SIZES = (1, 2, 5, 10, 20, 50)
POOL = (200, 800)
_WIDTH = (16, 768)
_SIDE = 14  # most pixels of a side, for a CNN
_SYNTHETIC = 4_000  # samples of a task from no data set


@dataclass(frozen=True, eq=False)
class Task:
    """A pool to be labeled, and what judges it. Samples 0 … n−1 are the pool, and all others score.

    Attributes:
        number: 1, 2, …
        source: the name of the data set, or "synthetic".
        story: how it was made, for people.
        inputs: float32 [N, D], or images [N, channels, height, width] for a CNN.
        geometry: float32 [N, G], a view that knows no label.
        labels: int64 [N].
        classes: C.
        pool: n.
        size: samples in a batch.
        first: int64 [m], what is labeled at the start.
        classifier: "linear", "mlp" or "cnn".
    """

    number: int
    source: str
    story: str
    inputs: Tensor
    geometry: Tensor
    labels: Tensor
    classes: int
    pool: int
    size: int
    first: Tensor
    classifier: str


def draw_task(config: UniversalConfig, number: int, sources: Sources = load_source) -> Task:
    """The task with a number; ``sources`` finds data sets by name."""
    stream = Stream(config.seed).child("task", number)
    rng = stream.child("source").numpy()
    names = config.used_sources
    real = rng.random() >= config.synthetic
    source = sources(names[rng.integers(len(names))]) if real else _synthetic(stream.child("points").numpy())
    rng = stream.child("classes").numpy()
    labels, classes, said = draw_labels(source, rng) if real else (source.labels, source.classes, "as drawn")
    shares, balance = draw_shares(classes, rng)
    rng = stream.child("sizes").numpy()
    pool, rows = _draw_rows(labels, shares, config.scoring_size, rng)
    size = int(rng.choice([k for k in _SIZES if k <= max(1, pool // 8)]))
    first, start = _first(labels[rows[:pool]], classes, rng)
    chance = rng.random()
    classifier = "mlp" if chance < config.mlp else "linear"
    if config.mlp <= chance < config.mlp + config.cnn and len(source.shape) == 3:
        classifier = "cnn"
    rng = stream.child("view").numpy()
    inputs, seen = _view(source, rows, _between(*_WIDTH, rng), rng)
    geometry, shape = (inputs, "the inputs") if rng.random() < 0.5 else _view(source, rows, 64, rng)
    if classifier == "cnn":
        shape = seen if shape == "the inputs" else shape
        inputs, seen = _images(source, rows), "images"
    story = (
        f"{source.name}, {said}, {balance}; {seen}, seen as {shape}; {classifier}, pool {pool}, batches of {size}, "
        f"{start}"
    )
    return Task(number, source.name, story, inputs, geometry, labels[rows], classes, pool, size, first, classifier)


def _between(low: int, high: int, rng: Generator) -> int:
    """An integer, even in the logarithm."""
    return round(float(np.exp(rng.uniform(math.log(low), math.log(high)))))


def _draw_rows(
    labels: Tensor, shares: np.ndarray[tuple[int], np.dtype[np.float64]], scoring: int, rng: Generator
) -> tuple[int, Tensor]:
    """The size of the pool, and rows of the source: those of the pool, then those that score; none twice."""
    used = np.flatnonzero(labels.numpy() >= 0)
    classes = labels.numpy()[used]
    counts = np.bincount(classes, minlength=len(shares))
    pool = min(int(rng.integers(POOL[0], POOL[1] + 1)), max(POOL[0], len(used) - scoring), len(used) // 2)
    # The smallest of exponential draws, divided by weights, are a weighted draw without replacement.
    keys = rng.exponential(size=len(used)) / (shares / np.maximum(counts, 1))[classes]
    chosen = used[np.argsort(keys, kind="stable")[: pool + scoring]]
    return pool, torch.from_numpy(rng.permutation(chosen))


def _first(labels: Tensor, classes: int, rng: Generator) -> tuple[Tensor, str]:
    """int64 [m] of the pool: nothing, as even over the classes as it gets, or at random; and in words."""
    kind, order = rng.random(), rng.permutation(len(labels))
    if kind < 0.12:
        return torch.empty(0, dtype=torch.int64), "from no label"
    size = min(_between(2, 100, rng), len(labels) // 4)
    if kind < 0.55:
        return torch.from_numpy(np.sort(order[:size])), f"from {size} random labels"
    known = labels.numpy()[order]
    place = np.empty(len(order), dtype=np.int64)  # of each sample among those of its class
    for label in range(classes):
        own = np.flatnonzero(known == label)
        place[own] = np.arange(len(own))
    return torch.from_numpy(np.sort(order[np.argsort(place, kind="stable")[:size]])), f"from {size} balanced labels"


def _view(source: Source, rows: Tensor, width: int, rng: Generator) -> tuple[Tensor, str]:
    """float32 [N, D] of some samples: principal components, a random projection, or random networks; and in words."""
    points, kind = source.points[rows], rng.integers(3)
    if kind == 0:
        width = min(width, source.directions.shape[1])
        return points @ source.directions[:, :width], f"{width} principal components"
    if kind == 1:
        return points @ _weights(points.shape[1], width, rng), f"{width} random projections"
    hidden = torch.relu(points @ _weights(points.shape[1], width, rng))
    depth = int(rng.integers(1, 3))
    for _ in range(depth - 1):
        hidden = torch.relu(on_one_scale(hidden) @ _weights(width, width, rng))
    return hidden, f"a random network of {depth} x {width}"


def _images(source: Source, rows: Tensor) -> Tensor:
    """float32 [N, channels, height, width], at most 14 pixels a side: a CNN is fitted often in every state."""
    images = source.points[rows].view(len(rows), *source.shape)
    return avg_pool2d(images, max(1, -(-max(source.shape[1:]) // _SIDE)))


def _weights(inputs: int, outputs: int, rng: Generator) -> Tensor:
    """float32 [inputs, outputs] that keep the scale."""
    return torch.from_numpy(rng.standard_normal((inputs, outputs), dtype=np.float32)) / math.sqrt(inputs)


def _synthetic(rng: Generator) -> Source:
    """Clusters of points, bent by a random network; a class is some of the clusters, or what a random network says."""
    classes, latent = _between(2, 50, rng), _between(2, 32, rng)
    clusters = classes * int(rng.integers(1, 5))
    centers = rng.standard_normal((clusters, latent), dtype=np.float32)
    weights = rng.dirichlet(np.full(clusters, 2.0))
    member = rng.choice(clusters, _SYNTHETIC, p=weights)
    spread = float(np.exp(rng.uniform(math.log(0.15), math.log(1.0))))
    points = torch.from_numpy(centers[member] + spread * rng.standard_normal((_SYNTHETIC, latent), dtype=np.float32))
    if rng.random() < 0.5:
        labels = torch.from_numpy(rng.permutation(np.arange(clusters) % classes))[torch.from_numpy(member)]
    else:
        hidden = torch.relu(points @ _weights(latent, 64, rng) + torch.from_numpy(rng.standard_normal(64)).float())
        scores = on_one_scale(hidden) @ _weights(64, classes, rng)
        labels = (scores / scores.std(dim=0)).argmax(dim=1)
    bent = torch.tanh(points @ _weights(latent, 128, rng)) @ _weights(128, 128, rng)
    noise = float(rng.uniform(0, 0.1)) * torch.from_numpy(rng.standard_normal((_SYNTHETIC, 128), dtype=np.float32))
    return Source("synthetic", on_one_scale(on_one_scale(bent) + noise), labels, classes)
