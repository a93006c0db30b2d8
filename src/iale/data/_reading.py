"""Inputs that are read one by one: what cannot be read is named, every sample of a batch at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from iale._many import many
from iale.data._checks import rows_of
from iale.data.samples import Samples
from iale.errors import DataError, UnreadableError


class Rows(Protocol):
    """Items that are read by their numbers, such as a map-style PyTorch data set."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> object: ...


def read_item(rows: Rows, row: int) -> object:
    """One item of the user's data; raises DataError, whatever the user's own code raises."""
    try:
        return rows[row]
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".rstrip(".: ")
        raise DataError(f"sample {row} of the data set cannot be read ({reason}): repair or remove it.") from error


def read_batch(
    samples: Samples, indices: Tensor, read: Callable[[int], Tensor], check: Callable[[], None] = lambda: None
) -> Tensor:
    """The inputs at ``indices`` (int64 [B]): [B, *shape], in the type that ``samples`` state.

    ``read`` gives one of them, and raises DataError if it cannot. Raises UnreadableError after the last one, so that a
    caller can leave out all of them. ``check`` raises another DataError if all samples are away: that is no fault of
    the one that could not be read, and nobody should leave it out for good.
    """
    out = torch.empty((len(indices), *samples.shape), dtype=samples.dtype)
    reasons: dict[int, str] = {}
    for place, row in enumerate(rows_of(indices, len(samples)).tolist()):
        try:
            one = read(row)
        except DataError as error:
            check()
            reasons[row] = str(error)
            continue
        assert (tuple(one.shape), one.dtype) == (samples.shape, samples.dtype), "nothing is converted in silence"
        out[place] = one
    if reasons:
        first, more = next(iter(reasons.values())), len(reasons) - 1
        raise UnreadableError(first + (f" The same goes for {many(more, 'more sample')}." if more else ""), reasons)
    return out
