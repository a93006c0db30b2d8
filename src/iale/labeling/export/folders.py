"""Labeled samples copied into class folders."""

from __future__ import annotations

from pathlib import Path

from iale._storage import storage_errors
from iale.errors import ConfigError
from iale.labeling._class_folders import folder_names, write_sample
from iale.labeling.export._order import check_new, in_order
from iale.labeling.reader import Readable


def export_folders(project: Readable, out: Path) -> int:
    """Copies the labeled samples into one folder for each class; returns how many there are.

    Images keep their paths below the class; rows of an array become PNG files, texts .txt files. Raises ConfigError if
    ``out`` is not empty, or if the samples are rows of features.
    """
    reader = project.reader
    if reader.kind == "row":
        raise ConfigError("rows of features have no files: export them as CSV.")
    check_new(out)
    names = folder_names(reader.classes)
    count = 0
    for index, event in in_order(reader):
        if event.label is None or reader.items.changed(index):
            continue
        with storage_errors("write to", out):
            write_sample(reader, index, out / names[event.label])
        count += 1
    return count
