"""Runs, seeds and episodes on the machines of a Ray cluster: the extra `ray`.

The machines need no shared folder. Work and results travel over the network, and a worker reads nothing from disk
except its own copy of the data set.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Future
from concurrent.futures import wait as wait_for
from functools import cache, partial
from pathlib import Path
from typing import Any, Protocol, TypeAlias, TypeVar

from iale._packages import to_install
from iale._versions import versions
from iale.errors import ConfigError, IaleError

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray reports nothing to its makers unless the user wants it to
try:
    import ray
    from ray import exceptions
except ModuleNotFoundError as error:
    raise ConfigError(f"the executor 'ray' needs Ray: {to_install('ray')}.") from error

_T = TypeVar("_T")
_AnyFuture: TypeAlias = Future[Any]
_Answer: TypeAlias = tuple[object, Exception | None]

_RETRIES = 3
"""How often a piece of work is started again after its worker was killed. After that, the work itself is to blame."""

_OBJECT_STORE = 100 * 2**20  # bytes; results are small, and Ray's default is 30 % of the memory
_REACH = 10.0  # seconds to wait for the first answer from a cluster
_TRIES = 3
_LOOK = 0.2  # seconds between two looks of a worker at the process that started it
_QUIET: dict[str, int | bool] = {"log_to_driver": False, "logging_level": logging.ERROR}
_LOST = (
    exceptions.WorkerCrashedError,
    exceptions.OutOfMemoryError,
    exceptions.NodeDiedError,
    exceptions.LocalRayletDiedError,
    exceptions.ObjectLostError,
)


class _Reference(Protocol):
    """Ray's handle of a task."""

    def future(self) -> Future[_Answer]: ...


class _Remote(Protocol):
    """A function that Ray runs elsewhere."""

    def remote(self, *args: object) -> _Reference: ...


class RayExecutor:
    """Pieces of work as Ray tasks of one core each. A task whose worker is killed is started again elsewhere.

    The executor starts Ray, or joins a cluster, when the first work is submitted. If Ray already runs in this process,
    it is used and left running.

    Args:
        workers: pieces of work to run side by side. A Ray that is started here gets as many cores, and the GPUs of a
            cluster are shared by as many workers.
        address: of a running cluster: ``HOST:6379``, ``ray://HOST:10001`` or ``auto``. The default is the environment
            variable RAY_ADDRESS; without it, Ray is started on this machine.

    Raises:
        ConfigError: there is no cluster at the address (when the first work is submitted), or a worker has other
            versions of Python, PyTorch, NumPy or iale than this process (from the future of the work).
        IaleError: Ray does not start on this machine.
    """

    def __init__(self, workers: int, address: str | None = None) -> None:
        self._workers = workers
        self._address = address or os.environ.get("RAY_ADDRESS")
        self._owned = False
        self._start: _Remote | None = None
        self._pending: dict[_AnyFuture, _Reference] = {}

    def submit(self, fn: Callable[..., _T], /, *args: object, **kwargs: object) -> Future[_T]:
        """Sends the work to the cluster, which starts it when a core is free."""
        if self._start is None:
            self._start = self._connect()
        future: Future[_T] = Future()
        reference = self._start.remote(versions(), fn, args, kwargs)
        self._pending[future] = reference
        future.add_done_callback(self._pending.pop)
        reference.future().add_done_callback(partial(_settle, future))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Waits for the work, or cancels it, and leaves the cluster."""
        if wait and not cancel_futures:
            wait_for(list(self._pending))
        self._start = None
        if self._owned:
            self._owned = False
            ray.shutdown()  # ends what still runs
        elif cancel_futures:
            for reference in list(self._pending.values()):
                ray.cancel(reference, force=True)

    def __enter__(self) -> RayExecutor:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Waits for the work, or cancels it on an exception."""
        self.shutdown(cancel_futures=kind is not None)

    def _connect(self) -> _Remote:
        if not ray.is_initialized():
            if self._address is None:
                _start_here(self._workers)
            else:
                _join(self._address)
            self._owned = True
        gpus = _gpu_share(int(ray.cluster_resources().get("GPU", 0)), self._workers)
        remote: _Remote = ray.remote(_run).options(num_cpus=1, num_gpus=gpus, max_retries=_RETRIES)
        return remote


