"""Runs, seeds and episodes on the machines of a Ray cluster: ``pip install "iale[ray]"``.

Nothing is read from or written to disk by a worker but its own copy of the data set: what a piece of work needs travels
with it, and what it finds travels back. So the machines need no shared folder.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Future
from concurrent.futures import wait as wait_for
from functools import partial
from types import TracebackType
from typing import Any, TypeVar

from iale._versions import versions
from iale.errors import ConfigError, IaleError

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported to anyone unless asked for
try:
    import ray
    from ray import exceptions
except ModuleNotFoundError as error:
    raise ConfigError("the executor 'ray' needs Ray: install it with `pip install 'iale[ray]'`.") from error

T = TypeVar("T")

RETRIES = 3
"""How often a piece of work is started again after its worker was killed; then something is wrong with the work."""

_OBJECT_STORE = 100 * 2**20  # bytes; results are small, and Ray would take 30 % of the memory
_REACH = 10.0  # seconds to wait for the first answer of a cluster
_TRIES = 3
_QUIET: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
_LOST = (
    exceptions.WorkerCrashedError,
    exceptions.OutOfMemoryError,
    exceptions.NodeDiedError,
    exceptions.LocalRayletDiedError,
    exceptions.ObjectLostError,
)


class RayExecutor:
    """Pieces of work as Ray tasks of one core each; a task whose worker is killed is started again elsewhere.

    Ray is started or reached when the first work is submitted. A Ray that runs in this process already is used and left
    running.

    Args:
        workers: pieces of work side by side: the cores of a Ray that is started here, and what the GPUs are divided by.
        address: of a running cluster, ``HOST:6379``, ``ray://HOST:10001`` or ``auto``; by default the environment
            variable RAY_ADDRESS, and without it a Ray of its own on this machine.

    Raises:
        ConfigError: there is no cluster at the address (when the first work is submitted), or a worker has other
            versions of Python, PyTorch, NumPy or iale than this process (from the work's future).
        IaleError: Ray does not start on this machine.
    """

    def __init__(self, workers: int, address: str | None = None) -> None:
        self._workers = workers
        self._address = address or os.environ.get("RAY_ADDRESS")
        self._owned = False
        self._start: Any = None
        self._pending: dict[Future[Any], Any] = {}

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Sends the work to the cluster, which starts it when a core is free."""
        if self._start is None:
            self._connect()
        future: Future[T] = Future()
        reference = self._start.remote(versions(), fn, args, kwargs)
        self._pending[future] = reference
        future.add_done_callback(self._pending.pop)
        reference.future().add_done_callback(partial(_settle, future))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Waits for the work, or calls it off, and leaves the cluster."""
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
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Waits for the work, or ends it at once where an exception is on its way."""
        self.shutdown(cancel_futures=kind is not None)

    def _connect(self) -> None:
        if not ray.is_initialized():
            if self._address is None:
                _start_here(self._workers)
            else:
                _join(self._address)
            self._owned = True
        gpus = gpu_share(int(ray.cluster_resources().get("GPU", 0)), self._workers)
        self._start = ray.remote(_run).options(num_cpus=1, num_gpus=gpus, max_retries=RETRIES)


def gpu_share(gpus: int, workers: int) -> float:
    """The part of one GPU that each worker reserves, so that all run side by side; a GPU is never spread over machines.

    >>> gpu_share(0, 16), gpu_share(8, 4), gpu_share(8, 8), gpu_share(8, 12)
    (0.0, 1.0, 1.0, 0.5)
    """
    return 1.0 / -(-workers // gpus) if gpus else 0.0


def _run(here: dict[str, str], fn: Callable[..., Any], args: Any, kwargs: Any) -> tuple[Any, Exception | None]:
    """What a worker does; an exception comes back as a value, so that it is raised as what it is."""
    there = versions()
    if there != here:
        odd = ", ".join(f"{name} {there[name]} and not {here[name]}" for name in here if there[name] != here[name])
        return None, ConfigError(f"a Ray worker has {odd}: install the same versions on every machine.")
    try:
        return fn(*args, **kwargs), None
    except Exception as error:
        return None, error


def _settle(future: Future[Any], arrived: Future[tuple[Any, Exception | None]]) -> None:
    """Passes on what came back from Ray."""
    try:
        result, error = arrived.result()
    except _LOST as lost:
        result, error = None, BrokenExecutor(str(lost))
    except BaseException as other:
        future.set_exception(other)
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)


def _start_here(workers: int) -> None:
    """A Ray on this machine; on a busy one its parts may need longer than Ray waits for them, so it is tried again."""
    for left in reversed(range(_TRIES)):
        try:
            ray.init(
                address="local",
                num_cpus=workers,
                object_store_memory=_OBJECT_STORE,
                include_dashboard=False,
                **_QUIET,
            )
            return
        except Exception as error:  # Ray raises all kinds, plain Exception among them
            ray.shutdown()
            if not left:
                raise IaleError(
                    f"Ray did not start on this machine ({_first_line(error)}): try again when it is less busy, or use "
                    f"the executor 'process'."
                ) from error


def _join(address: str) -> None:
    """The cluster at an address."""
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
    """Raises ConfigError where nobody listens; Ray itself would try for minutes and then end the process."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        return  # "auto" and the like
    try:
        socket.create_connection((host, int(port)), _REACH).close()
    except OSError as error:
        raise ConfigError(
            f"there is no Ray cluster at {address} ({error.strerror or error}): start one with `ray start --head`, or "
            f"leave the address away to run on this machine."
        ) from error
