"""Class folders: their names, and the file of a sample in one of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from iale.errors import DataError
from iale.labeling.reader import ProjectReader


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


def write_sample(reader: ProjectReader, index: int, folder: Path) -> None:
    """Copies one sample into the folder of its class; raises OSError if it cannot be written."""
    name = reader.items.name(index)
    if reader.kind == "image" and not name.isdigit():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(reader.items.path(index), target)
        return
    folder.mkdir(parents=True, exist_ok=True)
    shown = reader.items.show(index)
    stem = reader.items.ids[index]  # a row's name may hold anything, also what no file can be called
    if isinstance(shown, np.ndarray):
        Image.fromarray(shown).save(folder / f"{stem}.png")
    elif isinstance(shown, str):
        (folder / f"{stem}.txt").write_text(shown, encoding="utf-8", errors="replace")
    else:
        raise DataError(f"sample {name} is a row of features: export it as CSV.")
