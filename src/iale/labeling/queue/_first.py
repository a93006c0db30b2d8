"""The first samples, before there is a model.

They are a diverse batch of a few that were read, until all samples have been seen; then the strategy chooses them.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from iale import _storage as storage
from iale.data._sketches import sketches, spread
from iale.errors import DataError, StorageError
from iale.labeling.items._items import Items
from iale.labeling.queue._queue import Shares
from iale.seeding import Stream

FIRST = "first.json"
_LOOKED_AT = 200
_SECONDS = 3.0  # spent on reading them: a person waits meanwhile, and the disk may be slow or the images large


class First:
    """Indices of the samples to be labeled in this order until there is a model.

    They are kept in the project's folder. At first they are chosen from a random draw of 200; after a few seconds, what
    is left of the draw is not read. `write_first` puts better ones in their place, also from another process.
    """

    def __init__(self, folder: Path, items: Items, shares: Shares, seed: int) -> None:
        self._folder, self._items, self._stamp = folder, items, 0
        self._known: list[int] = []
        if not self.now():
            self._known = _choose(items, shares, Stream(seed).child("first"))
            with contextlib.suppress(StorageError):  # they are chosen again next time
                write_first(folder, [items.ids[index] for index in self._known], "")

    def now(self) -> list[int]:
        """The indices now."""
        with contextlib.suppress(StorageError, KeyError, FileNotFoundError):
            stamp = (self._folder / FIRST).stat().st_mtime_ns
            if stamp != self._stamp:
                self._known = self._items.ids.known(storage.read_json(self._folder / FIRST)["samples"])
                self._stamp = stamp
        return self._known


def write_first(folder: Path, samples: Sequence[str], strategy: str) -> None:
    """Keeps the ids of the first samples, and the strategy that chose them."""
    storage.write_json(folder / FIRST, {"samples": list(samples), "strategy": strategy})


def first_strategy(folder: Path) -> str:
    """The strategy that chose the first samples; empty if none did."""
    try:
        return str(storage.read_json(folder / FIRST).get("strategy", ""))
    except StorageError:
        return ""


def _choose(items: Items, shares: Shares, stream: Stream) -> list[int]:
    rng = stream.numpy()
    drawn = dict.fromkeys(rng.integers(len(items), size=4 * _LOOKED_AT).tolist())  # in order, and none twice
    read: list[int] = []
    parts = []
    end = time.monotonic() + _SECONDS
    for index in [index for index in drawn if not shares.reserved[index]][:_LOOKED_AT]:
        if time.monotonic() > end:
            break
        try:
            parts.append(sketches(items.samples.batch(torch.tensor([index])), items.kind))
        except DataError:
            continue
        read.append(index)
    if not read:
        return []
    return [read[position] for position in spread(np.concatenate(parts), len(read), rng)]
