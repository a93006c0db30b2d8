"""What turns samples into points."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor

from iale.data.samples import Samples


@runtime_checkable
class Maker(Protocol):
    """Turns samples into points, each by itself: a row must not depend on the other rows."""

    @property
    def identity(self) -> str:
        """Its name, version and settings: makers with one identity make the same points of the same samples."""
        ...

    def points(self, samples: Samples, indices: Tensor) -> Tensor:
        """The samples at ``indices`` (int64 [B], B ≥ 1) as float16 or float32 [B, D], on the CPU."""
        ...
