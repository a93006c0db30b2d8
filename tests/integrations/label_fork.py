"""``iale label`` in a process that is forked from one that has imported everything, so it starts at once.

Nearly all of a start goes into imports, and dozens of tests need a server of their own. Those about the start and the
end of the process itself start it from nothing (`LabelServer`).
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import signal
import subprocess
import sys
import time
from typing import IO, Any

from tests.integrations.label_page import LabelServer, Process

_FORKS = """
import faulthandler, gc, json, os, sys
import tyro, uvicorn.protocols.http.h11_impl
import iale.data.images, iale.integrations.label._server, iale.strategies.herding
from iale.cli._label import main as _
from iale.cli._main import main

gc.freeze()
for line in sys.stdin:
    task, given = json.loads(line)
    if task == "end":
        print(json.dumps(os.waitpid(given, os.WNOHANG)), flush=True)
    elif child := os.fork():
        print(child, flush=True)
    else:
        log = os.open(given[0], os.O_WRONLY)
        for mine, theirs in ((os.open(os.devnull, os.O_RDONLY), 0), (log, 1), (log, 2)):
            os.dup2(mine, theirs)
        faulthandler.enable()
        sys.exit(main(given[1:]))
"""


class QuickServer(LabelServer):
    """The command in a forked process."""

    def _begin(self, command: list[str], log: IO[bytes]) -> Process:
        return _Forked([log.name, *command[command.index("label") :]])


class _Forked:
    """What `LabelServer` needs of `subprocess.Popen`, for a process whose parent is another."""

    def __init__(self, given: list[str]) -> None:
        self.pid: int = _ask("start", given)
        self._code: int | None = None

    def poll(self) -> int | None:
        if self._code is None:
            pid, status = _ask("end", self.pid)
            self._code = os.waitstatus_to_exitcode(status) if pid else None
        return self._code

    def wait(self, timeout: float | None = None) -> int:
        deadline = time.monotonic() + (600 if timeout is None else timeout)
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("iale label", deadline)
            time.sleep(0.005)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


@functools.cache
def _forks() -> subprocess.Popen[str]:
    """One for all tests of this process; it ends with it."""
    process = subprocess.Popen([sys.executable, "-c", _FORKS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(process.communicate)
    return process


def _ask(task: str, given: object) -> Any:
    forks = _forks()
    assert forks.stdin is not None
    assert forks.stdout is not None
    forks.stdin.write(json.dumps([task, given]) + "\n")
    forks.stdin.flush()
    return json.loads(forks.stdout.readline())
