"""How exactly a GPU multiplies.

`float32` multiplies as a CPU does. `tf32` rounds the factors of products and convolutions to 10 bits, `bf16` to 7;
sums stay in float32, and so do weights and moments. On a CPU all three are float32.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

PRECISIONS = ("float32", "tf32", "bf16")


@contextlib.contextmanager
def arithmetic(precision: str, device: torch.device) -> Iterator[None]:
    """Lets products and convolutions round as ``precision`` says, in the same order every time."""
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
