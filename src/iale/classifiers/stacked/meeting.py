"""Several runs in one process whose fits are trained together: what fills a GPU that one run leaves idle.

Runs go on threads of their own. When each of them waits for a fit, the last to arrive trains all jobs in one call, so a
stack of E runs is E times as high, and no other thread uses the device meanwhile.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from iale.classifiers.base import Classifier, FitJob, FittedClassifier
from iale.data.samples import Samples

T = TypeVar("T")


class _Request:
    def __init__(self, samples: Samples, jobs: Sequence[FitJob]) -> None:
        self.samples, self.jobs = samples, jobs
        self.answer: list[FittedClassifier] | BaseException | None = None


class Meeting:
    """A `Classifier` shared by runs on several threads; it trains what they ask for together.

    Args:
        classifier: the recipe.
        runs: threads that use it until each calls `leave`.
    """

    def __init__(self, classifier: Classifier, runs: int) -> None:
        self._classifier, self._runs = classifier, runs
        self.num_classes, self.embedding_dim = classifier.num_classes, classifier.embedding_dim
        self.has_dropout = classifier.has_dropout
        self._changed = threading.Condition()
        self._waiting: list[_Request] = []

    def fit_many(self, samples: Samples, jobs: Sequence[FitJob]) -> list[FittedClassifier]:
        """Waits for the other runs, then trains its jobs with theirs; raises what the training raised."""
        request = _Request(samples, jobs)
        with self._changed:
            self._waiting.append(request)
            self._train_if_all_wait()
            self._changed.wait_for(lambda: request.answer is not None)
        if isinstance(request.answer, BaseException):
            raise request.answer
        return request.answer or []

    def leave(self) -> None:
        """One run fewer is waited for."""
        with self._changed:
            self._runs -= 1
            self._train_if_all_wait()

    def _train_if_all_wait(self) -> None:
        if not self._waiting or len(self._waiting) < self._runs:
            return
        requests, self._waiting = self._waiting, []
        for samples in {id(request.samples): request.samples for request in requests}.values():
            group = [request for request in requests if request.samples is samples]
            try:
                fitted = self._classifier.fit_many(samples, [job for request in group for job in request.jobs])
            except BaseException as error:
                for request in group:
                    request.answer = error
            else:
                for request in group:
                    request.answer, fitted = fitted[: len(request.jobs)], fitted[len(request.jobs) :]
        self._changed.notify_all()


def side_by_side(classifier: Classifier, runs: Sequence[Callable[[Classifier], T]]) -> list[T]:
    """What each of ``runs`` returns, given a classifier whose fits all of them share.

    Each run is the same as alone, up to the rounding of a stack of another height. What a run raises is raised here,
    after the others have ended.
    """
    meeting = Meeting(classifier, len(runs))

    def attend(run: Callable[[Classifier], T]) -> T:
        try:
            return run(meeting)
        finally:
            meeting.leave()

    with ThreadPoolExecutor(max(1, len(runs))) as pool:
        futures = [pool.submit(attend, run) for run in runs]
    return [future.result() for future in futures]
