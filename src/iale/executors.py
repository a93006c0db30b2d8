"""Where work runs: in this process, in a pool of processes or on many machines; in the words of `concurrent.futures`.

`as_completed` hands work out and runs every piece of it on one PyTorch thread, in this process too: a sum that is split
over another number of threads is rounded differently, and the same seed must give the same result wherever it runs.
More cores mean more workers.
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
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Protocol, TypeVar

from iale.errors import ConfigError, IaleError
from iale.registry import Registry

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
        return self._pool.submit(_run, _ByValue((fn, args, kwargs)))

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


def open_serial(workers: int, address: str | None) -> contextlib.AbstractContextManager[Executor]:
    """This process; it is one worker."""
    _refuse(address, "serial")
    if workers > 1:
        raise ConfigError(f"the executor 'serial' is one worker, not {workers}: use 'process' for more.")
    return contextlib.nullcontext(SerialExecutor())


def open_process(workers: int, address: str | None) -> contextlib.AbstractContextManager[Executor]:
    """So many processes on this machine."""
    _refuse(address, "process")
    return ProcessExecutor(workers)


EXECUTORS = Registry(
    "executor",
    {
        "serial": "iale.executors:open_serial",
        "process": "iale.executors:open_process",
        "ray": "iale.integrations.ray:RayExecutor",
    },
)
"""Functions of a number of workers and an address or None; they return a context manager around an `Executor`."""


def open_executor(
    workers: int = 1, executor: Executor | str | None = None, address: str | None = None
) -> contextlib.AbstractContextManager[Executor]:
    """The executor to work with, closed at the end of the ``with`` block.

    Args:
        workers: how many pieces of work run side by side.
        executor: a name in `EXECUTORS`; None takes "serial" for one worker and "process" for more. An executor of your
            own is handed through and left open.
        address: of the machines, for an executor that has some.

    Raises:
        ConfigError: there is no such executor, or it does not go with the workers or the address.
    """
    if workers < 1:
        raise ConfigError(f"the number of workers must be at least 1, not {workers}.")
    if executor is None:
        executor = "serial" if workers == 1 else "process"
    if not isinstance(executor, str):
        return contextlib.nullcontext(executor)
    opened: contextlib.AbstractContextManager[Executor] = EXECUTORS[executor](workers, address)
    return opened


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
            pending |= {executor.submit(on_one_thread, fn, job) for job in islice(queue, ahead - len(pending))}
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


def on_one_thread(fn: Callable[[Job], T], job: Job) -> T:
    """``fn(job)`` with PyTorch limited to one thread."""
    with one_thread():
        return fn(job)


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


class _ByValue:
    """Pickles as the value it holds, with plain pickle: tensors travel as bytes and not as handles of shared memory,
    which need the sender to be alive and a limited number of open files."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __reduce__(self) -> tuple[Callable[[bytes], Any], tuple[bytes]]:
        return pickle.loads, (pickle.dumps(self.value),)


def _run(work: Any) -> Any:
    """What a worker process does; ``work`` arrives as the triple that `_ByValue` held."""
    fn, args, kwargs = work
    return _ByValue(fn(*args, **kwargs))


def _refuse(address: str | None, name: str) -> None:
    if address is not None:
        raise ConfigError(f"the executor {name!r} takes no address: use 'ray' for other machines.")


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
