from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import pytest
import torch

from iale.classifiers.base import Classifier, FitJob, FittedClassifier
from iale.classifiers.stacked.meeting import side_by_side
from iale.data.arrays import ArraySamples
from iale.data.samples import Samples

SAMPLES = ArraySamples(np.zeros((3, 2, 2), dtype=np.uint8))


class Recorder:
    """A classifier whose fits return the seeds of their jobs."""

    num_classes, embedding_dim, has_dropout = 2, 3, True

    def __init__(self) -> None:
        self.calls: list[int] = []

    def fit_many(self, samples: Samples, jobs: Sequence[FitJob]) -> list[FittedClassifier]:
        self.calls.append(len(jobs))
        if any(job.seed < 0 for job in jobs):
            raise ValueError("a negative seed")
        return cast(list[FittedClassifier], [job.seed for job in jobs])


def jobs(*seeds: int) -> list[FitJob]:
    return [FitJob(torch.arange(1), torch.arange(1), seed) for seed in seeds]


def test_runs_meet_at_every_fit_and_each_gets_its_own() -> None:
    recorder = Recorder()

    def run(number: int, fits: int, classifier: Classifier) -> list[object]:
        assert (classifier.num_classes, classifier.embedding_dim, classifier.has_dropout) == (2, 3, True)
        return [classifier.fit_many(SAMPLES, jobs(*range(number + step))) for step in range(fits)]

    # Runs with 1, 2 and 3 fits of number + step jobs: those that remain continue together.
    results = side_by_side(recorder, [lambda c, n=n: run(n, n, c) for n in (1, 2, 3)])  # type: ignore[misc]
    assert results == [[list(range(n + step)) for step in range(n)] for n in (1, 2, 3)]
    assert recorder.calls == [1 + 2 + 3, 3 + 4, 5]


def test_what_the_training_raises_reaches_every_run() -> None:
    caught = []

    def run(classifier: Classifier) -> None:
        try:
            classifier.fit_many(SAMPLES, jobs(-1))
        except ValueError as error:
            caught.append(str(error))

    side_by_side(Recorder(), [run, run])
    assert caught == ["a negative seed"] * 2


def test_a_run_that_fails_holds_up_none() -> None:
    def fail(classifier: Classifier) -> None:
        raise KeyError("lost")

    def run(classifier: Classifier) -> None:
        assert classifier.fit_many(SAMPLES, jobs(5)) == cast(object, [5])

    with pytest.raises(KeyError, match="lost"):
        side_by_side(Recorder(), [run, fail])
    assert side_by_side(Recorder(), []) == []
