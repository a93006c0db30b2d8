"""The machine that a benchmark runs on, and the memory that a run takes."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
from pathlib import Path

import torch

from iale._versions import versions


def describe_machine() -> dict[str, str]:
    """Processor, cores, graphics card, system and versions, but no names of hosts or users."""
    gpu = {"gpu": torch.cuda.get_device_name()} if torch.cuda.is_available() else {}
    return {"processor": _processor(), "cores": str(os.cpu_count()), **gpu, "system": platform.system(), **versions()}


def reset_peak() -> None:
    """Resets the count of `peak_megabytes`, which only Linux can."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_megabytes() -> float | None:
    """The peak resident memory of this process since `reset_peak`, or since its start if that did nothing."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
