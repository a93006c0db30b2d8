"""Peak memory of a piece of work in this process, from the kernel's own counters (Linux)."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from types import TracebackType

STATUS = Path("/proc/self/status")


def resident(field: str = "VmRSS") -> float:
    """MB (10^6 bytes): VmRSS is all resident memory, VmHWM its peak, RssAnon the part that is not from files."""
    for line in STATUS.read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024 / 1e6
    raise ValueError(f"{STATUS} has no {field}.")


class Peak:
    """The extra memory at the peak of a ``with`` block.

    Attributes:
        resident: MB above the start, including resident pages of memory-mapped files. The kernel counts it, so no peak
            is missed.
        anonymous: MB above the start without pages of files, which the kernel may drop at any time; read a hundred
            times a second.
    """

    def __enter__(self) -> Peak:
        self.resident = self.anonymous = 0.0
        self._anonymous = resident("RssAnon")
        Path("/proc/self/clear_refs").write_text("5")  # resets VmHWM to VmRSS
        self._resident = resident()
        self._running = True
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._running = False
        self._thread.join()
        self.resident = resident("VmHWM") - self._resident

    def _watch(self) -> None:
        while self._running:
            self.anonymous = max(self.anonymous, resident("RssAnon") - self._anonymous)
            time.sleep(0.01)
