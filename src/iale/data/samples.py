"""Where inputs come from: anything with a length that returns a batch for a list of indices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from torch import Tensor

SampleKind = Literal["image", "text", "row"]
"""What one sample is to a person."""


@runtime_checkable
class Samples(Protocol):
    """Inputs of a classifier, read a batch at a time.

    Attributes:
        shape: the shape of one input, ``(channels, height, width)`` for images.
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one input."""
        ...

    def __len__(self) -> int: ...

    def batch(self, indices: Tensor) -> Tensor:
        """The inputs at ``indices`` (int64 [B]): uint8 or float32 [B, *shape], on the CPU.

        Raises DataError for an input that cannot be read or is not finite.
        """
        ...


@dataclass(frozen=True, eq=False)
class DataSet:
    """A labeled data set with its training and test split.

    Attributes:
        name: its registered name, or the path it was read from.
        train: the inputs from which pools are made.
        train_labels: int64 [N], 0 … C−1.
        test: the inputs on which accuracy is reported.
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
        """C, the number of classes; never read off the labels."""
        return len(self.classes)
