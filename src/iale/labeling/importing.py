"""Labels that exist already: from a CSV file, from class folders, or from answers that are set aside."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from iale.data._names import named_in, no_such_sample, spellings
from iale.data._table_labels import read_label_rows
from iale.errors import DataError
from iale.labeling.project import Project
from iale.labeling.queue._carrying import By
from iale.labeling.reader import Readable
from iale.labeling.record._journal import Event, called

_PERSON = "import"


def import_csv(
    project: Project, path: Path | str, person: str = _PERSON, *, say: Callable[[str], None] = lambda _: None
) -> int:
    """Records labels from a table with the columns ``sample`` and ``label`` under the name of ``person``.

    A sample is named as in the project (the path of an image below its folder, the row of an array or table), or by its
    id. A blank label says that a sample has none yet. If ``path`` is the project's own table, its label column is read.
    Returns how many were recorded; labels that are there already are not recorded again. ``say`` is told if the
    encoding had to be guessed. Raises DataError if the file is not such a table or names an unknown sample; nothing is
    recorded then.
    """
    path = Path(path)
    own = path.exists() and project.config.data.exists() and path.samefile(project.config.data)
    with project.reader.ledger.reading() as answers:
        classes = {*answers.classes.names, *answers.classes.renames}
    rows = read_label_rows(path, project.config.table if own else None, own=own, classes=classes, say=say)
    asked = {name for _, cell, _ in rows for name in spellings(cell)}
    index = {name: name for name in asked if name in project.items.ids}
    for row in range(project.count):  # a name wins over an id
        if (name := project.items.name(row)) in asked:
            index[name] = project.items.ids[row]
    labels: dict[str, str] = {}
    for line, cell, label in rows:
        sample = named_in(cell, index)
        if sample is None:
            raise no_such_sample(path, line, cell, set(map(project.items.name, range(project.count))))
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


def import_labels(
    project: Project, path: Path | str, person: str = _PERSON, *, say: Callable[[str], None] = lambda _: None
) -> int:
    """Labels from a CSV file (`import_csv`) or class folders (`import_folders`), whichever ``path`` is."""
    return import_folders(project, path, person) if Path(path).is_dir() else import_csv(project, path, person, say=say)


@dataclass(frozen=True)
class Offer:
    """An answer that is set aside, and the sample to which it may belong.

    Attributes:
        before: the id of the sample that was answered.
        sample: the id of the sample that is there now.
        old: what people called the one that was answered.
        new: what the other is called.
        label: the class; None if it was skipped.
        person: who decided.
    """

    before: str
    sample: str
    old: str
    new: str
    label: str | None
    person: str


def offers(project: Readable, by: By) -> list[Offer]:
    """The answers that are set aside and can be taken over, in the order of the samples.

    By content, a sample must hold what the answered one held. By name, it must have the same name, and the old content
    must not be found under another. Each answer must fit one sample that nobody has answered, and each sample one
    answer.
    """
    reader = project.reader
    classes = (None, *reader.classes)  # what is aside because its class was removed fits its own sample
    aside = {e.sample: e for e in reader.set_aside() if e.sample is not None and e.label in classes}
    contents = reader.items.find({event.stamp for event in aside.values() if event.stamp})
    names: defaultdict[str, list[int]] = defaultdict(list)
    if by == "name":
        wanted = {event.name for event in aside.values()}
        for index in range(reader.count):
            if (name := reader.items.words(index)) in wanted:
                names[name].append(index)
    answered = reader.answered()
    found: defaultdict[int, list[Event]] = defaultdict(list)
    for event in aside.values():
        same = contents.get(event.stamp or "", [])
        fitting = same if by == "content" else [] if same else names.get(event.name or "", [])
        if len(fitting) > 1:  # copies of one file: the one that kept its last name
            fitting = [at for at in fitting if Path(reader.items.name(at)).name == Path(event.name or "").name]
        if len(fitting) == 1 and fitting[0] not in answered:
            found[fitting[0]].append(event)
    return [
        Offer(
            event.sample or "", reader.items.ids[at], called(event), reader.items.words(at), event.label, event.person
        )
        for at, (event, *more) in sorted(found.items())
        if not more
    ]


def take_over(project: Project, found: Sequence[Offer]) -> None:
    """Lets offered answers go on for the samples that are there now. Persons, times, and the test share stay."""
    project.carry({offer.before: offer.sample for offer in found})
