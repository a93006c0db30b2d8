"""How many rows of a large matrix a strategy converts to float64 at a time."""

from __future__ import annotations

_BYTES = 1 << 25  # 32 MiB; few enough to stay near the processor, many enough for fast products


def rows_at_once(width: int, most: int = 4096) -> int:
    """1 to ``most`` rows of ``width`` numbers, so that many classes or wide embeddings take no more memory."""
    return max(1, min(most, _BYTES // (8 * max(1, width))))
