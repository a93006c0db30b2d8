"""Samples that are dictionaries of tensors, such as what a tokenizer returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from iale.data._checks import rows_of
from iale.data._fields import Field
from iale.data._layout import Array, as_array, check_values, faults, to_float32
from iale.data._reading import Rows, read_batch, read_item
from iale.errors import DataError

_LABELS = ("label", "labels")


class DictSamples:
    """Samples of several named arrays each: token ids with their attention mask, pixels with numbers beside them.

    All samples must have the same fields of the same shapes, so pad sequences to one length (a tokenizer does it with
    ``padding="max_length"``). `TorchClassifier` passes the fields to the model: by keyword, or as one dictionary.

    Args:
        samples: a dictionary of arrays [N, …] (what a tokenizer returns for a list), or a data set with a length whose
            items are dictionaries of arrays, tensors, lists or numbers.
        fields: the names that the model reads; by default all but ``label`` and ``labels``, which a model that is
            asked for a label must not see.

    Attributes:
        fields: name, shape and kind of number of every field.
        shape: ``(W,)``, as `batch` puts the values of all fields of a sample into one row.

    Raises:
        DataError: there is no sample or no such field, or a value is NaN, infinite, or beyond what float32 holds.

    >>> ids = DictSamples({"input_ids": [[5, 7, 2], [5, 2, 0]], "attention_mask": [[1, 1, 1], [1, 1, 0]]})
    >>> len(ids), ids.shape, [field.name for field in ids.fields]
    (2, (6,), ['input_ids', 'attention_mask'])
    """

    def __init__(self, samples: Mapping[str, object] | Rows, fields: Sequence[str] | None = None) -> None:
        self._columns: dict[str, Array] | None = None
        self._rows: Rows | None = None
        if isinstance(samples, Mapping):
            names = _chosen(samples, fields)
            self._columns = {name: _numbers(samples[name], f"the field {name!r}") for name in names}
            lengths = {name: len(column) if column.ndim else 0 for name, column in self._columns.items()}
            if len(set(lengths.values())) > 1:
                raise DataError(f"the fields have different numbers of samples ({lengths}): give one value each.")
            self._count = next(iter(lengths.values()), 0)
            arrays = {name: column[0] for name, column in self._columns.items()} if self._count else {}
        elif not hasattr(samples, "__len__") or not hasattr(samples, "__getitem__"):
            raise DataError(f"expected a dictionary of arrays, or a data set of dictionaries, not {samples!r:.60}.")
        else:
            self._rows, self._count = samples, len(samples)
            arrays = self._item(0, None if fields is None else tuple(fields)) if self._count else {}
        if not self._count:
            raise DataError("there are no samples in this dictionary or data set: give at least one.")
        self.fields = tuple(Field(name, array.shape, _type(array)) for name, array in arrays.items())
        self.shape = (sum(field.size for field in self.fields),)
        self.dtype = torch.float32

    def __len__(self) -> int:
        return self._count

    def batch(self, indices: Tensor) -> Tensor:
        """float32 [B, W]: the values of all fields, one sample a row.

        Raises UnreadableError for samples that cannot be read, are not finite, or differ from the first.
        """
        if self._columns is not None:
            rows = rows_of(indices, self._count)
            parts = {field: self._columns[field.name][rows] for field in self.fields}
            if not any(faults(part).any() for part in parts.values()):
                flat = [to_float32(part).reshape(len(rows), field.size) for field, part in parts.items()]
                return torch.from_numpy(np.concatenate(flat, axis=1))
        return read_batch(self, indices, self._one)

    def _one(self, row: int) -> Tensor:
        if self._columns is None:
            arrays = self._item(row, tuple(field.name for field in self.fields))
        else:
            arrays = {name: column[row] for name, column in self._columns.items()}
        return torch.from_numpy(
            np.concatenate([self._checked(field, arrays[field.name], row) for field in self.fields])
        )

    def _item(self, row: int, names: tuple[str, ...] | None) -> dict[str, Array]:
        assert self._rows is not None
        item = read_item(self._rows, row)
        if not isinstance(item, Mapping):
            raise DataError(f"sample {row} is {type(item).__name__}: a dictionary of tensors was expected.")
        return {name: _numbers(item[name], f"the field {name!r} of sample {row}") for name in _chosen(item, names, row)}

    def _checked(self, field: Field, array: Array, row: int) -> Array:
        what = f"the field {field.name!r} of sample {row}"
        if array.shape != field.shape:
            raise DataError(
                f"{what} has the shape {array.shape} and that of sample 0 {field.shape}: pad all samples to one length."
            )
        if _type(array) != field.dtype:
            raise DataError(f"{what} is of {array.dtype}, unlike that of sample 0: make them alike.")
        check_values(array[None], [row], of=f"the field {field.name!r} of ")
        return to_float32(array).reshape(-1)


def _type(array: Array) -> torch.dtype:
    """What a model gets; a mask stays one, because ``~`` and indexing do something else to 0 and 1."""
    return {"b": torch.bool, "i": torch.int64, "u": torch.int64}.get(array.dtype.kind, torch.float32)


def _chosen(item: Mapping[str, object], names: Sequence[str] | None, row: int | None = None) -> list[str]:
    if names is None:
        return [name for name in item if name not in _LABELS]
    if missing := [name for name in names if name not in item]:
        where = "" if row is None else f" in sample {row}"
        raise DataError(f"there is no field {missing[0]!r}{where}: the fields are {', '.join(map(str, item))}.")
    return list(names)


def _numbers(value: object, what: str) -> Array:
    try:
        array = as_array(value) if isinstance(value, Tensor | np.ndarray) else np.asarray(value)
    except DataError:
        raise
    except ValueError:  # lists of different lengths
        raise DataError(f"{what} has rows of different lengths: pad all samples to one length.") from None
    if array.dtype.kind not in "biuf":
        raise DataError(f"{what} holds no numbers: name the fields that the model reads, DictSamples(…, fields=[…]).")
    return array
