"""Labels for other programs: a CSV table, JSON lines, class folders, a PyTorch data set."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import torch
from torch import Tensor

from iale._storage import storage_errors, to_json
from iale.data._table_labels import SET_ASIDE
from iale.errors import ConfigError
from iale.labeling._class_folders import folder_names, write_sample
from iale.labeling.reader import ProjectReader, Readable
from iale.labeling.record._journal import Event, called

_COLUMNS = ("sample", "label", "person", "time", "reason", "id", SET_ASIDE)


def labels_csv(project: Readable) -> str:
    """The labels in the order of the samples, as a table that `iale query --labels` and `import_csv` read.

    Labels that are set aside come last, with "yes" in the column ``set_aside``; those two pass over them.
    """
    reader = project.reader
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for name, event, aside in _all(reader):
        if event.label is not None:
            row = (name, event.label, event.person, _when(event), event.reason, event.sample, "yes" if aside else "")
            writer.writerow(row)
    return text.getvalue()


def labels_jsonl(project: Readable) -> str:
    """Every answered sample as a line of JSON, with skips, notes and history; what is set aside comes last."""
    reader = project.reader
    text = ""
    for name, event, aside in _all(reader):
        values = {
            "sample": name.encode("utf-8", "surrogateescape").decode("utf-8", "replace"),
            "id": event.sample,
            "label": event.label,
            "note": event.note,
            "reason": event.reason,
            "person": event.person,
            "time": _when(event),
            SET_ASIDE: aside,
            "history": [_brief(past) for past in reader.history(event.sample or "")],
        }
        text += f"{to_json(values)}\n"
    return text


def export_folders(project: Readable, out: Path) -> int:
    """Copies the labeled samples into one folder for each class; returns how many there are.

    Images keep their paths below the class; rows of an array become PNG files, texts .txt files. Raises ConfigError if
    ``out`` is not empty, or if the samples are rows of features.
    """
    reader = project.reader
    if reader.kind == "row":
        raise ConfigError("rows of features have no files: export them as CSV.")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError(f"{out} is not empty: name a new folder.")
    names = folder_names(reader.classes)
    count = 0
    for index, event in _in_order(reader):
        if event.label is None or reader.items.changed(index):
            continue
        with storage_errors("write to", out):
            write_sample(reader, index, out / names[event.label])
        count += 1
    return count


class LabeledDataset(torch.utils.data.Dataset[tuple[Tensor, int]]):
    """The labeled samples of a project now, as a map-style PyTorch data set of inputs and class numbers.

    Args:
        project: whose labels they are.
        test: True takes the honest test share, False what there is to learn from, None all labels.

    Attributes:
        classes: names of the classes; a label is a position in it.
        ids: of the samples, in order.
        labels: int64 [L].
    """

    def __init__(self, project: Readable, *, test: bool | None = None) -> None:
        reader = project.reader
        source = {None: reader.labels, False: reader.labels_to_learn_from, True: reader.labels_to_test_on}[test]
        labels = source()
        self.classes = reader.classes
        number = {name: place for place, name in enumerate(self.classes)}
        self.ids = sorted(labels, key=reader.items.ids.index)
        self.labels = torch.tensor([number[labels[sample]] for sample in self.ids], dtype=torch.int64)
        self._indices = [reader.items.ids.index(sample) for sample in self.ids]
        self._samples = reader.items.samples

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, place: int) -> tuple[Tensor, int]:
        """Input, uint8 or float32 [*shape], and class number; raises DataError for a file that cannot be read."""
        inputs = self._samples.batch(torch.tensor([self._indices[place]]))
        return inputs[0], int(self.labels[place])


def _in_order(reader: ProjectReader) -> list[tuple[int, Event]]:
    """Decisions in the order of the samples."""
    found = ((reader.items.ids.index(sample), event) for sample, event in reader.decisions().items())
    return sorted(found, key=lambda pair: pair[0])


def _all(reader: ProjectReader) -> Iterator[tuple[str, Event, bool]]:
    """Names, answers, and whether these are set aside."""
    for index, event in _in_order(reader):
        yield reader.items.name(index), event, False
    for event in reader.set_aside():
        yield called(event), event, True


def _when(event: Event) -> str:
    return datetime.fromtimestamp(event.answered, UTC).isoformat(timespec="milliseconds")


def _brief(event: Event) -> dict[str, object]:
    values = {"kind": event.kind, "label": event.label, "person": event.person, "note": event.note}
    return {"number": event.number, "time": _when(event), **{k: v for k, v in values.items() if v is not None}}
