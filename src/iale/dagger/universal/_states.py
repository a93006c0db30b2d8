"""A task is played: in each state, many batches are compared, and one is labeled.

Legend of dimensions: n samples in the pool, B batches of k, R draws of labels.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from iale._storage import JsonObject
from iale.classifiers._linear._strengths import DEFAULT
from iale.classifiers.build import build_classifier
from iale.classifiers.heads import FittedLinearHead
from iale.dagger.universal._files import pack_scene
from iale.dagger.universal._heads import Labeled
from iale.dagger.universal._look_ahead import Now, Reference, judge_fits, judge_heads, make_reference
from iale.dagger.universal._proposals import BASE, EXPERTS, Proposals, experts, needs_of_all, propose
from iale.dagger.universal._tasks import Task, draw_task
from iale.dagger.universal.config import UniversalConfig
from iale.data.arrays import ArraySamples
from iale.data.pool import Pool
from iale.geometry.points import Points
from iale.learner import Learner, QueryConfig
from iale.policies.universal._batches import batch_features
from iale.policies.universal._own import own_batch
from iale.policies.universal._scene import Scene, observe
from iale.seeding import Stream
from iale.strategies._unit import unit_rows
from iale.strategies.base import QueryContext

_GROWTH = 0.35  # of the labels, that are added between two states
_MOST = 0.5  # of the pool, that is labeled
_FEW = 2  # draws of labels where each is expensive


@dataclass(frozen=True, eq=False)
class Played:
    """A task after it has been played, ready for its file."""

    number: int
    tensors: dict[str, Tensor] = field(default_factory=dict)
    states: list[JsonObject] = field(default_factory=list)

    def log(self, task: Task) -> JsonObject:
        return {"task": task.story, "source": task.source, "states": self.states}


@dataclass(frozen=True, eq=False)
class _Run:
    """One run of active learning on a task."""

    config: UniversalConfig
    task: Task
    learner: Learner
    reference: Reference
    stream: Stream


def play_task(config: UniversalConfig, policy: UniversalNetwork, number: int) -> tuple[int, dict[str, Tensor], JsonObject]:
    """Plays the task with a number; the number, and tensors and log for its file."""
