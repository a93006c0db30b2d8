"""What all benchmarks share: facts about the machine, interleaved timings, and a record of both."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("iale", "torch", "numpy", "scipy", "scikit-learn", "scikit-activeml")


def machine() -> dict[str, Any]:
    """Facts about the machine that ran the measurements."""
    import torch

    model = [line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    memory = [int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")]
    return {
        "cpu": model[0] if model else platform.processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(memory[0] * 1024 / 1e9, 1) if memory else None,
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "system": f"{platform.system()} {platform.machine()}",
        "load": round(os.getloadavg()[0], 1),
    }


def versions() -> dict[str, str | None]:
    found: dict[str, str | None] = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    return found


def interleaved(rounds: int, **functions: Callable[[], Any]) -> dict[str, dict[str, float]]:
    """Medians over rounds in which the functions take turns, so that a busy minute slows down all of them.

    Wall seconds are what a user waits. Processor seconds leave out the time that other programs take.
    """
    wall: dict[str, list[float]] = {name: [] for name in functions}
    cpu: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(rounds):
        for name, function in functions.items():
            started, used = time.perf_counter(), time.process_time()
            function()
            cpu[name].append(time.process_time() - used)
            wall[name].append(time.perf_counter() - started)
    median = statistics.median
    return {name: {"wall_s": median(wall[name]), "cpu_s": median(cpu[name])} for name in functions}


def record(name: str, results: Mapping[str, Any], details: Mapping[str, Any] | None = None) -> None:
    """Writes results, machine and versions to ``results/<name>.json``, and prints the results as the last line."""
    RESULTS.mkdir(exist_ok=True)
    whole = {
        "results": dict(results),
        "machine": machine(),
        "versions": versions(),
        "threads": os.environ.get("OMP_NUM_THREADS"),
        "details": dict(details or {}),
    }
    (RESULTS / f"{name}.json").write_text(json.dumps(whole, indent=2) + "\n")
    print(json.dumps(dict(results)), flush=True)


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []
