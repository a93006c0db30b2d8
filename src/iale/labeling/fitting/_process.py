"""The process in which the classifier is fitted while people label.

Nothing of a fit runs in the process that answers people: it is spawned, yields to everything else, uses one thread,
and hands its results over as files. Where it dies, it is started again.
"""

from __future__ import annotations

import threading
from concurrent.futures import BrokenExecutor, Future
from pathlib import Path
from typing import Protocol

from iale.errors import IaleError
from iale.executors import ProcessExecutor
from iale.labeling.fitting._fit import fit_project


class Fitted(Protocol):
    """What the fitting process needs to know of a project."""

    @property
    def folder(self) -> Path:
        """Where it lies."""
        ...

    def changes(self) -> int:
        """Answers, undos and new classes so far."""
        ...

    def can_fit(self) -> bool:
        """Whether labels of at least two classes are there to learn from."""
        ...


class Fitter:
    """Fits a project in a process of its own whenever enough labels have come.

    Args:
        project: whose labels are fitted.
        every: changes after which the next fit begins.
        known: changes that the last fit knew of.

    Attributes:
        problem: why the last fit failed, or empty.
    """

    def __init__(self, project: Fitted, every: int, known: int) -> None:
        self.problem = ""
        self._project, self._every, self._known = project, every, known
        self._lock = threading.Lock()
        self._pool: ProcessExecutor | None = None
        self._running: Future[None] | None = None
        self._stopped = False

    @property
    def busy(self) -> bool:
        """Whether a fit is running."""
        return self._running is not None

    def poke(self) -> None:
        """Begins a fit where one is due and none is running; returns at once, and never raises.

        A label is recorded before it is called, and stays so whatever becomes of the fit.
        """
        try:
            if not self.busy:
                self._begin()
        except (IaleError, OSError) as error:  # no process could be started, or the journal cannot be read
            self.problem = str(error)

    def _begin(self) -> None:
        changes = self._project.changes()
        if changes - self._known < self._every or not self._project.can_fit():
            return
        with self._lock:  # nothing of the project is asked for inside: its lock may be held outside
            if self._stopped or self._running is not None:
                return
            self._pool = self._pool or ProcessExecutor(1)
            try:
                running = self._pool.submit(fit_project, str(self._project.folder))
            except BrokenExecutor:
                self._forget_pool()
                return
            self._known, self._running = changes, running
        running.add_done_callback(self._done)

    def stop(self) -> None:
        """Ends the process, in the middle of a fit."""
        with self._lock:
            self._stopped = True
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.stop()

    def _done(self, future: Future[None]) -> None:
        with self._lock:
            if not self._stopped and not future.cancelled():
                self.problem = self._why(future.exception())
            self._running = None
        self.poke()

    def _why(self, error: BaseException | None) -> str:
        if error is None:
            return ""
        if isinstance(error, BrokenExecutor):
            self._forget_pool()
            return "the fitting process was killed, often for lack of memory: it starts again with the next labels."
        return str(error) if isinstance(error, IaleError) else f"{type(error).__name__}: {error}"

    def _forget_pool(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            threading.Thread(target=pool.stop, daemon=True).start()  # this may be one of its own threads
