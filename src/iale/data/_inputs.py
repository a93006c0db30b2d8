"""Whatever a user has, as `Samples`; what cannot be read properly is refused in a sentence that says what to pass.

Nothing but arrays and tables of numbers is handed to ``np.asarray``: it reads a data set item by item until an
IndexError comes, which many never raise, and it stacks pairs (x, y) as if both were inputs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from numbers import Number
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset

from iale._many import reason_of
from iale._warn import warn
from iale.data._layout import as_array
from iale.data._lists import ListSamples, are_lists
from iale.data._sparse import SparseSamples
from iale.data._table_columns import COUNTS, LABELS, NAMES, PERHAPS_LABELS
from iale.data.arrays import ArraySamples
from iale.data.dictionaries import DictSamples
from iale.data.samples import Samples
from iale.data.torch_dataset import TorchSamples
from iale.errors import DataError

_NO_FEATURES = frozenset((*NAMES, *COUNTS, *LABELS))
"""Columns of a data frame, in any case, that a table of samples has beside features, or that pandas writes."""


def as_samples(data: object) -> Samples:
    """``data`` as samples.

    Args:
        data: any `Samples`, an array or tensor [N, …], a map-style data set of PyTorch, a sequence of arrays, tensors,
            Pillow images or pairs (x, y), a data frame of numbers, a sparse matrix of SciPy, or a column of a data set
            of Hugging Face.

    Raises:
        DataError: it is something else; the message says what to pass instead.
    """
    _refuse(data)
    if isinstance(data, memoryview):
        data = np.asarray(data)
    if isinstance(data, Samples):
        return data
    if sparse.issparse(data):  # a matrix of the kind dok is a mapping, too
        return SparseSamples(data)
    if isinstance(data, Mapping):
        return DictSamples(data)
    if isinstance(data, Tensor):
        return ArraySamples(data)
    if isinstance(data, _Frame):
        return ArraySamples(_numbers_of(data))
    if isinstance(data, _Array) and not isinstance(data, Dataset):
        array = as_array(data) if isinstance(data, np.ndarray) else np.asarray(data)
        # A series of images, or of texts, is an array of objects.
        return _from_list(array.tolist()) if array.ndim == 1 and array.dtype.kind in "OUST" else ArraySamples(array)
    if isinstance(data, list | tuple):
        return _from_list(data)
    if are_lists(data):
        return ArraySamples(ListSamples(data).whole())
    if not isinstance(data, _Items):
        lacking = [name for name in ("shape", "dtype", "__len__") if not hasattr(data, name)]
        own = f"its class has a batch, and lacks {', '.join(lacking)}" if hasattr(data, "batch") else ""
        raise DataError(
            f"{type(data).__name__} holds no samples: "
            f"{own or 'give an array, or a data set with __getitem__ and __len__'}."
        )
    return _from_items(data)


def check_own(samples: Samples) -> None:
    """Reads two samples of a user's own class.

    Raises DataError if they are not what it says they are, or depend on what else is read.
    """
    if type(samples).__module__.partition(".")[0] == "iale":
        return
    name, last = type(samples).__name__, len(samples) - 1
    if last < 0:
        raise DataError(f"{name} holds no samples: give at least one.")
    try:
        both, *each = (samples.batch(torch.tensor(rows)) for rows in ([last, 0], [last], [0]))
    except DataError:  # a sample that cannot be read is no fault of the class
        return
    except Exception as error:  # the user's own code may fail in any way
        reason = reason_of(error)
        raise DataError(f"{name}.batch(torch.tensor([{last}, 0])) fails ({reason}): correct it.") from error
    given, wanted = type(both).__name__, f"{samples.dtype} of shape {(2, *samples.shape)}"
    if isinstance(both, Tensor):
        given = f"{both.dtype} of shape {tuple(both.shape)}{' with a gradient' * both.requires_grad}"
    if given != wanted or samples.dtype not in (torch.uint8, torch.float32):
        raise DataError(
            f"{name}.batch gives {given} for two samples: its dtype and shape say {wanted}, and the dtype must be "
            f"torch.uint8 for images of bytes, or torch.float32."
        )
    if not torch.equal(both.nan_to_num(), torch.cat(each).nan_to_num()):
        raise DataError(f"{name}.batch gives other inputs for two samples than for each alone: keep their order.")


@runtime_checkable
class _Items(Protocol):
    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> object: ...


@runtime_checkable
class _Array(Protocol):
    """An array of any library, or a series of pandas."""

    def __array__(self) -> NDArray[np.generic]: ...


@runtime_checkable
class _Frame(Protocol):
    """A data frame of pandas or polars."""

    columns: Sequence[str]
    dtypes: object

    def __getitem__(self, name: str, /) -> object: ...

    def to_numpy(self) -> NDArray[np.generic]: ...


def _refuse(data: object) -> None:
    """Raises DataError for what has another use, or would be read wrongly."""
    if isinstance(data, str | bytes | Path):
        read = (
            f"iale.data.load_unlabeled({str(data)!r})[0]" if Path(str(data)).suffix else f"FolderSamples({str(data)!r})"
        )
        raise DataError(f"{str(data)!r} is a path: pass {read} or an array.")
    if isinstance(data, NpzFile):
        raise DataError(
            f"an .npz file holds {', '.join(data.files[:5]) or 'nothing'}: pass one array of it, as file[name]."
        )
    if isinstance(data, Mapping) and hasattr(data, "column_names"):
        raise DataError(
            "several splits of Hugging Face are no samples: pass one column of one, data['train']['image']."
        )
    if hasattr(data, "column_names") and hasattr(data, "features"):
        raise DataError(
            "a whole table of Hugging Face holds inputs and labels: pass one column of it, as data['image'], and for "
            "several columns of numbers data.to_pandas()[names]."
        )
    if isinstance(data, DataLoader):
        raise DataError("a DataLoader gives batches, and may shuffle them: pass its data set, as loader.dataset.")
    if isinstance(data, IterableDataset):
        raise DataError(
            "an IterableDataset cannot be asked for one sample: pass a data set with __getitem__ and __len__."
        )
    if isinstance(data, Iterator):
        raise DataError(f"a {type(data).__name__} can be read only once: pass a list or an array of its items.")
    if isinstance(data, Set):
        raise DataError("a set has no order, so its samples have no numbers: pass a list or an array.")


def _numbers_of(frame: _Frame) -> NDArray[np.generic]:
    if rows := [name for name in frame.columns if isinstance(_first_of(frame, name), list | tuple | np.ndarray)]:
        raise DataError(
            f"column {rows[0]!r} of the data frame holds several numbers in each cell: pass that column alone, as "
            f"frame[{rows[0]!r}], in the order of the samples."
        )
    if odd := [str(name) for name in frame.columns if str(name).casefold() in _NO_FEATURES]:
        raise DataError(
            f"column {odd[0]!r} of the data frame names or counts samples, or holds labels, which is not learned from: "
            f"leave it out, as frame.drop(columns={odd[0]!r})."
        )
    perhaps = [name for name in frame.columns if str(name).casefold() in PERHAPS_LABELS]
    if perhaps and len(frame.columns) > 1:
        warn(
            f"the column {perhaps[0]!r} of the data frame is learned from: if it holds the labels, leave it out, as "
            f"frame.drop(columns={perhaps[0]!r})."
        )
    values = frame.to_numpy()
    if values.dtype.kind in "biuf":
        return values
    if len(set(frame.columns)) < len(frame.columns):
        twice = next(name for at, name in enumerate(frame.columns) if name in list(frame.columns)[:at])
        raise DataError(f"two columns of the data frame are called {twice!r}: give each a name of its own.")
    columns = {name: np.asarray(frame[name]) for name in frame.columns}  # mixed types make an array of objects
    for name, column in columns.items():
        if column.ndim != 1 or column.dtype.kind not in "biuf":
            raise DataError(f"column {name!r} of the data frame does not hold numbers: leave it out or convert it.")
    return np.column_stack(list(columns.values()))


def _first_of(frame: _Frame, name: str) -> object:
    column = frame[name]
    return next(iter(column), None) if isinstance(column, Iterable) else None


def _from_list(items: Sequence[object]) -> Samples:
    if not len(items):
        raise DataError("the list of samples is empty: give at least one sample.")
    first = items[0]
    while isinstance(first, list | tuple) and first:  # numbers in lists in lists are an array
        first = first[0]
    if not isinstance(first, Number | np.generic):
        return _from_items(items)
    try:
        array = np.asarray(items)
    except ValueError as error:
        raise DataError(
            "the lists of numbers differ in length: give each sample as many numbers, or pairs (x, y) in which x is an "
            "array or a tensor."
        ) from error
    return ArraySamples(array)


def _from_items(items: _Items) -> Samples:
    if not len(items):
        raise DataError("the data set is empty: give one with samples.")
    first = items[0]
    if isinstance(first, Mapping):
        return DictSamples(items)
    samples = TorchSamples(items)
    if isinstance(first, tuple | list) and len(first) > 1:
        _check_label(first[1])
    return samples


def _check_label(label: object) -> None:
    """Raises DataError if the second part of an item is more than one class, and so perhaps an input."""
    array: NDArray[np.generic] | None = None
    if isinstance(label, Tensor):
        array = label.detach().cpu().numpy() if not label.is_floating_point() else np.zeros(label.shape)
    elif isinstance(label, np.ndarray | np.generic | Number | list | tuple):
        array = np.asarray(label)
    if array is None or (array.size == 1 and array.dtype.kind in "iubOUS"):
        return
    raise DataError(
        f"the second part of an item is {type(label).__name__} of shape {array.shape}, which is not one integer class: "
        f"models get one input and samples one label, so pass items x or (x, y)."
    )
