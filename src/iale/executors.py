"""Where work runs: in this process, or in a pool of processes; both in the words of `concurrent.futures`.

Every piece of work runs on one PyTorch thread, in this process too: a sum split over another number of threads is
rounded differently, and the same seed must give the same result wherever it runs. More cores mean more workers.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, ProcessPoolExecutor, wait
from itertools import islice
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Protocol, TypeVar

from iale.errors import ConfigError, IaleError

T = TypeVar("T")
Job = TypeVar("Job")


class Executor(Protocol):
    """What is asked of an executor; any `concurrent.futures.Executor` will do."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Starts ``fn(*args, **kwargs)``."""
        ...

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Takes no more work, and frees what the executor holds."""
        ...


class SerialExecutor:
    """Runs each piece of work at once, in this process; the one to debug with."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """A future that is done already."""
        future: Future[T] = Future()
        try:
            with one_thread():
                future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Nothing is held."""


class ProcessExecutor:
    """A pool of spawned processes; what is submitted and returned must be picklable.

    Each worker holds one end of a pipe and ends when this process closes the other, whether it does so in `stop` or by
    dying; so nothing is left running behind a run that was killed.

    Args:
        workers: number of processes.
    """

    def __init__(self, workers: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._theirs, self._ours = context.Pipe(duplex=False)
        self._pool = ProcessPoolExecutor(workers, context, initializer=_begin_worker, initargs=(self._theirs,))

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Sends the work to the next free worker."""
        return self._pool.submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Ends the workers once they have finished what they are at."""
        self._pool.shutdown(wait, cancel_futures=cancel_futures)

    def stop(self) -> None:
        """Ends the workers now, in the middle of what they are at."""
        self._ours.close()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._theirs.close()

    def __enter__(self) -> ProcessExecutor:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Waits for the workers, or ends them at once where an exception is on its way."""
        if kind is None:
            self.shutdown()
        self.stop()


@contextlib.contextmanager
def open_executor(workers: int) -> Iterator[Executor]:
    """The executor for so many workers: 1 is this process itself, more are processes of their own."""
    if workers < 1:
        raise ConfigError(f"the number of workers must be at least 1, not {workers}.")
    if workers == 1:
        yield SerialExecutor()
        return
    with ProcessExecutor(workers) as executor:
        yield executor


def as_completed(executor: Executor, fn: Callable[[Job], T], jobs: Iterable[Job], *, ahead: int = 1) -> Iterator[T]:
    """Results of ``fn(job)`` as they come in; with ``ahead=1`` in the order of the jobs.

    Args:
        executor: where the work runs.
        fn: a function at the top level of a module.
        jobs: taken one by one as the work proceeds.
        ahead: how many jobs are handed to the executor before one of them has come back.

    Raises:
        IaleError: a worker was killed. What a piece of work raises is raised here.
    """
    queue, pending = iter(jobs), set[Future[T]]()
    try:
        while True:
            pending |= {executor.submit(fn, job) for job in islice(queue, ahead - len(pending))}
            if not pending:
                return
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            for future in sorted(done, key=lambda future: future.exception() is not None):  # successes are not lost
                yield future.result()
    except BrokenExecutor as error:
        raise IaleError(
            "a worker process was killed, often for lack of memory: what is finished is kept; start the same command "
            "again, perhaps with fewer workers."
        ) from error


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Limits PyTorch to one thread for a while."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _begin_worker(parent: Connection) -> None:
    """One thread; Ctrl-C is the parent's to handle; gone when the parent is."""
    os.environ["OMP_NUM_THREADS"] = "1"
    import torch

    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: Connection) -> None:
    with contextlib.suppress(EOFError, OSError):
        parent.recv_bytes()  # nothing is ever sent: this returns when the other end is closed
    os._exit(1)
