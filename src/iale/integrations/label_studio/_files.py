"""The files of tasks in a folder on this machine."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from iale.data._scan import scan_images
from iale.errors import DataError

_UPLOADED = re.compile(r"^[0-9a-f]{8}-")
"""The prefix that Label Studio adds to the name of an uploaded file."""


class FolderFiles:
    """Finds the files of tasks in a folder on this machine, so that nothing has to be downloaded.

    An address matches the file whose path below the folder is the longest ending of the address. If there is none, file
    names are compared in Label Studio's spelling: eight hexadecimal digits in front, underscores for spaces.

    Args:
        root: a folder of images.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._names = {image.name for image in scan_images(root)}
        self._by_name: dict[str, list[str]] = {}
        for name in self._names:
            self._by_name.setdefault(_file_name(name), []).append(name)

    def read(self, address: str) -> bytes:
        """The bytes of the file; raises DataError if no file matches, or several do."""
        parts = urlsplit(address)
        path = parse_qs(parts.query).get("d", [unquote(parts.path)])[0]  # ?d= is a path of Label Studio's local storage
        steps = path.split("/")
        for start in range(len(steps)):
            if (name := "/".join(steps[start:])) in self._names:
                return (self._root / name).read_bytes()
        found = self._by_name.get(_file_name(_UPLOADED.sub("", steps[-1])), [])
        if len(found) != 1:
            raise DataError(
                f"{len(found) or 'no'} files in {self._root} are called {steps[-1]:.200}: exactly one was expected."
            )
        return (self._root / found[0]).read_bytes()


def _file_name(path: str) -> str:
    """The name of a file as Label Studio stores it."""
    return re.sub(r"[^-\w.]", "", path.rpartition("/")[2].strip().replace(" ", "_"))
