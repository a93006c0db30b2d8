"""Options of commands that can run work in parallel."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass

from iale.executors import Executor, open_executor


@dataclass(frozen=True)
class WorkerOptions:
    """Where the work runs; the results do not depend on it.

    Attributes:
        workers: how many runs or episodes run side by side, one thread each.
        executor: serial, process or ray; by default serial for one worker and process for more.
        address: of a running Ray cluster, as HOST:6379; by default Ray runs on this machine.
    """

    workers: int = 1
    executor: str | None = None
    address: str | None = None

    def open(self) -> AbstractContextManager[Executor]:
        """The executor; raises ConfigError, before anything is written, if the options contradict each other."""
        return open_executor(self.workers, self.executor, self.address)
