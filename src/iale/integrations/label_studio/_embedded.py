"""The embeddings of a project's tasks, as inputs for a classifier."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from iale.errors import DataError
from iale.geometry.embeddings import PointSamples, read_embeddings
from iale.integrations.label_studio._project import Task
from iale.integrations.label_studio._samples import FolderFiles


class EmbeddedTasks(PointSamples):
    """Embeddings of the files in a folder, of which tasks show some.

    Args:
        path: the file of the embeddings.
        files: the folder.
        say: is told which tasks are left out.
    """

    def __init__(self, path: Path, files: FolderFiles, say: Callable[[str], None]) -> None:
        PointSamples.__init__(self, read_embeddings(path, files.names))
        self._files, self._say = files, say
        self._row = {name: row for row, name in enumerate(files.names)}
        self._told: set[int] = set()

    def rows(self, tasks: Sequence[Task]) -> dict[int, int]:
        """The row of each task by its id, without those that show no file of the folder."""
        found = {}
        for task in tasks:
            try:
                if task.value is None:
                    raise DataError("its data lacks the field that the labeling configuration shows.")
                found[task.number] = self._row[self._files.find(task.value)]
            except DataError as error:
                if task.number not in self._told:
                    self._told.add(task.number)
                    self._say(f"task {task.number} is left out: {error}")
        return found
