"""The few samples that one fit looks at, read leniently: what cannot be read is passed over and said."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

import torch
from torch import Tensor

from iale.errors import DataError
from iale.labeling.items._items import Items

_KEPT = 1 << 26  # bytes of inputs that are kept for the next fit


class Reading:
    """Reads samples one by one, and keeps the last ones.

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
        """The indices that could be read, int64 in order, and their inputs: uint8 or float32 [n, *shape]."""
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
