"""Labels that exist already: from a CSV file or from class folders."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from iale.data._tables import read_label_rows
from iale.errors import DataError
from iale.labeling.project import Project

_PERSON = "import"


def import_csv(project: Project, path: Path | str, person: str = _PERSON) -> int:
    """Labels from a CSV file with the columns ``sample`` and ``label``.

    Args:
        project: where they go.
        path: the file; a sample is named as in the project (the path of an image below its folder, the row of an
            array or table), or by its id.
        person: under whose name they are recorded.

    Returns:
        how many were recorded; labels that are there already are not recorded again.

    Raises:
        DataError: the file is no such table, or names an unknown sample; nothing is recorded then.
    """
    path = Path(path)
    rows = read_label_rows(path)
    index = _names(project, (sample for _, sample, _ in rows))
    labels: dict[str, str] = {}
    for line, sample, label in rows:
        if sample not in index:
            raise DataError(f"{path}, line {line}: there is no sample {sample[:60]!r}; remove that line or correct it.")
        if not label:
            raise DataError(f"{path}, line {line}: sample {sample[:60]!r} has no label; give one or remove that line.")
        if labels.setdefault(index[sample], label) != label:
            raise DataError(f"{path}, line {line}: sample {sample[:60]!r} has two labels; keep one of the lines.")
    return project.add_labels(person, labels, "imported")


def import_folders(project: Project, folder: Path | str | None = None, person: str = _PERSON) -> int:
    """Labels from class folders: the first part of an image's path is its class.

    Args:
        project: of a folder of images.
        folder: the folder with the class folders, inside the project's data; by default the data themselves.
        person: under whose name they are recorded.

    Returns:
        how many were recorded.

    Raises:
        DataError: there are no class folders, or they lie outside the data.
    """
    root = project.config.data.resolve()
    below = root if folder is None else Path(folder).resolve()
    if below != root and root not in below.parents:
        raise DataError(f"{folder} is not inside {root}: only images of the project can be labeled.")
    start = "" if below == root else below.relative_to(root).as_posix() + "/"
    labels = {}
    if project.kind == "image":
        for index in range(project.count):
            name = project.items.name(index)
            inner = name.removeprefix(start)
            if name.startswith(start) and "/" in inner and not project.items.changed(index):
                labels[project.items.ids[index]] = inner.split("/")[0]
    if not labels:
        raise DataError(f"{below} has no class folders with images of the project: nothing was imported.")
    return project.add_labels(person, labels, "imported")


def import_labels(project: Project, path: Path | str, person: str = _PERSON) -> int:
    """Labels from a CSV file (`import_csv`) or class folders (`import_folders`), whichever ``path`` is."""
    return import_folders(project, path, person) if Path(path).is_dir() else import_csv(project, path, person)


def _names(project: Project, wanted: Iterable[str]) -> dict[str, str]:
    """The ids of the samples whose names or ids are ``wanted``; a name wins over an id."""
    asked = set(wanted)
    found = {name: name for name in asked if name in project.items.ids}
    for index in range(project.count):
        name = project.items.name(index)
        if name in asked:
            found[name] = project.items.ids[index]
    return found