def _gpu_share(gpus: int, workers: int) -> float:
    """The share of one GPU that each worker reserves, so that all of them can run side by side.

    >>> _gpu_share(0, 16), _gpu_share(8, 4), _gpu_share(8, 8), _gpu_share(8, 12)
    (0.0, 1.0, 1.0, 0.5)
    """
    # 1 / (whole number of workers): other shares would not add up to one GPU, and none spans two machines.
    return 1.0 / -(-workers // gpus) if gpus else 0.0


def _run(
    here: dict[str, str], fn: Callable[..., object], args: tuple[object, ...], kwargs: dict[str, object]
) -> _Answer:
    """What a worker does. An exception is returned as a value, because Ray would raise it wrapped in one of its own."""
    there = versions()
    if there != here:
        odd = ", ".join(f"{name} {there[name]} and not {here[name]}" for name in here if there[name] != here[name])
        return None, ConfigError(f"a Ray worker has {odd}: install the same versions on every machine.")
    _end_with_ray()
    try:
        return fn(*args, **kwargs), None
    except Exception as error:
        return None, error


@cache
def _end_with_ray() -> None:
    """Ends this worker, in the middle of its work, as soon as the process of Ray that started it is gone.

    A Ray of this machine dies with a command that is killed, and Ray itself lets its workers compute for seconds more.
    """
    threading.Thread(target=_end_without, args=(_starter(),), daemon=True).start()


def _starter() -> int:
    """The process of Ray that started this worker, as Ray tells its workers.

    If it is gone by now, the parent is whoever takes in orphans, and would be there forever. If it is there and not the
    parent, something stands between the two, as in a container, and ends with it.
    """
    told = os.environ.get("RAY_RAYLET_PID")
    return int(told) if told and not _at_work(told) else os.getppid()


def _at_work(process: str) -> bool:
    """Whether there is such a process that has not ended; one that has may stay until it is collected."""
    try:
        return ") Z " not in Path("/proc", process, "stat").read_text(errors="replace")
    except OSError:
        return False


def _end_without(parent: int) -> None:
    while os.getppid() == parent:  # Ray starts workers, so none of them can inherit a pipe as those of a pool do
        time.sleep(_LOOK)
    os._exit(1)


def _settle(future: _AnyFuture, arrived: Future[_Answer]) -> None:
    """Passes Ray's answer on to the future that `submit` returned."""
    result: object = None
    error: BaseException | None
    try:
        result, error = arrived.result()
    except _LOST as lost:
        error = BrokenExecutor(str(lost))
    except BaseException as other:
        error = other
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)


def _start_here(workers: int) -> None:
    """Starts Ray on this machine. On a busy one, its processes may start too slowly for Ray, so it tries again."""
    for left in reversed(range(_TRIES)):
        try:
            ray.init(
                address="local", num_cpus=workers, object_store_memory=_OBJECT_STORE, include_dashboard=False, **_QUIET
            )
            return
        except Exception as error:  # Ray raises exceptions of all kinds, even plain ones
            ray.shutdown()
            if not left:
                raise IaleError(
                    f"Ray did not start on this machine ({_first_line(error)}): try again when it is less busy, or use "
                    f"the executor 'process'."
                ) from error


def _join(address: str) -> None:
    _check_reachable(address)
    try:
        ray.init(address=address, **_QUIET)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise ConfigError(
            f"cannot join the Ray cluster at {address} ({_first_line(error)}): start one with `ray start --head`, with "
            f"the same versions of Python and Ray as here."
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")


def _check_reachable(address: str) -> None:
    """Raises ConfigError if nothing listens there. Ray itself would try for minutes and then end the process."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        return  # "auto" and the like
    try:
        socket.create_connection((host, int(port)), _REACH).close()
    except OSError as error:
        raise ConfigError(
            f"there is no Ray cluster at {address} ({error.strerror or error}): start one with `ray start --head`, or "
            f"leave out the address to run on this machine."
        ) from error
