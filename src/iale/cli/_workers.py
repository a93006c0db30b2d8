"""Options of the commands whose work runs side by side."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass

from iale.executors import Executor, open_executor


@dataclass(frozen=True)
class WorkerOptions:
    """Where the work runs; no result depends on it.

    Attributes:
        workers: how many runs or episodes go on side by side, one thread each.
        executor: serial, process or ray; none takes serial for one worker and process for more.
        address: of a running Ray cluster, HOST:6379; without one, ray runs on this machine.
    """

    workers: int = 1
    executor: str | None = None
    address: str | None = None

    def open(self) -> AbstractContextManager[Executor]:
        """The executor; raises ConfigError, before anything is written, where the options do not go together."""
        return open_executor(self.workers, self.executor, self.address)
