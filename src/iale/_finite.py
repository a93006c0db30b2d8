"""Candidates for which a model computes NaN or infinity: one such sample must not stop the query of all others."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from iale.classifiers.base import Outputs
from iale.data.samples import Samples
from iale.errors import IaleWarning, ModelError

_NAMED = 5  # samples that a warning names
_ROWS = 1 << 14  # looked at in one step, since outputs of a whole pool may not fit into memory twice


def finite_rows(outputs: Outputs) -> Tensor:
    """bool [n]: the rows whose logits and embeddings are all finite."""
    finite = torch.ones(len(outputs), dtype=torch.bool)
    for start in range(0, len(outputs), _ROWS):
        rows = slice(start, start + _ROWS)
        for values in (outputs.logits[rows], outputs.embeddings[rows]):
            finite[rows] &= torch.isfinite(values).all(dim=1).cpu()
    return finite


def finite_only(indices: Tensor, outputs: Outputs, samples: Samples) -> tuple[Tensor, Outputs]:
    """The candidates, int64 [n], and their outputs without those that are not finite, which a warning names.

    If the ``samples`` have ``names``, the warning shows them. Raises ModelError if no candidate has finite outputs.
    """
    finite = finite_rows(outputs)
    if bool(finite.all()):
        return indices, outputs
    odd = indices[~finite].tolist()
    if len(odd) == len(indices):
        raise ModelError(
            f"the model's outputs for all {len(odd)} candidates are NaN or infinite: check the model and its inputs."
        )
    names = samples.names if isinstance(samples, _Named) else ()
    first = [f"{index} ({names[index]})" if names else str(index) for index in odd[:_NAMED]]
    more = f" and {len(odd) - _NAMED} more" if len(odd) > _NAMED else ""
    many = len(odd) > 1
    warnings.warn(
        f"the model's outputs for sample{'s' * many} {', '.join(first)}{more} are NaN or infinite, so "
        f"{'they are' if many else 'it is'} left out of this query: repair or skip {'them' if many else 'it'}.",
        IaleWarning,
        stacklevel=2,
    )
    kept = torch.nonzero(finite).flatten()
    return indices[kept], outputs.at(kept)


@runtime_checkable
class _Named(Protocol):
    names: Sequence[str]
