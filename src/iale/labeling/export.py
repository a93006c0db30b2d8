"""Labels for other programs: a CSV table, JSON lines, class folders, a PyTorch data set."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from iale._storage import storage_errors, to_json
from iale.errors import ConfigError, DataError
from iale.labeling.reader import ProjectReader
from iale.labeling.record._journal import Event

COLUMNS = ("sample", "label", "person", "time", "reason", "id")


def labels_csv(project: ProjectReader) -> str:
    """The labels as a table that `iale query --labels` and `import_csv` read; in the order of the samples."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for index, event in _in_order(project):
        if event.label is not None:
            row = (project.items.name(index), event.label, event.person, _when(event), event.reason, event.sample)
            writer.writerow(row)
    return text.getvalue()


def labels_jsonl(project: ProjectReader) -> str:
    """Every answered sample as a line of JSON, with skips, notes and the history of the answers."""
    lines = []
    for index, event in _in_order(project):
        lines.append(
            to_json(
                {
                    "sample": project.items.name(index).encode("utf-8", "surrogateescape").decode("utf-8", "replace"),
                    "id": event.sample,
                    "label": event.label,
                    "note": event.note,
                    "reason": event.reason,
                    "person": event.person,
                    "time": _when(event),
                    "history": [_brief(past) for past in project.history(event.sample or "")],
                }
            )
        )
    return "".join(f"{line}\n" for line in lines)


def export_folders(project: ProjectReader, out: Path) -> int:
    """Copies the labeled samples into one folder for each class; returns how many there are.

    Images keep their paths below the class; rows of an array become PNG files, texts .txt files.

    Raises:
        ConfigError: ``out`` is not empty, or the samples are rows of features.
        StorageError: it cannot be written.
    """
    if project.kind == "row":
        raise ConfigError("rows of features have no files: export them as CSV.")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError(f"{out} is not empty: name a new folder.")
    names = folder_names(project.classes)
    count = 0
    for index, event in _in_order(project):
        if event.label is None or project.items.changed(index):
            continue
        with storage_errors("write to", out):
            _write_sample(project, index, out / names[event.label])
        count += 1
    return count


def folder_names(classes: tuple[str, ...]) -> dict[str, str]:
    """A folder for every class: its name without what a file system or a shell would misread."""
    found: dict[str, str] = {}
    for name in classes:
        plain = "".join("_" if c in '/\\:*?"<>|' or not c.isprintable() else c for c in name).strip(" .")[:60] or "_"
        taken = {folder.casefold() for folder in found.values()}
        number = 2
        folder = plain
        while folder.casefold() in taken:
            folder, number = f"{plain}-{number}", number + 1
        found[name] = folder
    return found


class LabeledDataset(torch.utils.data.Dataset[tuple[Tensor, int]]):
    """The labeled samples of a project now, as a map-style PyTorch data set of inputs and class numbers.

    Args:
        project: whose labels they are.
        test: the honest test share instead of what there is to learn from; None takes all labels.

    Attributes:
        classes: names of the classes; a label is a place in it.
        ids: of the samples, in order.
        labels: int64 [L].
    """

    def __init__(self, project: ProjectReader, *, test: bool | None = None) -> None:
        source = {None: project.labels, False: project.labels_to_learn_from, True: project.labels_to_test_on}[test]
        labels = source()
        self.classes = project.classes
        number = {name: place for place, name in enumerate(self.classes)}
        self.ids = sorted(labels, key=project.items.ids.index)
        self.labels = torch.tensor([number[labels[sample]] for sample in self.ids], dtype=torch.int64)
        self._indices = [project.items.ids.index(sample) for sample in self.ids]
        self._samples = project.items.samples

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, place: int) -> tuple[Tensor, int]:
        """Input, uint8 or float32 [*shape], and class; raises DataError for a file that cannot be read."""
        inputs = self._samples.batch(torch.tensor([self._indices[place]]))
        return inputs[0], int(self.labels[place])


def _in_order(project: ProjectReader) -> Iterator[tuple[int, Event]]:
    """Decisions in the order of the samples."""
    found = ((project.items.ids.index(sample), event) for sample, event in project.decisions().items())
    yield from sorted(found, key=lambda pair: pair[0])


def _when(event: Event) -> str:
    return datetime.fromtimestamp(event.time, UTC).isoformat(timespec="milliseconds")


def _brief(event: Event) -> dict[str, Any]:
    values = {"kind": event.kind, "label": event.label, "person": event.person, "note": event.note}
    return {"number": event.number, "time": _when(event), **{k: v for k, v in values.items() if v is not None}}


def _write_sample(project: ProjectReader, index: int, folder: Path) -> None:
    name = project.items.name(index)
    if project.kind == "image" and not name.isdigit():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(project.items.path(index), target)
        return
    folder.mkdir(parents=True, exist_ok=True)
    shown = project.items.show(index)
    stem = project.items.ids[index]  # names of rows may hold anything
    if isinstance(shown, np.ndarray):
        Image.fromarray(shown).save(folder / f"{stem}.png")
    elif isinstance(shown, str):
        (folder / f"{stem}.txt").write_text(shown, encoding="utf-8", errors="replace")
    else:
        raise DataError(f"sample {name} is a row of features: export it as CSV.")
