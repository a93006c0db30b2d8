"""The vectors that an encoder makes of a project's tasks, which are kept in the user cache."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import groupby

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from iale.data._fingerprint import digest
from iale.data._reading import read_batch
from iale.data._texts import TextSamples
from iale.errors import DataError
from iale.geometry._encoded import encoded
from iale.geometry._mapped import in_memory
from iale.geometry.embeddings import PointSamples
from iale.geometry.encoders import Encoder
from iale.integrations.label_studio._embedded import VectorTasks
from iale.integrations.label_studio._project import Task
from iale.integrations.label_studio._samples import pixels_of

_TOGETHER = 256  # tasks of consecutive numbers that share a file, so that a later task leaves most files as they are
_SECONDS = 10.0  # between two sentences on how far it is


class EncodedTasks(VectorTasks):
    """Vectors of tasks, each made once.

    Args:
        encoder: makes them.
        load: returns the bytes at the address of an image; None if tasks show texts.
        identity: tells apart the images at two addresses, or at one that has another image later.
        size: (height, width) of the images that the encoder gets.
        say: is told what happens, and which tasks are left out.
    """

    def __init__(
        self,
        encoder: Encoder,
        load: Callable[[str], bytes] | None,
        identity: Callable[[str], object],
        size: tuple[int, int],
        say: Callable[[str], None],
    ) -> None:
        VectorTasks.__init__(self, in_memory(np.empty((0, 1), np.float32)), say)
        self._encoder, self._load, self._identity, self._size = encoder, load, identity, size
        self._row: dict[tuple[int, str | None], int | str] = {}  # or why there is none
        self._said: set[str] = set()

    def row(self, task: Task) -> int:
        """The row of its vector."""
        found = self._row[task.number, task.value]
        if isinstance(found, str):
            raise DataError(found)
        return found

    def rows(self, tasks: Sequence[Task]) -> dict[int, int]:
        """The row of each task by its id; encodes new tasks, and leaves out those that cannot be loaded."""
        new = [task for task in tasks if task.value is not None and (task.number, task.value) not in self._row]
        made, told, done = [self.points.read().numpy()] if len(self) else [], time.monotonic(), 0
        count = len(self)
        for _, members in groupby(new, lambda task: task.number // _TOGETHER):
            some = list(members)
            vectors, reasons = self._vectors([task.value or "" for task in some])
            for at, task in enumerate(some):
                self._row[task.number, task.value] = reasons.get(at, count + at)
            if vectors is not None:
                made.append(vectors)
                count += len(some)
            done += len(some)
            if time.monotonic() - told > _SECONDS:
                told = time.monotonic()
                self._say(f"{done} of {len(new)} tasks encoded")
        if count > len(self):
            PointSamples.__init__(self, in_memory(np.concatenate(made)))
        return VectorTasks.rows(self, tasks)

    def _vectors(self, values: list[str]) -> tuple[NDArray[np.float32] | None, dict[int, str]]:
        """float32 [n, D] of tasks, and why some cannot be loaded, by their place; no vectors if none can."""
        load = self._load
        if load is None:
            (points,) = encoded([TextSamples(values)], self._encoder, self._say_once, shown=False)
            return points.read().numpy(), {}
        images = _Images(values, load, [self._identity(value) for value in values], self._size)
        try:
            (points,) = encoded([images], self._encoder, self._say_once, shown=False)
        except DataError:
            if len(images.reasons) < len(values):
                raise
            return None, images.reasons
        return points.read().numpy(), images.reasons

    def _say_once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._say(text)


class _Images:
    """The images of some tasks, each loaded once, when it is asked for.

    Attributes:
        reasons: why an image cannot be loaded, by its index.
    """

    dtype = torch.uint8

    def __init__(
        self, values: list[str], load: Callable[[str], bytes], identities: list[object], size: tuple[int, int]
    ) -> None:
        self._values, self._load, self._identities, self._size = values, load, identities, size
        self.shape = (3, *size)
        self.reasons: dict[int, str] = {}
        self._loaded: dict[int, Tensor] = {}

    def __len__(self) -> int:
        return len(self._values)

    def fingerprint(self) -> str:
        """A digest of what tells the images apart."""
        return digest("tasks 1", self.shape, *self._identities)

    def batch(self, indices: Tensor) -> Tensor:
        """uint8 [B, 3, height, width]; raises UnreadableError for images that cannot be loaded."""
        return read_batch(self, indices, self._one)

    def _one(self, row: int) -> Tensor:
        if row in self.reasons:
            raise DataError(self.reasons[row])
        if row not in self._loaded:
            try:
                pixels = pixels_of(self._load(self._values[row]), self._values[row], self._size)
            except DataError as error:
                self.reasons[row] = str(error)
                raise
            self._loaded[row] = pixels.expand(self.shape)
        return self._loaded[row]
