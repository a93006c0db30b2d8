"""Agreement of two people beyond chance (Cohen 1960)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from iale.labeling.forecast._intervals import UNKNOWN, Z
from iale.labeling.forecast.status import Range


def cohens_kappa(pairs: Sequence[tuple[str, str]]) -> Range:
    """κ = (p_o − p_e) / (1 − p_e), with p_o the observed agreement and p_e that of chance; 0 is chance, 1 is perfect.

    The interval is Cohen's for large samples, κ ± z √(p_o (1 − p_o) / n) / (1 − p_e). If both people use one and the
    same class, chance alone always agrees: κ is not defined, and `UNKNOWN` is returned.

    Args:
        pairs: the two labels of each sample.
    """
    count = len(pairs)
    if not count:
        return UNKNOWN
    first, second = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    observed = sum(a == b for a, b in pairs) / count
    chance = sum(first[name] * second[name] for name in first) / count**2
    if chance == 1:
        return UNKNOWN
    kappa = (observed - chance) / (1 - chance)
    half = Z * math.sqrt(observed * (1 - observed) / count) / (1 - chance)
    return Range(kappa, max(-1.0, kappa - half), min(1.0, kappa + half))
