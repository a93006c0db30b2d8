"""Where work runs: in this process, in a pool of processes, or on many machines, with the API of `concurrent.futures`.

`as_completed` runs every piece of work on one PyTorch thread, even in this process: with another number of threads,
sums are rounded differently, and the same seed would not give the same result everywhere. To use more cores, use more
workers.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, ProcessPoolExecutor, wait
from itertools import islice
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from typing import Protocol, TypeVar, cast

from iale.errors import ConfigError, IaleError
from iale.registry import Registry

_T = TypeVar("_T")
_Job = TypeVar("_Job")
_Work = tuple[Callable[..., object], tuple[object, ...], dict[str, object]]


class Executor(Protocol):
    """What iale needs of an executor; any `concurrent.futures.Executor` will do."""

    def submit(self, fn: Callable[..., _T], /, *args: object, **kwargs: object) -> Future[_T]:
        """Starts ``fn(*args, **kwargs)``."""
        ...

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Accepts no more work, and releases all resources."""
        ...


class _SerialExecutor:
    """Runs each piece of work immediately, in this process, where it is easy to debug."""

    def submit(self, fn: Callable[..., _T], /, *args: object, **kwargs: object) -> Future[_T]:
        future: Future[_T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Does nothing: this executor holds nothing."""


class ProcessExecutor:
    """A pool of spawned processes. Work and results must be picklable.

    Each worker holds one end of a pipe, and exits when this process closes the other end, in `stop` or because it dies.
    So a run that is killed leaves no processes behind.
    """

    def __init__(self, workers: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._theirs, self._ours = context.Pipe(duplex=False)
        self._pool = ProcessPoolExecutor(workers, context, initializer=_begin_worker, initargs=(self._theirs,))
        resource_tracker.ensure_running()  # here, because it lets Ctrl-C through at its end, see `_without_ctrl_c`

    def submit(self, fn: Callable[..., _T], /, *args: object, **kwargs: object) -> Future[_T]:
        """Sends the work to the next free worker."""
        run = cast(Callable[[object], _T], _run)  # both values change their type on the way, see `_ByValue`
        with _without_ctrl_c():  # this may spawn a worker
            return self._pool.submit(run, _ByValue((fn, args, kwargs)))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Ends the workers after they have finished their work."""
        self._pool.shutdown(wait, cancel_futures=cancel_futures)

    def stop(self) -> None:
        """Ends the workers now, in the middle of their work."""
        self._ours.close()
        for worker in list((self._pool._processes or {}).values()):
            worker.terminate()  # one that is still starting does not look at the pipe yet
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._theirs.close()

    def __enter__(self) -> ProcessExecutor:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Waits for the workers, or ends them at once on an exception."""
        if kind is None:
            self.shutdown()
        self.stop()


def _open_serial(workers: int, _: str | None) -> contextlib.AbstractContextManager[Executor]:
    if workers > 1:
        raise ConfigError(f"the executor 'serial' is one worker, not {workers}: use 'process' for more.")
    return contextlib.nullcontext(_SerialExecutor())


def _open_process(workers: int, _: str | None) -> contextlib.AbstractContextManager[Executor]:
    return ProcessExecutor(workers)


_EXECUTORS = Registry[Callable[[int, str | None], contextlib.AbstractContextManager[Executor]]](
    "executor",
    {
        "serial": "iale.executors:_open_serial",
        "process": "iale.executors:_open_process",
        "ray": "iale.integrations.ray:RayExecutor",
    },
)
"""Functions of the number of workers and an address, which may be None."""


def open_executor(
    workers: int = 1, executor: Executor | str | None = None, address: str | None = None
) -> contextlib.AbstractContextManager[Executor]:
    """An executor in a context manager, which closes it at the end of the ``with`` block.

    Args:
        workers: how many pieces of work run side by side.
        executor: "serial" (this process), "process" (a pool of processes), "ray" (a cluster), or your own `Executor`,
            which is not closed. None means "serial" for one worker and "process" for more.
        address: of the cluster, for "ray".

    Raises:
        ConfigError: there is no such executor, or it cannot be used with these workers or this address.
    """
    if workers < 1:
        raise ConfigError(f"the number of workers must be at least 1, not {workers}.")
    if executor is None:
        executor = "serial" if workers == 1 else "process"
    if not isinstance(executor, str):
        return contextlib.nullcontext(executor)
    if address is not None and executor in ("serial", "process"):
        raise ConfigError(f"the executor {executor!r} takes no address: use 'ray' for other machines.")
    return _EXECUTORS[executor](workers, address)


def as_completed(executor: Executor, fn: Callable[[_Job], _T], jobs: Iterable[_Job], *, ahead: int = 1) -> Iterator[_T]:
    """Results of ``fn(job)`` as they arrive; with ``ahead=1`` in the order of the jobs.

    Args:
        executor: where the work runs.
        fn: a function at the top level of a module.
        jobs: read one by one as the work proceeds.
        ahead: how many jobs the executor has at a time.

    Raises:
        IaleError: a worker was killed. An exception of a piece of work is raised here unchanged.
    """
    queue, pending = iter(jobs), set[Future[_T]]()
    try:
        while True:
            pending |= {executor.submit(_on_one_thread, fn, job) for job in islice(queue, ahead - len(pending))}
            if not pending:
                return
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            for future in sorted(done, key=lambda future: future.exception() is not None):  # successes are not lost
                yield future.result()
    except BrokenExecutor as error:
        raise IaleError(
            "a worker process was killed, often because memory ran out: finished work is kept; start the same command "
            "again, perhaps with fewer workers."
        ) from error


def _on_one_thread(fn: Callable[[_Job], _T], job: _Job) -> _T:
    with one_thread():
        return fn(job)


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Limits PyTorch to one thread, and restores the former limit afterwards."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


class _ByValue:
    """A value that plain pickle sends.

    PyTorch's own pickling for processes sends handles of shared memory instead of bytes, which needs many open files
    and a sender that stays alive.
    """

    def __init__(self, value: object) -> None:
        self.value = value

    def __reduce__(self) -> tuple[Callable[[bytes], object], tuple[bytes]]:
        return pickle.loads, (pickle.dumps(self.value),)


def _run(work: _Work) -> _ByValue:
    """What a worker process does; ``work`` is the value of the `_ByValue` that was sent."""
    fn, args, kwargs = work
    return _ByValue(fn(*args, **kwargs))


@contextlib.contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """Lets Ctrl-C wait. A process that is spawned meanwhile never gets it: it would print where it was interrupted."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin_worker(parent: Connection) -> None:
    """Sets up a worker: it exits with the parent, ignores Ctrl-C, and has one thread."""
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()  # first: PyTorch takes seconds to import
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["OMP_NUM_THREADS"] = "1"
    import torch

    torch.set_num_threads(1)


def _end_with(parent: Connection) -> None:
    with contextlib.suppress(EOFError, OSError):
        parent.recv_bytes()  # nothing is ever sent: this returns when the other end closes
    os._exit(1)
