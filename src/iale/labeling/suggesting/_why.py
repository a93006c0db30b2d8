"""Why a sample is asked for: a word or two, and labeled samples that look like it."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from iale.labeling.reader import ProjectReader
from iale.labeling.suggesting._near import Near, Reach
from iale.labeling.suggesting._sources import Suggested

_CLASSES, _EACH = 2, 3  # likeliest classes, and examples of each
_CLOSE = 0.2  # between the probabilities of two classes: the model is uncertain
_FAR = 0.95  # share of the samples without a label that are nearer to a labeled one
_FEWEST = 2  # others that a sample stands for


@dataclass(frozen=True)
class Example:
    """Labeled samples of one class.

    Attributes:
        label: the class.
        probability: what the model gives it; None if it is an imported source that suggests it.
        samples: ids, the nearest first.
    """

    label: str
    probability: float | None
    samples: tuple[str, ...]


@dataclass(frozen=True)
class Why:
    """Why a sample is asked for.

    Attributes:
        words: in a few words each.
        examples: labeled samples of the likeliest classes that look like it.
    """

    words: tuple[str, ...] = ()
    examples: tuple[Example, ...] = ()


def why(project: ProjectReader, suggested: Suggested, near: Near, sample: str) -> Why:
    """Why a sample may be asked for.

    Of a sample of the test share or one that somebody has answered, nothing is told that would bias the answer.
    """
    index = project.items.ids.index(sample)
    if project.shares.reserved[index]:
        return Why(("honest test",))
    if project.decision(sample) is not None:
        return Why()
    guess, reach = project.guess(sample), near.reach()
    words = []
    if len(guess) > 1 and guess[0][1] - guess[1][1] < _CLOSE:
        words.append(f"uncertain: {guess[0][0]} or {guess[1][0]}")
    likely = dict(guess[:_CLASSES]) | {s.label: None for s in suggested.of(sample) if s.label not in dict(guess)}
    if reach is None:
        return Why(tuple(words))
    point = near.points([index])
    assert point is not None
    distances = torch.cdist(point, reach.points)[0]
    words += _place(reach, index, point, float(distances.min()))
    found = [Example(label, p, _nearest(reach, distances, label)) for label, p in list(likely.items())[: 1 + _CLASSES]]
    return Why(tuple(words), tuple(each for each in found if each.samples))


def _place(reach: Reach, index: int, point: torch.Tensor, gap: float) -> list[str]:
    """Where a sample lies: far from all labels, or amid many others."""
    far = bool(len(reach.gaps)) and gap > float(torch.quantile(reach.gaps, _FAR))
    words = ["new region"] if far else []
    distance = torch.cdist(point, reach.drawn)[0]
    nearer = int(((distance < reach.gaps) & (reach.rows != index)).sum())  # a label of it would be their nearest
    if (others := round(nearer * reach.each)) >= _FEWEST:
        words.append(f"stands for {'about ' if reach.each > 1 else ''}{others} others")
    return words


def _nearest(reach: Reach, distances: torch.Tensor, label: str) -> tuple[str, ...]:
    rows = [row for row in torch.argsort(distances, stable=True).tolist() if reach.labels[row] == label]
    return tuple(reach.ids[row] for row in rows[:_EACH])
