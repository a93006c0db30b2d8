"""Samples of which some may be unreadable: they are passed over, and the reason is kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

import torch
from torch import Tensor

from iale.data._checks import join, rows_of
from iale.data.samples import Samples
from iale.errors import DataError
from iale.labeling.items._items import Items

_KEPT = 1 << 26  # bytes of inputs that are kept for the next fit, which looks at many of the same samples


class Reading:
    """Reads samples one by one, and keeps the ones used last in memory.

    As the `Samples` of a classifier, the unreadable ones are all zeros. The ``inputs`` may be embeddings of the items.
    """

    def __init__(self, items: Items, inputs: Samples | None = None) -> None:
        self._items, self._inputs = items, items.samples if inputs is None else inputs
        self.shape, self.dtype = self._inputs.shape, self._inputs.dtype
        self.unreadable: dict[int, str] = {}  # why samples were passed over, by index
        self._kept: OrderedDict[int, Tensor] = OrderedDict()

    def __len__(self) -> int:
        return len(self._items)

    def read(self, indices: Iterable[int]) -> tuple[list[int], Tensor]:
        """The n indices that could be read, in order, and their inputs: ``dtype`` [n, *shape]."""
        found = [(index, values) for index in indices if (values := self._one(index)) is not None]
        inputs = [torch.empty((0, *self.shape), dtype=self.dtype), *(values[None] for _, values in found)]
        return [index for index, _ in found], join(inputs)

    def batch(self, indices: Tensor) -> Tensor:
        """The inputs at ``indices`` (int64 [B]): ``dtype`` [B, *shape]; zeros for what cannot be read."""
        wanted = rows_of(indices, len(self)).tolist()
        read, inputs = self.read(wanted)
        if len(read) == len(wanted):
            return inputs
        out = torch.zeros((len(wanted), *self.shape), dtype=self.dtype)
        out[[place for place, row in enumerate(wanted) if row not in self.unreadable]] = inputs
        return out

    def _one(self, index: int) -> Tensor | None:
        if self._items.changed(index):
            self._kept.pop(index, None)
        elif index in self._kept:
            self._kept.move_to_end(index)
            return self._kept[index]
        try:
            values = self._inputs.batch(torch.tensor([index]))[0].clone()
        except DataError as error:
            self.unreadable[index] = str(error)
            return None
        self.unreadable.pop(index, None)
        self._kept[index] = values
        while len(self._kept) * values.nbytes > _KEPT:
            self._kept.popitem(last=False)
        return values
