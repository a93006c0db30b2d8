"""Outputs of whole pools on disk: they take no memory, and a second query with the same model reads them.

    FOLDER/
      3f9c…/              one pool under one model: a digest of the samples, their indices, and the model's weights
        logits.npy        float32 [N, C]
        embeddings.npy    float32 [N, D]; missing until somebody reads them
        digests.json      SHA-256 of each file

An entry is written to a folder beside its place, which is then renamed. It is read only if its files match their
digests and the rows of a few samples agree with what the model computes now. Otherwise it is computed again. Nothing is
ever unpickled.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
import time
import weakref
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from iale._storage import read_json, storage_errors, write_json
from iale.classifiers.base import FittedClassifier, Outputs
from iale.data._fingerprint import digest, fingerprint
from iale.data._formats import npy_header
from iale.data.samples import Samples
from iale.errors import StorageError

_BLOCK = 16_000  # samples between two writes; a multiple of a classifier's chunk, so that rounding is the same
_PROBES = 16
_PARTS = ("logits", "embeddings")
_STALE = 86_400  # seconds after which the leftovers of a killed process are deleted


@runtime_checkable
class _Recognizable(Protocol):
    """A fitted classifier that another process can recognize by a digest of its weights and of how they are used."""

    def fingerprint(self) -> str: ...


class OutputCache:
    """Outputs in memory-mapped files.

    Args:
        folder: where outputs are kept for the next process. Without it, only large outputs go to disk, into a
            temporary folder that is deleted with this object.
        large: size in bytes above which outputs go to disk when there is no ``folder``.
        most: total size in bytes above which the oldest entries are deleted; the newest always stays.
    """

    def __init__(self, folder: str | Path | None = None, *, large: int = 1 << 28, most: int = 8 << 30) -> None:
        self._folder = None if folder is None else Path(folder)
        self._temporary: Path | None = None
        self._large, self._most = large, most

    def outputs(
        self, fitted: FittedClassifier, samples: Samples, indices: Tensor, *, embeddings: bool = True
    ) -> Outputs:
        """Outputs for ``indices`` (int64 [N]); StorageError if they have to go to disk and cannot be written.

        Without ``embeddings``, those that would go to disk are computed only when somebody reads them.
        """
        n = len(indices)
        positions = torch.linspace(0, n - 1, min(n, _PROBES), dtype=torch.float64).long()
        # Some rows are computed in any case: they tell the size, and whether a stored entry is still right.
        probe = fitted.outputs(samples, indices[positions])
        if self._folder is None and 4 * n * (probe.logits.shape[1] + probe.embeddings.shape[1]) <= self._large:
            return fitted.outputs(samples, indices)
        place = self._root() / _key(fitted, samples, indices)
        parts = _PARTS if embeddings else _PARTS[:1]
        found = _read(place, n, parts)
        if found is None or not _agree([part[positions] for part in found], probe):
            self._write(place, fitted, samples, indices, parts)
            found = _read(place, n, parts)
        if found is None:
            raise StorageError(
                f"what was written to {place} cannot be read back: check the disk or give another folder."
            )
        if embeddings:
            return Outputs(*found)
        return _OnDemand(found[0], lambda: self.outputs(fitted, samples, indices).embeddings)

    def _root(self) -> Path:
        if self._folder is not None:
            return self._folder
        if self._temporary is None:
            self._temporary = Path(tempfile.mkdtemp(prefix="iale-outputs-"))
            weakref.finalize(self, shutil.rmtree, self._temporary, ignore_errors=True)
        return self._temporary

    def _write(
        self, place: Path, fitted: FittedClassifier, samples: Samples, indices: Tensor, parts: Sequence[str]
    ) -> None:
        with storage_errors("write", place):
            place.parent.mkdir(parents=True, exist_ok=True)
            beside = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{place.name[:8]}."))
            try:
                _fill(beside, fitted, samples, indices, parts)
                beside.chmod(0o755)  # mkdtemp gives 0o700, which other users of a shared folder cannot read
                shutil.rmtree(place, ignore_errors=True)
                try:
                    beside.rename(place)
                except OSError:
                    if not place.exists():
                        raise  # if it exists, another process was faster
            finally:
                shutil.rmtree(beside, ignore_errors=True)
            self._prune(place)

    def _prune(self, newest: Path) -> None:
        """Deletes the oldest entries beyond the limit and the leftovers of killed processes; open maps stay valid."""
        found = []
        for entry in newest.parent.iterdir():
            with contextlib.suppress(OSError):  # another process may delete it, too
                changed = entry.stat().st_mtime
                if entry.name.startswith("."):
                    if time.time() - changed > _STALE:
                        shutil.rmtree(entry, ignore_errors=True)
                elif (entry / "digests.json").exists() and entry != newest:
                    found.append((changed, sum(file.stat().st_size for file in entry.iterdir()), entry))
        room = self._most - sum(file.stat().st_size for file in newest.iterdir())
        for _, size, entry in sorted(found, reverse=True):
            room -= size
            if room < 0:
                shutil.rmtree(entry, ignore_errors=True)


class _OnDemand(Outputs):
    """Outputs whose embeddings are computed when they are first read."""

    def __init__(self, logits: Tensor, find: Callable[[], Tensor]) -> None:
        vars(self).update(logits=logits, _find=find)

    @cached_property
    def embeddings(self) -> Tensor:
        found: Tensor = vars(self)["_find"]()
        return found

    def at(self, positions: Tensor) -> Outputs:
        return _OnDemand(self.logits[positions], lambda: self.embeddings[positions])


def _key(fitted: FittedClassifier, samples: Samples, indices: Tensor) -> str:
    # A classifier without a fingerprint gets a random key, which no later query finds.
    model = fitted.fingerprint() if isinstance(fitted, _Recognizable) else os.urandom(32).hex()
    return digest(model, fingerprint(samples), indices.numpy(), torch.__version__)


def _fill(folder: Path, fitted: FittedClassifier, samples: Samples, indices: Tensor, parts: Sequence[str]) -> None:
    """Computes and writes one block at a time, so that memory holds one block."""
    hashes = {name: hashlib.sha256() for name in parts}
    with contextlib.ExitStack() as stack:
        files = {name: stack.enter_context(open(folder / f"{name}.npy", "wb")) for name in parts}
        for number, rows in enumerate(torch.split(indices, _BLOCK)):
            outputs = fitted.outputs(samples, rows)
            for name in parts:
                part = np.ascontiguousarray(getattr(outputs, name).numpy(), dtype="<f4")
                first = npy_header(part.dtype, len(indices), part.shape[1]) if number == 0 else b""
                for piece in (first, part.data):
                    files[name].write(piece)
                    hashes[name].update(piece)
    write_json(folder / "digests.json", {name: hashed.hexdigest() for name, hashed in hashes.items()})


def _agree(stored: Sequence[Tensor], probe: Outputs) -> bool:
    """Whether stored rows are what the model computes, up to the rounding of batches of another size."""

    def close(one: Tensor, other: Tensor) -> bool:
        return one.shape == other.shape and torch.allclose(one, other, 1e-3, 1e-3 * float(other.abs().max()), True)

    return all(close(rows, getattr(probe, name)) for name, rows in zip(_PARTS, stored, strict=False))


def _read(place: Path, n: int, parts: Sequence[str]) -> list[Tensor] | None:
    """These parts of the entry at ``place``, or None if one is missing or damaged."""
    try:
        digests = read_json(place / "digests.json")
        found = []
        for name in parts:
            path = place / f"{name}.npy"
            with open(path, "rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != digests[name]:
                    return None
            # Copy-on-write: PyTorch wants writable memory, and the file must never change through the map.
            found.append(torch.from_numpy(np.load(path, mmap_mode="c", allow_pickle=False)))
        return found if all(part.shape[0] == n for part in found) else None
    except (OSError, ValueError, KeyError):
        return None
