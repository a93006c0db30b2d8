"""State and action pairs, and the files they grow in.

    OUT/
      config.json                    the resolved configuration; a folder holds one run
      episodes/0001.safetensors      demonstrations of an episode: S steps of n candidates
      episodes/0001.json             its log, with the digest of the tensors; written last
      rounds/0001/                   the policy after each round (a policy folder)
      policy/                        the policy after the last round, with its card

Legend of dimensions: S steps, n candidates, C classes, D embedding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Protocol, TypedDict, cast

import torch
from torch import Tensor

from iale import _storage as storage
from iale.errors import StorageError
from iale.policies.state import State


@dataclass(frozen=True, eq=False)
class Demonstrations:
    """S states with the best expert's action in each."""

    states: State  # stacked, with leading dimension S
    targets: Tensor  # bool [S, n], true for the candidates that the best expert chose

    def __len__(self) -> int:
        return len(self.targets)

    def at(self, steps: Tensor) -> Demonstrations:
        parts = {field.name: getattr(self.states, field.name)[steps] for field in fields(State)}
        return Demonstrations(State(**parts), self.targets[steps])


def stack(pairs: Sequence[tuple[State, Tensor]]) -> Demonstrations:
    """Demonstrations of single states and their targets (bool [n])."""
    parts = {field.name: torch.stack([getattr(state, field.name) for state, _ in pairs]) for field in fields(State)}
    return Demonstrations(State(**parts), torch.stack([target for _, target in pairs]))


def concatenate(many: Sequence[Demonstrations]) -> Demonstrations:
    parts = {field.name: torch.cat([getattr(d.states, field.name) for d in many]) for field in fields(State)}
    return Demonstrations(State(**parts), torch.cat([d.targets for d in many]))


@dataclass(frozen=True)
class StepLog:
    """What happened in one step."""

    labeled: int  # number of labels before the step
    # Each expert's accuracy on the scoring set after its look-ahead fit; in ALIL an expert is a candidate's position.
    scores: dict[str, float]
    best: str  # the expert that was imitated
    actor: str  # who chose the acquisition, "expert" or "policy"
    selected: tuple[int, ...]  # data-set indices acquired


class StepRecord(TypedDict):
    """A `StepLog` as its file holds it."""

    labeled: int
    scores: dict[str, float]
    best: str
    actor: str
    selected: list[int]


class Played(Protocol):
    """An episode as its files hold it."""

    @property
    def log(self) -> tuple[StepLog, ...]: ...

    def tensors(self) -> dict[str, Tensor]: ...


@dataclass(frozen=True, eq=False)
class Episode:
    """The demonstrations and the log of one run of active learning."""

    demonstrations: Demonstrations
    log: tuple[StepLog, ...]

    def tensors(self) -> dict[str, Tensor]:
        return {**vars(self.demonstrations.states), "targets": self.demonstrations.targets}


def save_episode(episode: Played, out: Path, number: int) -> None:
    """Writes an episode: the tensors first, the log that marks them whole last."""
    digest = storage.write_tensors(_file(out, number, "safetensors"), episode.tensors())
    steps = [asdict(step) for step in episode.log]
    storage.write_json(_file(out, number, "json"), {"steps": steps, "tensors_sha256": digest})


def has_episode(out: Path, number: int) -> bool:
    """Whether an episode is finished: its log is there."""
    return _file(out, number, "json").is_file()


def load_tensors(out: Path, number: int) -> dict[str, Tensor]:
    """The tensors of a finished episode; raises StorageError if they are damaged."""
    digest = storage.read_json(_file(out, number, "json")).get("tensors_sha256")
    return storage.read_tensors(_file(out, number, "safetensors"), str(digest))


def load_demonstrations(out: Path, number: int) -> Demonstrations:
    """The demonstrations of a finished episode; raises StorageError if they are damaged or not of DAgger."""
    tensors = load_tensors(out, number)
    try:
        return Demonstrations(targets=tensors.pop("targets"), states=State(**tensors))
    except (KeyError, TypeError) as error:
        raise StorageError(f"episode {number} of {out} is not one of DAgger: delete it and run again.") from error


def load_log(out: Path, number: int) -> list[StepRecord]:
    """The steps of a finished episode."""
    return cast(list[StepRecord], storage.read_json(_file(out, number, "json"))["steps"])


def _file(out: Path, number: int, kind: str) -> Path:
    return out / "episodes" / f"{number:04d}.{kind}"
