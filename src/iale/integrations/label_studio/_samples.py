"""The images or texts of a project's tasks, as inputs for a classifier, and the files of tasks on this machine."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import torch
from torch import Tensor

from iale._many import many
from iale.data._checks import join, rows_of
from iale.data._fingerprint import file_stamp
from iale.data._pictures import picture, to_pixels
from iale.data._scan import scan_images
from iale.data._texts import FEATURES, hashed_ngrams
from iale.errors import DataError
from iale.integrations.label_studio._labeling import Labeling
from iale.integrations.label_studio._project import Task

SAID = 20  # tasks that are reported one by one when they are left out
_UPLOADED = re.compile(r"^[0-9a-f]{8}-")  # what Label Studio puts in front of the name of an uploaded file


class TaskSamples:
    """The images or texts of tasks, each loaded once, in the order in which they arrived.

    Images are turned upright, resized, and kept as uint8, so N of them take N × channels × height × width bytes. All
    have three channels as soon as one has colors. Texts are kept as they are and hashed to n-grams on demand.
    ``load`` returns the bytes at a task's address: `Client.fetch`, or `FolderFiles.read`.
    """

    def __init__(
        self, labeling: Labeling, load: Callable[[str], bytes], size: tuple[int, int], say: Callable[[str], None]
    ) -> None:
        self._kind, self._load, self._size, self._say = labeling.kind, load, size, say
        self._rows: dict[tuple[int, str], int] = {}
        self._left_out: set[tuple[int, str | None]] = set()
        self._inputs: list[Tensor | str] = []
        self._channels = 1

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one input: ``(1 or 3, height, width)`` for images, ``(4096,)`` for texts."""
        if self._kind == "Text":
            return (FEATURES,)
        return (self._channels, *self._size)

    @property
    def dtype(self) -> torch.dtype:
        """The type of every batch: bytes of images, or float32 for texts."""
        return torch.float32 if self._kind == "Text" else torch.uint8

    def __len__(self) -> int:
        return len(self._inputs)

    def batch(self, indices: Tensor) -> Tensor:
        """The inputs at ``indices`` (int64 [B]): uint8 [B, C, H, W] or float32 [B, 4096]."""
        chosen = [self._inputs[row] for row in rows_of(indices, len(self)).tolist()]
        texts = [torch.from_numpy(hashed_ngrams([one]))[0] if isinstance(one, str) else one for one in chosen]
        return join([torch.empty((0, *self.shape), dtype=self.dtype), *(one.expand(self.shape)[None] for one in texts)])

    def rows(self, tasks: Sequence[Task]) -> dict[int, int]:
        """The row of each task by its id; loads new tasks, and leaves out those that cannot be loaded."""
        told, before = time.monotonic(), len(self._left_out)
        rows = {}
        for done, task in enumerate(tasks):
            if (row := self._row(task)) is not None:
                rows[task.number] = row
            if time.monotonic() - told > 10:
                told = time.monotonic()
                self._say(f"{done + 1} of {len(tasks)} tasks loaded")
        if (more := len(self._left_out) - max(before, SAID)) > 0:
            self._say(f"left out for similar reasons: {many(more, 'task')} more")
        return rows

    def _row(self, task: Task) -> int | None:
        if (task.number, task.value) in self._left_out:
            return None
        try:
            if task.value is None:
                raise DataError("its data lacks the field that the labeling configuration shows.")
            key = (task.number, task.value)
            if key not in self._rows:
                self._inputs.append(self._input(task.value))
                self._rows[key] = len(self._inputs) - 1
            return self._rows[key]
        except DataError as error:
            self._left_out.add((task.number, task.value))
            if len(self._left_out) <= SAID:
                self._say(f"task {task.number} is left out: {error}")
            return None

    def _input(self, value: str) -> Tensor | str:
        if self._kind == "Text":
            return value
        pixels = pixels_of(self._load(value), value, self._size)
        self._channels = max(self._channels, len(pixels))
        return pixels


def pixels_of(data: bytes, address: str, size: tuple[int, int]) -> Tensor:
    """uint8 [1 or 3, height, width] of an image, by whether it has colors; raises DataError if it is none."""
    with picture(io.BytesIO(data), f"{address:.200}", size) as image:
        return to_pixels(image, "L" if image.mode == "L" else "RGB", size)


class FolderFiles:
    """Finds the files of tasks in a folder on this machine, so that nothing has to be downloaded.

    An address matches the file whose path below the folder is the longest ending of the address. If there is none, file
    names are compared in Label Studio's spelling: eight hexadecimal digits in front, underscores for spaces.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        found, passed_over = scan_images(root)
        self.passed_over = passed_over.line
        self.names = [image.name for image in found]
        self._names = set(self.names)
        self._by_name: dict[str, list[str]] = {}
        for name in self._names:
            self._by_name.setdefault(_file_name(name), []).append(name)

    def read(self, address: str) -> bytes:
        """The bytes of the file; raises DataError if no file matches, or several do, or it cannot be read."""
        path = self._root / self.find(address)
        try:
            return path.read_bytes()
        except OSError as error:
            raise DataError(f"{path} cannot be read ({error.strerror or error}): put it back.") from error

    def identity(self, address: str) -> object:
        """The path of the file, its size and the time of its last change; None if none matches, or several do."""
        try:
            path = self._root / self.find(address)
            return str(path.absolute()), file_stamp(path)
        except DataError:
            return None

    def find(self, address: str) -> str:
        """The path of the file below the folder; raises DataError if no file matches, or several do."""
        parts = urlsplit(address)
        path = parse_qs(parts.query).get("d", [unquote(parts.path)])[0]  # ?d= is a path of Label Studio's local storage
        steps = path.split("/")
        for start in range(len(steps)):
            if (name := "/".join(steps[start:])) in self._names:
                return name
        found = self._by_name.get(_file_name(_UPLOADED.sub("", steps[-1])), [])
        if len(found) != 1:
            raise DataError(
                f"{len(found) or 'no'} files in {self._root} are called {steps[-1]:.200}: exactly one was expected."
            )
        return found[0]


def _file_name(path: str) -> str:
    """The name of a file as Label Studio stores it."""
    return re.sub(r"[^-\w.]", "", path.rpartition("/")[2].strip().replace(" ", "_"))
