"""A lesson: what training must know about one kind of policy. `play_rounds` does the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from iale.dagger._demonstrations import Played, StepRecord
from iale.dagger.config import AlilConfig, DaggerConfig
from iale.executors import Executor
from iale.policies.base import Policy

AnyConfig = DaggerConfig | AlilConfig

P = TypeVar("P", bound=Policy)


class Lesson(Protocol[P]):
    """How a policy of kind P plays episodes and learns from them.

    `play` runs in any process, so a lesson can be pickled; `update` and `describe` run where the folder is.
    """

    def play(self, policy: P, numbers: tuple[int, ...]) -> Sequence[tuple[int, Played]]:
        """Plays the episodes with these numbers (1, 2, …); returns each number with its episode."""

    def update(self, policy: P, out: Path, number: int) -> P:
        """The policy after round ``number`` (1, 2, …), fitted to all demonstrations so far in the folder ``out``.

        ``policy`` played the round and is not changed.
        """

    def describe(self, steps: Sequence[StepRecord]) -> Mapping[str, object]:
        """What the policy's card says about the steps it learned from."""


@dataclass(frozen=True)
class Workers:
    """Who plays the episodes of a round. The result does not depend on it, except for ``together``.

    Attributes:
        count: episodes that are played side by side.
        executor: where they are played, see `open_executor`.
        together: episodes of one process whose fits are trained in one stack; equal up to rounding. None takes a
            worker's whole share of the round on a GPU, and 1 on a CPU, which gains nothing from more.
        progress: whether to show a bar of episodes on stderr.
    """

    count: int = 1
    executor: Executor | str | None = None
    together: int | None = None
    progress: bool = True

    def share_out(self, episodes: Sequence[int], *, on_cpu: bool) -> list[tuple[int, ...]]:
        """The episodes in groups that one process plays together."""
        share = -(-len(episodes) // self.count) or 1
        size = self.together or (1 if on_cpu else share)
        return [tuple(episodes[i : i + size]) for i in range(0, len(episodes), size)]
