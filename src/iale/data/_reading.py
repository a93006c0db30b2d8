"""Inputs that are read one by one: what cannot be read is named, every sample of a batch at once."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from iale.data._checks import rows_of
from iale.data.samples import Samples
from iale.errors import DataError, UnreadableError


def read_batch(samples: Samples, indices: Tensor, read: Callable[[int], Tensor]) -> Tensor:
    """The inputs at ``indices`` (int64 [B]): [B, *shape], in the type that ``samples`` state.

    ``read`` gives one of them, and raises DataError if it cannot. Raises UnreadableError after the last one, so that a
    caller can leave out all of them.
    """
    out = torch.empty((len(indices), *samples.shape), dtype=samples.dtype)
    reasons: dict[int, str] = {}
    for place, row in enumerate(rows_of(indices, len(samples)).tolist()):
        try:
            one = read(row)
        except DataError as error:
            reasons[row] = str(error)
            continue
        assert (tuple(one.shape), one.dtype) == (samples.shape, samples.dtype), "nothing is converted in silence"
        out[place] = one
    if reasons:
        first, more = next(iter(reasons.values())), len(reasons) - 1
        raise UnreadableError(first + (f" The same goes for {more} more samples." if more else ""), reasons)
    return out
