"""The machine that a benchmark runs on, and the memory that a run takes."""

from __future__ import annotations

import contextlib
import os
import platform
import resource
import sys
from pathlib import Path

import torch

from iale._versions import versions


def describe_machine() -> dict[str, str]:
    """Processor, cores, graphics card, system and versions, but no names of hosts or users."""
    return {**_hardware("cuda" if torch.cuda.is_available() else "cpu"), **versions()}


def describe_maker(device: str) -> dict[str, str]:
    """The machine as a record names it: what its numbers may depend on, the same in every execution.

    A graphics card is named only if it took part: a worker that computes on the CPU may not see the card.
    """
    return {**_hardware(device), "threads": str(torch.get_num_threads())}


def _hardware(device: str) -> dict[str, str]:
    found = {"processor": _processor(), "instructions": torch.backends.cpu.get_cpu_capability()}
    gpu = {"gpu": torch.cuda.get_device_name(device)} if torch.device(device).type == "cuda" else {}
    return {**found, "cores": str(os.cpu_count()), **gpu, "system": f"{platform.system()} {platform.machine()}"}


def reset_peak() -> None:
    """Resets the count of `peak_megabytes`, which only Linux can."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_megabytes() -> float:
    """The peak resident memory of this process since `reset_peak`, or since its start if that did nothing."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
