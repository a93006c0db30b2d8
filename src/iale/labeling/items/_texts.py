"""Texts as vectors: words and pairs of words, hashed to a fixed number of places (Weinberger et al. 2009)."""

from __future__ import annotations

import itertools
import math
import re
import zlib
from collections import Counter

import numpy as np
from numpy.typing import NDArray

# Two n-grams that share a place of a vector get opposite signs half of the time, so on average they cancel.
FEATURES = 2048
_WORDS = re.compile(r"\w+")
_MOST = 10_000  # words of a text; the rest is ignored


def hashed_ngrams(text: str) -> NDArray[np.float32]:
    """float32 [2048]: 1 + log of how often each word and pair of words occurs, signed and scaled to length 1."""
    words = _WORDS.findall(text.lower())[:_MOST]
    counts = Counter(words)
    counts.update(f"{first} {second}" for first, second in itertools.pairwise(words))
    vector = np.zeros(FEATURES, dtype=np.float64)
    for gram, count in counts.items():
        hashed = zlib.crc32(gram.encode("utf-8", "replace"))
        vector[hashed % FEATURES] += (1 + math.log(count)) * (1 if hashed & (1 << 31) else -1)
    length = float(np.linalg.norm(vector))
    return (vector / (length or 1.0)).astype(np.float32)
