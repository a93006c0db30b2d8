"""Labels and samples as a data set of Hugging Face: parquet files with images inside, and a card.

README.md                              the card; its head names the splits
data/train-00000-of-00001.parquet      what there is to learn from
data/test-00000-of-00001.parquet       the honest test share, a random draw
"""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from iale._packages import to_install
from iale._storage import write_bytes, written
from iale.errors import ConfigError, DataError
from iale.labeling.export._order import check_new, in_order, is_test, utf8
from iale.labeling.export.card import data_card
from iale.labeling.items._images import ImageItems
from iale.labeling.reader import ProjectReader, Readable

_Row = dict[str, object]

_GROUP = 100  # rows of a row group: readers take one at a time, and photographs are large
_CONTENT = {"image": "image", "text": "text", "row": "features"}  # the column of a sample, by its kind


def export_datasets(project: Readable, out: Path) -> int:
    """Writes what `datasets.load_dataset(str(out))` reads; returns the number of samples.

    Columns: ``image`` (the file as it is, or a PNG of an array's row), ``text``, or ``features``; ``label``, the
    number of a named class; sample, id, person, reason and time. Images that cannot be read any more are left out.

    Raises:
        ConfigError: ``out`` is not empty, pyarrow is missing, nothing is labeled, or the samples are images of an array
            that are not bytes of one or three channels, which no image file holds.
    """
    reader = project.reader
    check_new(out)
    _check(reader)
    splits = {split: _split_rows(reader, test=split == "test") for split in ("train", "test")}
    counts = {split: _write(reader, rows, out / _file(split)) for split, rows in splits.items()}
    found = [split for split, count in counts.items() if count]
    if not found:
        raise ConfigError("nothing is labeled yet, so there is no data set to export.")
    files = [{"split": split, "path": _file(split)} for split in found]
    head = json.dumps([{"config_name": "default", "data_files": files}])  # JSON is YAML, too
    write_bytes(out / "README.md", f"---\nconfigs: {head}\n---\n\n{data_card(reader)}".encode())
    return sum(counts.values())


def _split_rows(reader: ProjectReader, *, test: bool) -> Iterator[_Row]:
    """The rows of the honest test share, or all others, in the order of the samples."""
    number = {name: place for place, name in enumerate(reader.classes)}
    for index, event in in_order(reader):
        if event.label is None or is_test(reader, event) != test:
            continue
        try:
            content = _content(reader, index)
        except DataError:  # the file has gone or changed since the project was opened
            continue
        yield {
            _CONTENT[reader.kind]: content,
            "label": number[event.label],
            "sample": utf8(reader.items.name(index)),
            "id": event.sample,
            "person": event.person,
            "reason": event.reason,
            "time": datetime.fromtimestamp(event.answered, UTC).isoformat(timespec="milliseconds"),
        }


def _features(reader: ProjectReader) -> dict[str, object]:
    """What the columns are, in the words of `datasets.Features`; it finds out the type of ``features`` by itself."""
    text = {"dtype": "string", "_type": "Value"}
    contents: dict[str, dict[str, object]] = {"image": {"image": {"_type": "Image"}}, "text": {"text": text}}
    label = {"names": [utf8(name) for name in reader.classes], "_type": "ClassLabel"}
    return {
        **contents.get(reader.kind, {}),
        "label": label,
        **dict.fromkeys(("sample", "id", "person", "reason", "time"), text),
    }


def _content(reader: ProjectReader, index: int) -> object:
    items = reader.items
    if isinstance(items, ImageItems):
        path = items.path(index)
        try:
            return {"bytes": path.read_bytes(), "path": utf8(items.name(index))}
        except OSError as error:
            raise DataError(f"{path} cannot be read ({error.strerror}).") from error
    if reader.kind == "row":
        return items.samples.batch(torch.tensor([index]))[0].tolist()
    shown = items.show(index)
    if isinstance(shown, np.ndarray):
        file = io.BytesIO()
        Image.fromarray(shown).save(file, "PNG")
        return {"bytes": file.getvalue(), "path": f"{items.ids[index]}.png"}
    return utf8(str(shown))


def _check(reader: ProjectReader) -> None:
    samples = reader.items.samples
    if reader.kind == "image" and (samples.dtype != torch.uint8 or samples.shape[0] not in (1, 3)):
        raise ConfigError("the numbers of this array do not fit into image files: export its labels as CSV.")


def _write(reader: ProjectReader, rows: Iterator[_Row], path: Path) -> int:
    """Writes one parquet file, a group of rows at a time; none if there are no rows. Returns how many there are."""
    try:
        import pyarrow
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise ConfigError(f"a data set of Hugging Face needs pyarrow: {to_install('pyarrow')}.") from error
    first = next(rows, None)
    if first is None:
        return 0
    kinds = {
        "image": pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())]),
        "features": pyarrow.list_(pyarrow.float32()),
        "label": pyarrow.int64(),
    }
    about = json.dumps({"info": {"features": _features(reader)}})
    columns = [(name, kinds.get(name, pyarrow.string())) for name in first]
    schema = pyarrow.schema(columns).with_metadata({"huggingface": about})
    count, left = 0, itertools.chain([first], rows)
    with written(path) as file, parquet.ParquetWriter(file, schema) as writer:
        while group := list(itertools.islice(left, _GROUP)):
            writer.write_table(pyarrow.Table.from_pylist(group, schema=schema))
            count += len(group)
    return count


def _file(split: str) -> str:
    return f"data/{split}-00000-of-00001.parquet"
