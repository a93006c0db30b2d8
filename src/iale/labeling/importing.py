"""Labels that exist already: from a CSV file or from class folders."""

from __future__ import annotations

from pathlib import Path

from iale.data._table_labels import read_label_rows
from iale.errors import DataError
from iale.labeling.project import Project

_PERSON = "import"


def import_csv(project: Project, path: Path | str, person: str = _PERSON) -> int:
    """Records labels from a table with the columns ``sample`` and ``label`` under the name of ``person``.

    A sample is named as in the project (the path of an image below its folder, the row of an array or table), or by its
    id. A blank label says that a sample has none yet. If ``path`` is the project's own table, its label column is read.
    Returns how many were recorded; labels that are there already are not recorded again. Raises DataError if the
    file is not such a table or names an unknown sample; nothing is recorded then.
    """
    path = Path(path)
    own = path.exists() and project.config.data.exists() and path.samefile(project.config.data)
    rows = read_label_rows(path, project.config.table if own else None, own=own)
    asked = {sample for _, sample, _ in rows}
    index = {name: name for name in asked if name in project.items.ids}
    for row in range(project.count):  # a name wins over an id
        if (name := project.items.name(row)) in asked:
            index[name] = project.items.ids[row]
    labels: dict[str, str] = {}
    for line, sample, label in rows:
        if sample not in index:
            raise DataError(f"{path}, line {line}: there is no sample {sample[:60]!r}; remove that line or correct it.")
        if labels.setdefault(index[sample], label) != label:
            raise DataError(f"{path}, line {line}: sample {sample[:60]!r} has two labels; keep one of the lines.")
    return project.add_labels(person, labels, "imported")


def import_folders(project: Project, folder: Path | str | None = None, person: str = _PERSON) -> int:
    """Records labels from class folders under the name of ``person``: the first part of an image's path is its class.

    The class folders are in ``folder``, inside the project's data; by default in the data themselves. Returns how many
    labels were recorded. Raises DataError if there are no class folders, or if they lie outside the data.
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
