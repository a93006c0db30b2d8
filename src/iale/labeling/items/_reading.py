"""Samples of which some may be unreadable: they are passed over, and the reason is kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

import torch
from torch import Tensor

from iale.data._checks import rows_of
from iale.errors import DataError
from iale.labeling.items._items import Items

_KEPT = 1 << 26  # bytes of inputs that are kept for the next fit, which looks at many of the same samples


class Reading:
    """Reads samples one by one, and keeps the ones used last in memory.

    Args:
        items: where they are.

    Attributes:
        unreadable: why samples were passed over, by index.
    """

    def __init__(self, items: Items) -> None:
        self.items = items
        self.unreadable: dict[int, str] = {}
        self._kept: OrderedDict[int, Tensor] = OrderedDict()

    def read(self, indices: Iterable[int]) -> tuple[list[int], Tensor]:
        """The n indices that could be read, in order, and their inputs: uint8 or float32 [n, *shape]."""
        read: list[int] = []
        parts: list[Tensor] = []
        for index in indices:
            values = self._one(index)
            if values is not None:
                read.append(index)
                parts.append(values)
        shape = self.items.samples.shape
        return read, torch.stack(parts) if parts else torch.empty((0, *shape))

    def _one(self, index: int) -> Tensor | None:
        if self.items.changed(index):
            self._kept.pop(index, None)
        elif index in self._kept:
            self._kept.move_to_end(index)
            return self._kept[index]
        try:
            values = self.items.samples.batch(torch.tensor([index]))[0].clone()
        except DataError as error:
            self.unreadable[index] = str(error)
            return None
        self.unreadable.pop(index, None)
        self._kept[index] = values
        while len(self._kept) * values.nbytes > _KEPT:
            self._kept.popitem(last=False)
        return values


class LenientSamples:
    """Samples of which the unreadable ones are all zeros, and known.

    Args:
        items: where they are.
    """

    def __init__(self, items: Items) -> None:
        self._items, self._reading = items, Reading(items)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one input."""
        return self._items.samples.shape

    @property
    def unreadable(self) -> dict[int, str]:
        """Why samples could not be read, by index."""
        return self._reading.unreadable

    def __len__(self) -> int:
        return len(self._items)

    def look(self, indices: Tensor) -> None:
        """Finds out which of ``indices`` cannot be read."""
        self._reading.read(indices.tolist())

    def batch(self, indices: Tensor) -> Tensor:
        """The inputs at ``indices`` (int64 [B]): uint8 or float32 [B, *shape]; zeros for what cannot be read."""
        wanted = rows_of(indices, len(self)).tolist()
        read, inputs = self._reading.read(wanted)
        if len(read) == len(wanted):
            return inputs
        out = torch.zeros((len(wanted), *self.shape), dtype=inputs.dtype)
        there = [place for place, row in enumerate(wanted) if row not in self._reading.unreadable]
        out[there] = inputs
        return out
