"""The process in which the classifier is fitted while people label.

Nothing of a fit runs in the process that answers people. The fitting process is spawned, gives way to everything else,
uses one thread, and hands its results over as files. If it dies, it is started again.
"""

from __future__ import annotations

import threading
from concurrent.futures import BrokenExecutor, Future

from iale.errors import IaleError
from iale.executors import ProcessExecutor
from iale.labeling.fitting._fit import fit_project, make_geometry
from iale.labeling.reader import ProjectReader
from iale.labeling.record._alone import Alone
from iale.recipe import needs_geometry


class Fitter:
    """Fits a project in a process of its own, whenever enough labels have come.

    ``lock`` is the one of the project (`Ledger.lock`). A second lock could be taken in another order than this one, and
    two threads would wait for each other.
    """

    def __init__(self, project: ProjectReader, lock: threading.RLock) -> None:
        self.problem = ""  # why the last fit failed
        self._project, self._lock = project, lock
        fits = project.fits.all
        self._known = fits[-1].answered if fits else 0  # changes that the last fit knew of
        self._pool: ProcessExecutor | None = None
        self._running: Future[None] | None = None
        self._stopped = False
        self._alone = Alone(project.folder)
        self._looking: ProcessExecutor | None = None  # makes the geometry

    @property
    def busy(self) -> bool:
        """Whether a fit is running."""
        return self._running is not None

    def look(self) -> None:
        """Begins to make the built-in geometry if the strategy needs one; the next fit after that uses it."""
        if self._serves() and needs_geometry(self._project.config) and self._project.views.geometry() is None:
            self._looking = ProcessExecutor(1)
            self._looking.submit(make_geometry, str(self._project.folder)).add_done_callback(self._looked)

    def _looked(self, future: Future[None]) -> None:
        with self._lock:
            if self._stopped or future.cancelled():
                return
            if (error := future.exception()) is not None:
                self.problem = f"the samples could not be compared: {error}"
            self._known = -self._project.config.fit_every  # a fit is due: it asks better
        self.poke()

    def poke(self) -> None:
        """Begins a fit if one is due and none is running; returns at once, and never raises.

        A label is recorded before this is called, and stays recorded even if the fit fails.
        """
        if self.busy:
            return
        try:
            with self._lock:
                self._begin()
        except (IaleError, OSError) as error:  # no process could be started, or the journal cannot be read
            self.problem = str(error)

    def _begin(self) -> None:
        project = self._project
        changes = project.changes()
        due = changes - self._known >= project.config.fit_every and project.can_fit()
        if self._stopped or self.busy or not self._serves() or not due:
            return
        self._pool = self._pool or ProcessExecutor(1)
        try:
            running = self._pool.submit(fit_project, str(project.folder))
        except BrokenExecutor:
            self._forget_pool()
            return
        self._known, self._running = changes, running
        running.add_done_callback(self._done)

    def _serves(self) -> bool:
        """Whether no other process fits this project; if one did and has ended, this one goes on."""
        alone = self._alone.take()
        self._project.served_elsewhere = not alone
        return alone

    def stop(self) -> None:
        """Ends the process, in the middle of a fit. The caller must not hold the lock: a fit that ends waits for it."""
        with self._lock:
            self._stopped = True
            pools, self._pool, self._looking = (self._pool, self._looking), None, None
        for pool in pools:
            if pool is not None:
                pool.stop()
        self._alone.give_back()

    def _done(self, future: Future[None]) -> None:
        with self._lock:
            if not self._stopped and not future.cancelled():
                self.problem = self._why(future.exception())
            self._running = None
        self.poke()  # labels may have come during the fit

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
