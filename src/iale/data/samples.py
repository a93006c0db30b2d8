"""Where inputs come from: anything that has a length and returns a batch for indices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import torch
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

    @property
    def dtype(self) -> torch.dtype:
        """The type of every batch, the empty one included.

        ``torch.uint8`` says that the inputs are bytes of images, 0 … 255, which classifiers scale to 0 … 1;
        ``torch.float32`` that they are taken as they are.
        """
        ...

    def __len__(self) -> int: ...

    def batch(self, indices: Tensor) -> Tensor:
        """The inputs at ``indices`` (int64 [B]): ``dtype`` [B, *shape], on the CPU.

        Raises UnreadableError, a DataError, if inputs cannot be read, and DataError if one is not finite.
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
