"""The first samples, before there is a label: a diverse batch."""

from __future__ import annotations

import contextlib
import time
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


def first_ones(folder: Path, items: Items, shares: Shares, seed: int) -> list[int]:
    """Indices of diverse samples, to be labeled in this order until there is a model.

    They are chosen once, from a random draw of 200, and kept in the project's folder. After a few seconds, what is left
    of the draw is not read.
    """
    try:
        return items.ids.known(storage.read_json(folder / FIRST)["samples"])
    except (StorageError, KeyError):
        pass
    chosen = _choose(items, shares, Stream(seed).child("first"))
    with contextlib.suppress(StorageError):  # they are chosen again next time
        storage.write_json(folder / FIRST, {"samples": [items.ids[index] for index in chosen]})
    return chosen


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
