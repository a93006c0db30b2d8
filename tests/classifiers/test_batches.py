"""How an epoch is divided into batches."""

from __future__ import annotations

from collections import Counter
from typing import Literal

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from iale.classifiers._training import batch_sizes
from iale.classifiers.base import FitJob, TrainingConfig
from iale.classifiers.torch_classifier import TorchClassifier
from iale.data.arrays import ArraySamples

Way = Literal["equal", "remainder"]


class Spy(nn.Module):
    """Notes the samples of each batch it trains on, which are their own numbers."""

    seen: list[list[int]]

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(1, 2)

    def forward(self, inputs: Tensor) -> Tensor:
        if self.training:
            Spy.seen.append(inputs[:, 0].long().tolist())
        logits: Tensor = self.head(inputs / 200)
        return logits


def batches(n: int, way: Way, size: int = 64) -> list[list[int]]:
    Spy.seen = []
    samples = ArraySamples(torch.arange(n, dtype=torch.float32)[:, None])
    training = TrainingConfig(epochs=2, batch_size=size, batches=way, device="cpu")
    TorchClassifier(Spy(), (1,), training).fit(samples, FitJob(torch.arange(n), torch.arange(n) % 2, 0))
    return Spy.seen


def flat(seen: list[list[int]]) -> list[int]:
    return [sample for batch in seen for sample in batch]


@pytest.mark.parametrize(
    ("n", "equal", "remainder"),
    [
        (64, [64], [64]),
        (66, [33, 33], [64, 2]),
        (70, [35, 35], [64, 6]),
        (130, [44, 43, 43], [64, 64, 2]),
        (128, [64, 64], [64, 64]),
        (3, [3], [3]),
    ],
)
def test_a_fit_sees_every_sample_once_an_epoch_in_batches_of_these_sizes(
    n: int, equal: list[int], remainder: list[int]
) -> None:
    for way, sizes in (("equal", equal), ("remainder", remainder)):
        seen = batches(n, way)  # type: ignore[arg-type]
        assert [len(batch) for batch in seen] == 2 * sizes
        first, second = seen[: len(sizes)], seen[len(sizes) :]
        assert sorted(flat(first)) == sorted(flat(second)) == list(range(n))
        assert flat(first) != flat(second)


def test_both_ways_shuffle_alike() -> None:
    assert flat(batches(70, "equal")) == flat(batches(70, "remainder"))


@given(n=st.integers(1, 500), size=st.integers(1, 100))
def test_equal_sizes_differ_by_at_most_one_and_take_as_many_steps(n: int, size: int) -> None:
    ways: tuple[Way, ...] = ("equal", "remainder")
    equal, rest = (batch_sizes(n, TrainingConfig(batch_size=size, batches=way)) for way in ways)
    assert sum(equal) == sum(rest) == n
    assert len(equal) == len(rest)
    assert 1 <= min(equal) <= max(equal) <= min(min(equal) + 1, size)
    assert set(rest[:-1]) <= {size}
    assert Counter(rest)[size] == n // size
