"""Candidates for which a model computes NaN or infinity: one such sample must not stop the query of all others."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from iale.classifiers.base import Outputs
from iale.data._names import names_of
from iale.data.samples import Samples
from iale.errors import IaleWarning, ModelError

_NAMED = 5  # samples that a warning names
_ROWS = 1 << 14  # looked at in one step, since outputs of a whole pool may not fit into memory twice


def finite_rows(outputs: Outputs, embeddings: bool = True) -> Tensor:
    """bool [n]: the rows whose logits are all finite, and their ``embeddings``, too, if anybody reads these."""
    finite = torch.ones(len(outputs), dtype=torch.bool)
    for start in range(0, len(outputs), _ROWS):
        rows = slice(start, start + _ROWS)
        finite[rows] = torch.isfinite(outputs.logits[rows]).all(dim=1).cpu()
        if embeddings:
            finite[rows] &= torch.isfinite(outputs.embeddings[rows]).all(dim=1).cpu()
    return finite


def finite_only(indices: Tensor, outputs: Outputs, samples: Samples, embeddings: bool = True) -> tuple[Tensor, Outputs]:
    """The candidates, int64 [n], and their outputs without those that are not finite, which a warning names.

    ``embeddings`` is as in `finite_rows`. If the ``samples`` have ``names``, the warning shows them. Raises ModelError
    if no candidate has finite outputs.
    """
    finite = finite_rows(outputs, embeddings)
    if bool(finite.all()):
        return indices, outputs
    odd = indices[~finite].tolist()
    if len(odd) == len(indices):
        raise ModelError(
            f"the model's outputs for all {len(odd)} candidates are NaN or infinite: check the model and its inputs."
        )
    names = names_of(samples)
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
