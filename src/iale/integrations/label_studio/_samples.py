"""What the tasks of a project show, as inputs of a classifier."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from iale.data._checks import rows_of
from iale.data._pictures import Mode, picture, to_pixels
from iale.errors import DataError
from iale.integrations.label_studio._project import Labeling, Task
from iale.labeling.items._texts import FEATURES, hashed_ngrams

_SAID = 20  # tasks whose reason is said


class TaskSamples:
    """The images or texts of tasks, each loaded once, in the order in which they came.

    Images are turned upright, resized and kept as uint8, so that N of them take N × channels × height × width bytes;
    the first one decides between color and grayscale. Texts are kept as they are and become hashed n-grams when they
    are asked for.

    Args:
        labeling: what a task shows.
        load: the bytes at a task's address; `Client.fetch`, or `files.FolderFiles.read`.
        size: (height, width) of images.
        say: hears of tasks that are left out, and of the progress of long downloads.
    """

    def __init__(
        self, labeling: Labeling, load: Callable[[str], bytes], size: tuple[int, int], say: Callable[[str], None]
    ) -> None:
        self._kind, self._load, self._size, self._say = labeling.kind, load, size, say
        self._rows: dict[tuple[int, str], int] = {}
        self._left_out: set[tuple[int, str | None]] = set()
        self._inputs: list[Tensor | str] = []
        self._mode: Mode | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one input: ``(1 or 3, height, width)`` or ``(2048,)``."""
        if self._kind == "Text":
            return (FEATURES,)
        return (3 if self._mode == "RGB" else 1, *self._size)

    def __len__(self) -> int:
        return len(self._inputs)

    def batch(self, indices: Tensor) -> Tensor:
        """The inputs at ``indices`` (int64 [B]): uint8 [B, C, H, W] or float32 [B, 2048]."""
        chosen = [self._inputs[row] for row in rows_of(indices, len(self)).tolist()]
        return torch.stack([torch.from_numpy(hashed_ngrams(one)) if isinstance(one, str) else one for one in chosen])

    def rows(self, tasks: Sequence[Task]) -> dict[int, int]:
        """The row of every task by its id, loaded where it is new; tasks that cannot be loaded are not in it."""
        told, before = time.monotonic(), len(self._left_out)
        rows = {}
        for done, task in enumerate(tasks):
            if (row := self._row(task)) is not None:
                rows[task.number] = row
            if time.monotonic() - told > 10:
                told = time.monotonic()
                self._say(f"{done + 1} of {len(tasks)} tasks are loaded")
        if (more := len(self._left_out) - max(before, _SAID)) > 0:
            self._say(f"{more} more tasks are left out for reasons like these")
        return rows

    def _row(self, task: Task) -> int | None:
        if (task.number, task.value) in self._left_out:
            return None
        try:
            if task.value is None:
                raise DataError("its data lacks what the labeling configuration shows.")
            key = (task.number, task.value)
            if key not in self._rows:
                self._inputs.append(self._input(task.value))
                self._rows[key] = len(self._inputs) - 1
            return self._rows[key]
        except DataError as error:
            self._left_out.add((task.number, task.value))
            if len(self._left_out) <= _SAID:
                self._say(f"task {task.number} is left out: {error}")
            return None

    def _input(self, value: str) -> Tensor | str:
        if self._kind == "Text":
            return value
        with picture(io.BytesIO(self._load(value)), f"{value:.200}", self._size) as image:
            self._mode = self._mode or ("L" if image.mode == "L" else "RGB")
            return to_pixels(image, self._mode, self._size)
