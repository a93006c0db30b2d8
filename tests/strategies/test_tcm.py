from __future__ import annotations

import numpy as np
import pytest
import torch

from iale.strategies.tcm import TCM
from iale.strategies.typiclust import TypiClust
from iale.strategies.uncertainty import Margin
from iale.testing import make_context, unlabeled_context


@pytest.mark.parametrize(
    ("labeled", "k", "few"),
    [(0, 1, True), (11, 1, True), (12, 1, False), (12, 4, False), (14, 5, True), (15, 5, False), (29, 10, True)],
)
def test_typiclust_until_there_are_three_acquisitions(labeled: int, k: int, few: bool) -> None:
    """With 4 classes, three acquisitions are at least 12 labels."""
    context = make_context(n=40, num_classes=4, labeled=labeled)
    rule = TypiClust() if few else Margin()
    expected = rule.query(context, k, rng=np.random.default_rng(5))
    assert torch.equal(TCM().query(context, k, rng=np.random.default_rng(5)), expected)


def test_the_cold_start_is_typiclust() -> None:
    context = unlabeled_context(n=40)
    expected = TypiClust().query(context, 6, rng=np.random.default_rng(5))
    assert torch.equal(TCM().query(context, 6, rng=np.random.default_rng(5)), expected)
