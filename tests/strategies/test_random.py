from __future__ import annotations

import numpy as np
import torch
from scipy import stats

from iale.strategies.random import Random
from iale.testing import make_context


def test_every_sample_and_every_order_is_equally_likely() -> None:
    context = make_context(5)
    rng = np.random.default_rng(0)
    counts = torch.zeros(5, 5)
    for _ in range(4000):
        counts[tuple(Random().query(context, 2, rng=rng).tolist())] += 1
    pairs = counts[~torch.eye(5, dtype=torch.bool)]
    assert float(counts.trace()) == 0
    assert stats.chisquare(pairs.numpy()).pvalue > 1e-6


def test_another_seed_gives_other_samples() -> None:
    context = make_context(200)
    answers = {tuple(Random().query(context, 10, rng=np.random.default_rng(seed)).tolist()) for seed in range(20)}
    assert len(answers) == 20
