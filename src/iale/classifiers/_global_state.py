"""PyTorch's global state, changed for a while: its random generators and how exactly a GPU multiplies.

"float32" multiplies as a CPU does. "tf32" rounds the factors of products and convolutions to 10 bits, "bf16" to 7.
Sums, weights and moments stay in float32. On a CPU all three mean float32.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

PRECISIONS = ("float32", "tf32", "bf16")


@contextlib.contextmanager
def global_seed(seed: int, device: torch.device) -> Iterator[None]:
    """Seeds the generators of the CPU and of ``device``, from which users' modules draw; restores them afterwards."""
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        # Not torch.manual_seed, which would also seed every other GPU and would not be undone there.
        torch.default_generator.manual_seed(seed)
        for gpu in devices:
            with torch.cuda.device(gpu):
                torch.cuda.manual_seed(seed)
        before = torch.mps.get_rng_state() if device.type == "mps" else None
        if before is not None:
            torch.mps.manual_seed(seed)
        try:
            yield
        finally:
            if before is not None:
                torch.mps.set_rng_state(before)


@contextlib.contextmanager
def arithmetic(precision: str, device: torch.device) -> Iterator[None]:
    """Rounds products and convolutions to ``precision``, and makes them add in the same order every time."""
    if device.type != "cuda":
        yield
        return
    before, fast = torch.get_float32_matmul_precision(), precision != "float32"
    torch.set_float32_matmul_precision("high" if fast else "highest")
    try:
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=fast):
            yield
    finally:
        torch.set_float32_matmul_precision(before)
