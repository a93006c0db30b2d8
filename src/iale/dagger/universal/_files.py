"""The file of a task: its states, as the policy saw them, and what each batch was worth.

    OUT/
      config.json                  the resolved configuration; a folder holds one run
      tasks/00001.safetensors      states of a task, see below
      tasks/00001.json             who proposed and who acted, with the digest of the tensors; written last
      rounds/1/                    the policy after each round (a policy folder)
      policy/                      the policy after the last round, with its card

The tensors of a task, with n samples in its pool:

    geometry           float16 [n, G]     unit rows
    embedding          float16 [n, D]     unit rows, if the classifier's embedding is the same in all states
    S.positions        int16 [m]          the candidates that the policy looked at, of state S = 0, 1, …
    S.labeled          int16 [L]          the labeled samples
    S.embedding        float16 [n, D]     unit rows, if it is not that of all states; [0, 0] before the first label
    S.batches          int16 [B, k]       positions among the candidates that were looked at
    S.values           float32 [B, R]     what each batch is worth, with true labels and with drawn ones
    S.features         float32 [B, H]     `batch_features`
    S.scene.NAME                          every other field of the `Scene`
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import torch
from torch import Tensor

from iale import _storage as storage
from iale._storage import JsonObject
from iale.errors import StorageError
from iale.policies.universal._batches import BATCH_FEATURES
from iale.policies.universal._scene import CONTEXT_FEATURES, ROW_FEATURES, Scene
from iale.policies.universal._space import unit

_POINTS = ("geometry", "embedding", "labeled_geometry", "labeled_embedding")


@dataclass(frozen=True, eq=False)
class State:
    """What is learned from: a state and the batches that were compared in it.

    Attributes:
        scene: what the policy saw.
        batches: int64 [B, k].
        values: float32 [B, R].
        features: float32 [B, H].
    """

    scene: Scene
    batches: Tensor
    values: Tensor
    features: Tensor


@dataclass(frozen=True, eq=False)
class Played:
    """A task that has been played, as its files hold it.

    Attributes:
        number: 1, 2, …
        tensors: see above.
        log: who proposed and who acted.
    """

    number: int
    tensors: dict[str, Tensor]
    log: JsonObject


def pack_points(geometry: Tensor, embedding: Tensor | None) -> dict[str, Tensor]:
    """The points of a pool, float32 [n, G] and [n, D], as a file holds them; None is an embedding that changes."""
    points = {"geometry": geometry} if embedding is None else {"geometry": geometry, "embedding": embedding}
    return {name: unit(rows).half() for name, rows in points.items()}


def pack_scene(scene: Scene, embedding: Tensor | None) -> dict[str, Tensor]:
    """What a file holds of a scene, with the ``embedding`` [n, D] of the pool if it is that of this state alone."""
    found = {}
    for field in fields(Scene):
        value = getattr(scene, field.name)
        if field.name not in _POINTS:
            kind = torch.int16 if value.dtype == torch.int64 else torch.float16 if value.dim() > 1 else value.dtype
            found[f"scene.{field.name}"] = value.to(kind)
    if not scene.embedding.shape[1]:  # before the first label
        embedding = scene.embedding[:0]
    return found if embedding is None else found | {"embedding": unit(embedding).half()}


def unpack_state(tensors: dict[str, Tensor], number: int) -> State:
    """State ``number`` (0, 1, …) of a file's tensors."""

    def get(name: str) -> Tensor:
        value = tensors[f"{number}.{name}"]
        return value.float() if value.is_floating_point() else value.long()

    positions, labeled = get("positions"), get("labeled")
    geometry = tensors["geometry"]
    embedding = tensors.get(f"{number}.embedding", tensors.get("embedding"))
    if embedding is None:
        raise KeyError("embedding")
    seen = embedding[positions] if embedding.shape[1] else embedding.new_empty(len(positions), 0)
    points = {
        "geometry": geometry[positions].float(),
        "embedding": seen.float(),
        "labeled_geometry": geometry[labeled].float(),
        "labeled_embedding": embedding[labeled].float(),
    }
    others = {field.name: get(f"scene.{field.name}") for field in fields(Scene) if field.name not in _POINTS}
    return State(Scene(**points, **others), get("batches"), get("values"), get("features"))


def columns() -> str:
    """A digest of what the numbers of a scene and of a batch are: states of another version cannot be learned from."""
    return storage.sha256(repr((ROW_FEATURES, CONTEXT_FEATURES, BATCH_FEATURES)).encode())[:16]


def has_task(out: Path, number: int) -> bool:
    """Whether a task has been played: its log is there."""
    return _file(out, number, "json").is_file()


def save_task(out: Path, played: Played) -> None:
    """Writes a task: the tensors first, the log that marks them whole last."""
    digest = storage.write_tensors(_file(out, played.number, "safetensors"), played.tensors)
    log = {**played.log, "columns": columns(), "tensors_sha256": digest}
    storage.write_json(_file(out, played.number, "json"), log)


def load_log(out: Path, number: int) -> JsonObject:
    """Who proposed and who acted."""
    return storage.read_json(_file(out, number, "json"))


def load_states(out: Path, number: int) -> Iterator[State]:
    """The states of a task; raises StorageError if they are damaged or of another version."""
    log = load_log(out, number)
    if log.get("columns") != columns():
        raise StorageError(f"task {number} of {out} was played by another version of iale: delete it and run again.")
    tensors = storage.read_tensors(_file(out, number, "safetensors"), str(log["tensors_sha256"]))
    try:
        for state in range(len(log["states"])):
            yield unpack_state(tensors, state)
    except (KeyError, TypeError) as error:
        raise StorageError(f"task {number} of {out} lacks {error}: delete it and run again.") from error


def _file(out: Path, number: int, kind: str) -> Path:
    return out / "tasks" / f"{number:05d}.{kind}"
