"""Where inputs come from: anything that has a length and returns a batch for indices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from torch import Tensor

SampleKind = Literal["image", "text", "row"]
"""What one sample is to a person."""


@runtime_checkable
class Samples(Protocol):
    """Inputs of a classifier, which are read one batch at a time."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one input, ``(channels, height, width)`` for images."""
        ...

    def __len__(self) -> int: ...

    def batch(self, indices: Tensor) -> Tensor:
        """The inputs at ``indices`` (int64 [B]): uint8 or float32 [B, *shape], on the CPU.

        Raises DataError if an input cannot be read or is not finite.
        """
        ...


@dataclass(frozen=True, eq=False)
class DataSet:
    """A labeled data set with a training and a test split.

    Attributes:
        name: its registered name, or the path from which it was read.
        train: inputs from which pools are made.
        train_labels: int64 [N], 0 … C−1.
        test: inputs on which accuracy is reported.
        test_labels: int64 [M], 0 … C−1.
        classes: the C class names.
    """

    name: str
    train: Samples
    train_labels: Tensor
    test: Samples
    test_labels: Tensor
    classes: tuple[str, ...]

    @property
    def num_classes(self) -> int:
        """C, the number of classes, which the labels alone might not show."""
        return len(self.classes)
