"""Tasks on which strategies are compared for several steps (docs/protocol.md, "The next form: between strategies")."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from replay import FAMILIES, Floats, Ints, load, unit

SIZES = (10, 50)
STEPS = {10: 5, 50: 2}

_SCORING = 5000
_WIDEST = 128  # principal axes that a head sees of wider points
_POOLS = {"digits": (600, 1000)}


@dataclass(frozen=True)
class Shape:
    """What twins share: the family, the batch, how classes come from those of the family, and the sizes."""

    number: int
    family: str
    k: int
    groups: tuple[int, ...]  # the class of each class of the family, -1 for none
    width: int
    skew: float
    pool: int
    cold: bool  # the first labels are chosen by herding, not at random

    @property
    def classes(self) -> int:
        """C."""
        return max(self.groups) + 1


@dataclass(frozen=True, eq=False)
class Task:
    """A shape with its samples: n in the pool, m that score."""

    shape: Shape
    rows: Floats  # [n, G] of length 1
    seen: Floats  # [n, D]
    labels: Ints  # [n]
    exam: Floats  # [m, D]
    truth: Ints  # [m]
    spread: float  # the effective dimension of the rows


def shape_of(number: int) -> Shape:
    """The shape of task 0, 1, …; families and sizes of batches take turns."""
    rng = np.random.default_rng([7, number])
    family, k = FAMILIES[number % 3], SIZES[number // 3 % 2]
    classes, way = int(rng.integers(2, 11)), int(rng.integers(3))
    order = rng.permutation(10)
    if way == 0 or classes == 10:
        groups = np.arange(10)
    elif way == 1:  # left out
        groups = np.full(10, -1)
        groups[order[:classes]] = np.arange(classes)
    else:  # merged
        groups = np.empty(10, int)
        groups[order] = np.concatenate([np.arange(classes), rng.integers(classes, size=10 - classes)])
    return Shape(
        number,
        family,
        k,
        tuple(groups.tolist()),
        int(np.exp(rng.uniform(np.log(16), np.log(768)))),
        float(rng.uniform(2, 10)) if rng.random() < 1 / 3 else 1.0,
        int(rng.integers(*_POOLS.get(family, (2000, 2500)))),
        bool(rng.random() < 0.5),
    )


@cache
def _whole(family: str) -> tuple[Floats, Ints]:
    """All samples of a family along their principal axes, of which the first 768 are kept."""
    rows, labels, test, truth = load(family)
    rows = unit(np.concatenate([rows, test]))
    axes = np.linalg.eigh(rows.T @ rows)[1][:, ::-1][:, :768]
    return (rows @ axes).astype(np.float32), np.concatenate([labels, truth])


def task_of(shape: Shape, twin: int) -> Task:
    """The samples of a twin."""
    rng = np.random.default_rng([9, shape.number, twin])
    rows, labels = _whole(shape.family)
    labels = np.array(shape.groups)[labels]
    share = np.where(labels < 0, 0, shape.skew ** (-np.maximum(labels, 0) / max(1, shape.classes - 1)))
    kept = rng.permutation(np.flatnonzero(rng.random(len(labels)) < share))
    size = min(shape.pool, 2 * len(kept) // 3)
    pool, scoring = kept[:size], kept[size : size + _SCORING]
    points = unit(rows[:, : shape.width])
    mean = points[pool].mean(0)
    scale = np.sqrt(((points[pool] - mean) ** 2).mean())
    spectrum = np.linalg.eigvalsh(np.cov(points[pool].T))

    def seen(places: Ints) -> Floats:
        centered = (points[places] - mean)[:, :_WIDEST] / scale
        return np.concatenate([centered, np.ones((len(places), 1))], 1).astype(np.float32)

    return Task(
        shape,
        points[pool],
        seen(pool),
        labels[pool],
        seen(scoring),
        labels[scoring],
        float(spectrum.sum() ** 2 / (spectrum**2).sum()),
    )
