"""The embeddings of a project's tasks, as inputs for a classifier."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from iale.data._texts import TextSamples
from iale.data.table_config import TableConfig
from iale.data.unlabeled import load_unlabeled
from iale.errors import DataError
from iale.geometry._embedding_files import NAME
from iale.geometry.embeddings import PointSamples, read_embeddings
from iale.geometry.points import Points
from iale.integrations.label_studio._project import Task
from iale.integrations.label_studio._samples import SAID, FolderFiles

_NUMBERS = "number of a task, or with --data a name that `iale data DATA --names` prints"


class VectorTasks(PointSamples):
    """Vectors of tasks.

    Args:
        points: the vectors.
        say: is told which tasks are left out.
    """

    def __init__(self, points: Points, say: Callable[[str], None]) -> None:
        PointSamples.__init__(self, points)
        self._say = say
        self._told: set[int] = set()

    def row(self, task: Task) -> int:
        """The row of a task; raises DataError if it has none."""
        raise NotImplementedError

    def rows(self, tasks: Sequence[Task]) -> dict[int, int]:
        """The row of each task by its id, without those that have none."""
        found, before = {}, len(self._told)
        for task in tasks:
            try:
                if task.value is None:
                    raise DataError("its data lacks the field that the labeling configuration shows.")
                found[task.number] = self.row(task)
            except DataError as error:
                if task.number in self._told:
                    continue
                self._told.add(task.number)
                if len(self._told) <= SAID:
                    self._say(f"task {task.number} is left out: {error}")
        if (more := len(self._told) - max(before, SAID)) > 0:
            self._say(f"{more} more tasks are left out for similar reasons")
        return found


class EmbeddedTasks(VectorTasks):
    """Embeddings that tasks have by their numbers, or by the files or texts that they show.

    Args:
        path: the file of the embeddings.
        find: the name of a task; raises DataError if it has none.
        names: of all embeddings.
        name: what a name is.
        say: is told which tasks are left out.
    """

    def __init__(
        self, path: Path, find: Callable[[Task], str], names: Sequence[str], name: str, say: Callable[[str], None]
    ) -> None:
        VectorTasks.__init__(self, read_embeddings(path, names, name), say)
        self._path, self._find = path, find
        self._row = {name: row for row, name in enumerate(names)}

    def row(self, task: Task) -> int:
        """The row of its embedding."""
        name = self._find(task)
        if name not in self._row:
            raise DataError(f"{self._path} has no embedding of it: add it and start the same command again.")
        return self._row[name]


def by_number(path: Path, tasks: Sequence[Task], say: Callable[[str], None]) -> EmbeddedTasks:
    """Embeddings whose ids are the numbers of the tasks that there are."""
    return EmbeddedTasks(path, lambda task: str(task.number), [str(task.number) for task in tasks], _NUMBERS, say)


def by_file(path: Path, files: FolderFiles, say: Callable[[str], None]) -> EmbeddedTasks:
    """Embeddings of the files in a folder, of which tasks show some."""
    return EmbeddedTasks(path, lambda task: files.find(task.value or ""), files.names, NAME, say)


def by_text(path: Path, table: Path, config: TableConfig, say: Callable[[str], None]) -> EmbeddedTasks:
    """Embeddings of the texts in a table, of which tasks show some; of equal texts, the first counts."""
    samples, names = load_unlabeled(table, table=config, say=say)
    if not isinstance(samples, TextSamples):
        raise DataError(f"{table} holds no texts, and the tasks show texts: give the table that has them.")
    texts = samples.texts(torch.arange(len(samples)))
    known = {_plain(text): name for text, name in zip(reversed(texts), reversed(names), strict=True)}

    def find(task: Task) -> str:
        if (name := known.get(_plain(task.value or ""))) is None:
            raise DataError(f"its text is not in {table}: add it there, and its embedding.")
        return name

    return EmbeddedTasks(path, find, names, NAME, say)


def _plain(text: str) -> str:
    """A text without what an import may change: its ends of lines, and spaces around it."""
    return " ".join(text.split())
