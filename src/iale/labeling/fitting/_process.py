"""The process in which the classifier is fitted while people label.

Nothing of a fit runs in the process that answers people. The fitting process is spawned, gives way to everything else,
uses one thread, and hands its results over as files. If it dies, it is started again.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Future

from iale._model import is_free
from iale.data._away import Back
from iale.errors import DataError, IaleError
from iale.executors import ProcessExecutor
from iale.labeling.fitting._background import compare_models, make_geometry
from iale.labeling.fitting._contest import is_due
from iale.labeling.fitting._fit import fit_project, prepare, warm_up
from iale.labeling.fitting._model import fits_a_head, uses_geometry
from iale.labeling.reader import ProjectReader
from iale.labeling.record._alone import Alone
from iale.recipe import needs_geometry


def warm_process() -> ProcessExecutor:
    """A process for the fits of a project that is not open yet: meanwhile it imports what it needs, for seconds."""
    process = ProcessExecutor(1)
    process.submit(warm_up)
    return process


class Fitter:
    """Fits a project in a process of its own, whenever enough labels have come.

    ``lock`` is the one of the project (`Ledger.lock`). A second lock could be taken in another order than this one, and
    two threads would wait for each other. The first fits are in ``process``, if there is one.
    """

    def __init__(self, project: ProjectReader, lock: threading.RLock, process: ProcessExecutor | None = None) -> None:
        self._alone = Alone(project.folder)
        self.problem = ""  # why the last fit failed
        self._project, self._lock = project, lock
        fits = project.fits.all
        self._known = fits[-1].answered if fits else 0  # changes that the last fit knew of
        self._pool = process
        self._running: Future[None] | None = None
        self._stopped = False
        self._beside: ProcessExecutor | None = None  # makes the geometry, or compares models
        self._blind: int | None = None  # changes when the data did not allow the geometry

    @property
    def busy(self) -> bool:
        """Whether a fit is running."""
        return self._running is not None

    def look(self) -> None:
        """Starts the fitting process, and begins to make the geometry if the model or the strategy needs one."""
        if not self.serves():
            return
        self._pool = self._pool or warm_process()
        try:
            prepared = self._pool.submit(prepare, str(self._project.folder))  # if this fails, the first fit says why
            prepared.add_done_callback(lambda _: self._see_all())
        except BrokenExecutor:  # the process that was given was killed
            self._forget_pool()
            self._see_all()

    def _see_all(self) -> None:
        """Begins to make the geometry, if there is a use for one; until now this would have been in the way."""
        project = self._project
        with self._lock, contextlib.suppress(IaleError, OSError):
            if needs_geometry(project.config) or project.config.embeddings is not None or uses_geometry(project):
                self._begin_beside(make_geometry, self._looked)

    def _looked(self, future: Future[None]) -> None:
        with self._lock, contextlib.suppress(IaleError, OSError):
            if self._stopped or future.cancelled():
                return
            error = future.exception()
            self.problem = "" if error is None else f"the samples could not be compared: {error}"
            self._known = -self._every()  # a fit is due: it asks better
            self._blind = self._project.changes() if isinstance(error, DataError) else None
        self._end_beside()
        self.poke()

    def _every(self) -> int:
        """Changes between two fits."""
        config = self._project.config
        return config.fit_every or (1 if fits_a_head(self._project) else config.batch)

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
        waited = self._project.served_elsewhere
        if self._stopped or not self.serves():
            return
        project = self._project
        changes = project.changes()
        back = self._blind is not None and changes > self._blind  # somebody has seen a sample since
        if waited or back:  # the other server has ended, and may not have made the geometry
            self._blind = None
            self.look()
        due = changes - self._known >= self._every() and project.can_fit()
        if self._stopped or self.busy or not due:
            return
        self._pool = self._pool or ProcessExecutor(1)
        try:
            running = self._pool.submit(fit_project, str(project.folder))
        except BrokenExecutor:
            self._forget_pool()
            return
        self._known, self._running = changes, running
        running.add_done_callback(self._done)

    def serves(self) -> bool:
        """Whether no other process fits this project; if one did and has ended, this one goes on."""
        alone = self._alone.take()
        self._project.served_elsewhere = not alone
        return alone

    def stop(self) -> None:
        """Ends the processes, also in a fit. The caller must not hold the lock: a fit that ends waits for it."""
        with self._lock:
            self._stopped = True
            pools, self._pool, self._beside = (self._pool, self._beside), None, None
        for pool in pools:
            if pool is not None:
                pool.stop()
        self._alone.give_back()

    def _done(self, future: Future[None]) -> None:
        with self._lock:
            if not self._stopped and not future.cancelled():
                self.problem = self._why(error := future.exception())
                if isinstance(error, DataError):  # a disk may be back soon: the next label tries again
                    self._known += 1 - self._every()
                if isinstance(error, Back):  # the geometry is made again
                    self._blind = -1
            self._running = None
        self.poke()  # labels may have come during the fit
        self._compare()

    def _why(self, error: BaseException | None) -> str:
        if error is None:
            return ""
        if isinstance(error, BrokenExecutor):
            self._forget_pool()
            return "the fitting process was killed, often for lack of memory: it starts again with the next labels."
        return str(error) if isinstance(error, IaleError) else f"{type(error).__name__}: {error}"

    def _compare(self) -> None:
        """Lets a network compete with the head, if that is due."""
        project = self._project
        with self._lock, contextlib.suppress(IaleError, OSError):
            free = is_free(project.config) and fits_a_head(project)
            if free and is_due(project.folder, len(project.labels_to_learn_from())):
                self._begin_beside(compare_models, lambda _: self._end_beside())

    def _begin_beside(self, work: Callable[[str], None], then: Callable[[Future[None]], None]) -> None:
        """Starts work in another process, unless one is at work already."""
        if self._beside is None and not self._stopped:
            self._beside = ProcessExecutor(1)
            self._beside.submit(work, str(self._project.folder)).add_done_callback(then)

    def _end_beside(self) -> None:
        """Its memory is given back."""
        with self._lock:
            pool, self._beside = self._beside, None
        _end(pool)

    def _forget_pool(self) -> None:
        pool, self._pool = self._pool, None
        _end(pool)


def _end(pool: ProcessExecutor | None) -> None:
    """Ends a pool, of which this may be one of the threads."""
    if pool is not None:
        threading.Thread(target=pool.stop, daemon=True).start()
