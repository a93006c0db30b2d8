"""Vectors of all samples that a network makes in the background, once; people label meanwhile."""

from __future__ import annotations

from pathlib import Path

from iale import _storage as storage
from iale.data._fingerprint import fingerprint
from iale.data.samples import Samples
from iale.errors import ModelError, StorageError
from iale.geometry._store import Progress, build, find
from iale.geometry.encoders import find_encoder
from iale.geometry.maker import Maker
from iale.geometry.points import Points
from iale.labeling._backbone import find_backbone, may_be_frozen
from iale.labeling.items._items import Items, open_items
from iale.labeling.record.config import ProjectConfig

_FILE = "vectors.json"


class Vectors:
    """The vectors of one network in a folder.

    Args:
        folder: of geometries.
        name: of the network, as the user types it.
        samples: of the project.
    """

    def __init__(self, folder: Path, name: str, samples: Samples) -> None:
        self._folder, self.name, self._samples = folder, name, samples

    def find(self) -> Points | None:
        """The vectors, or None until they are made; the network is not loaded for that."""
        try:
            known = storage.read_json(self._folder / _FILE)
            return find(self._samples, known["identity"], self._folder) if known["name"] == self.name else None
        except (StorageError, KeyError):
            return None

    def make(self, maker: Maker, samples: Samples, progress: Progress) -> Points:
        """Makes them, and goes on where it was stopped; ``samples`` are those that the network sees."""
        own = samples if samples is self._samples else _Standing(samples, self._samples)
        points = build(own, maker, self._folder, progress)
        storage.write_json(self._folder / _FILE, {"name": self.name, "identity": maker.identity})
        return points


class _Standing:
    """Samples of another size that stand for those of the project: kept under their digest."""

    def __init__(self, seen: Samples, own: Samples) -> None:
        self._seen, self._own = seen, own
        self.shape, self.dtype, self.batch = seen.shape, seen.dtype, seen.batch

    def __len__(self) -> int:
        return len(self._own)

    def fingerprint(self) -> str:
        return fingerprint(self._own)


def network_of(config: ProjectConfig, items: Items) -> tuple[Maker, Samples]:
    """The network that a project names, and the samples that it sees: an encoder may want larger images.

    Raises ConfigError or ModelError if it cannot be found, or does not take such samples.
    """
    if config.with_ is None:
        backbone = find_backbone(config.model or "", tuple(items.samples.shape), config.training.device)
        if backbone is None:
            raise ModelError(f"more of {config.model} learns than its last layer.")
        return backbone, items.samples
    encoder = find_encoder(config.with_, config.training.device)
    encoder.check(items.kind)
    if encoder.size is None or items.kind != "image" or not config.data.is_dir():
        return encoder, items.samples
    return encoder, open_items(config.data, resize=encoder.size, table=config.table).samples


def network_name(config: ProjectConfig, items: Items) -> str | None:
    """The name of the network whose vectors a project uses: its encoder, or the user's model if that is frozen."""
    if config.embeddings is not None:
        return None
    if config.with_ is not None:
        return config.with_
    if not may_be_frozen(config) or items.kind == "row":
        return None
    found = find_backbone(config.model or "", tuple(items.samples.shape), config.training.device)
    return None if found is None else found.identity
