"""Embeddings in the columns of a table: a Parquet file, or a data set of Hugging Face that `save_to_disk` wrote."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from iale._closest import meant
from iale._packages import to_install
from iale.data._formats import unreadable
from iale.data._layout import Array, to_float32
from iale.errors import ConfigError, DataError
from iale.geometry._embedding_parts import IDS, Found, embeddings_of, stem
from iale.geometry._mapped import release, room

_ROWS = 1024  # that are read at a time
_BUFFER = 1 << 20  # bytes of a Parquet file that are read at a time; otherwise it would be read whole

_Batches = Callable[[list[str]], Iterable[Any]]
"""Some columns of a table, as Arrow's record batches."""


def read_parquet(path: Path, names: Sequence[str]) -> Found:
    """Reads a Parquet file; ``names`` tell which sample lacks a row if it has no ids."""
    _check_pyarrow(path)
    import pyarrow.parquet as parquet

    if not path.is_file():
        raise DataError(f"there is no file {path}: {meant(path)}check the path.")
    with (
        _damaged(path, "a Parquet file was expected; get it again"),
        parquet.ParquetFile(path, buffer_size=_BUFFER, pre_buffer=False) as file,
    ):

        def batches(columns: list[str]) -> Iterator[Any]:
            yield from file.iter_batches(_ROWS, columns=columns)

        return _read(path, file.schema_arrow, file.metadata.num_rows, batches, names)


def is_saved(path: Path) -> bool:
    """Whether this is a folder that `save_to_disk` of Hugging Face's library ``datasets`` wrote."""
    return any((path / name).is_file() for name in ("state.json", "dataset_dict.json"))


def read_saved(path: Path, names: Sequence[str]) -> Found:
    """Reads such a folder; ``names`` tell which sample lacks a row if it has no ids."""
    _check_pyarrow(path)
    import pyarrow
    from pyarrow import ipc

    with _damaged(path, "a data set that save_to_disk wrote was expected; save it again"):
        if (path / "dataset_dict.json").is_file():
            splits = json.loads((path / "dataset_dict.json").read_bytes())["splits"]
            raise DataError(f"{path} holds the splits {', '.join(splits)}: name the folder of one, {path / splits[0]}.")
        files = [path / one["filename"] for one in json.loads((path / "state.json").read_bytes())["_data_files"]]
        schema, count = None, 0
        for file in files:  # a map, from which only the headers are read
            with pyarrow.memory_map(str(file)) as source, ipc.open_stream(source) as reader:
                schema, count = reader.schema, count + sum(batch.num_rows for batch in reader)

        def batches(columns: list[str]) -> Iterator[Any]:
            for file in files:
                with pyarrow.OSFile(str(file)) as source, ipc.open_stream(source) as reader:
                    for batch in reader:
                        part = batch.select(columns)
                        yield from (part.slice(at, _ROWS) for at in range(0, len(part), _ROWS))

        return _read(path, [] if schema is None else schema, count, batches, names)


def _check_pyarrow(path: Path) -> None:
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise ConfigError(f"{path} needs pyarrow: {to_install('pyarrow')}, or save an .npz file.") from error


@contextlib.contextmanager
def _damaged(path: Path, expected: str) -> Iterator[None]:
    """A damaged file can fail in any of its parsers, with any error: all are one sentence."""
    try:
        yield
    except DataError:
        raise
    except Exception as error:
        damaged = DataError(f"{path} is truncated or altered: {expected}.")
        raise (unreadable(path, error) or damaged) from error


def _read(path: Path, schema: Any, count: int, batches: _Batches, names: Sequence[str]) -> Found:
    """What a table of ``count`` rows with the fields of ``schema`` holds."""
    if not count:
        raise DataError(f"{path} holds no rows: one for each sample was expected.")
    columns = [field.name for field in schema]
    embeddings = embeddings_of(path, columns)
    ids = [name for name in IDS if name in columns][:1]
    named = ids or [field.name for field in schema if _may_name(field.type) and field.name != embeddings]
    told: dict[str, list[str]] = {name: [] for name in named}
    known = set() if ids else {stem(name) for name in names}
    out: Array | None = None
    at = 0
    for batch in batches([*named, embeddings]):
        for name in tuple(told):
            cells = [*map(str, batch.column(name).to_pylist())]
            if ids or all(stem(cell) in known or cell.isdecimal() for cell in cells):
                told[name] += cells
            else:  # texts or labels, which may be long: they name no samples, and are not kept
                del told[name]
        called = told[ids[0]] if ids else names if len(names) == count else ()
        part = _matrix(path, batch.column(embeddings), called[at:])
        out = room((count, part.shape[1]), part.dtype) if out is None else out
        if part.shape[1] != out.shape[1]:
            raise DataError(f"the embeddings of {path} differ in length: make all of one length.")
        out[at : at + len(part)] = part
        release(out)
        at += len(part)
    assert out is not None
    return Found(out, told[ids[0]]) if ids else Found(out, others=told)


def _may_name(kind: Any) -> bool:
    from pyarrow import types

    values = kind.value_type if types.is_dictionary(kind) else kind  # what pandas calls categories
    return bool(types.is_integer(values) or str(values) in ("string", "large_string", "string_view"))


def _matrix(path: Path, column: Any, called: Sequence[str]) -> Array:
    """The lists of a column, of the samples ``called``, as rows of float16 if they are, or else of float32."""
    if not hasattr(column, "value_lengths"):
        raise DataError(f"the embeddings of {path} are {column.type}: a list of numbers was expected in each row.")
    if column.null_count:
        at = int(np.flatnonzero(np.asarray(column.is_null()))[0])
        sample = f"sample {called[at]!r}" if called else "a sample"
        raise DataError(f"{path}: the embedding of {sample} is missing: make it, or leave the sample out.")
    values, lengths = np.asarray(column.flatten()), np.asarray(column.value_lengths())
    if len(set(lengths.tolist())) != 1:
        raise DataError(f"the embeddings of {path} differ in length: make all of one length.")
    if values.dtype.kind not in "iuf":
        raise DataError(f"the embeddings of {path} are lists of {values.dtype}: numbers were expected.")
    rows = values.reshape(len(lengths), -1)
    return rows if rows.dtype == np.float16 else to_float32(rows)
