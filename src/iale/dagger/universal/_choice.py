"""What is chosen by whom, and what that is worth: for the card of a policy."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from iale.dagger.universal._files import State, load_log, load_states
from iale.dagger.universal._proposals import BASE, EXPERTS
from iale.policies.universal._network import UniversalNetwork

PROPOSED = {*EXPERTS, *(f"half {name}" for name in EXPERTS), "policy"}
"""Who proposes to a selector, too: neither crossovers nor noise."""


def best_makers(out: Path, tasks: Sequence[int]) -> dict[str, float]:
    """The share of states in which the best batch was proposed by each, the most frequent first."""
    bests = [state["best"] for task in tasks for state in load_log(out, task)["states"]]
    counts = Counter(name for names in bests for name in set(names))
    return {name: round(count / len(bests), 4) for name, count in counts.most_common()}


@dataclass(frozen=True, eq=False)
class Judged:
    """A state whose B batches have been judged.

    Attributes:
        task: its number.
        state: what the policy saw.
        makers: B lists of those who proposed the batch.
        far: whether two further acquisitions followed first.
        above: float32 [B], what each batch is worth less Uncertainty Herding's.
        scale: the standard deviation of what they are worth.
    """

    task: int
    state: State
    makers: list[list[str]]
    far: bool
    above: Tensor
    scale: float

    @property
    def proposed(self) -> Tensor:
        """bool [B]: by somebody who proposes to a selector."""
        return torch.tensor([bool(PROPOSED & {*names}) for names in self.makers])

    def of(self, names: AbstractSet[str]) -> Iterator[tuple[str, float]]:
        """Each of these who proposed a batch, and what that is worth above Uncertainty Herding's."""
        for own, gain in zip(self.makers, self.above.tolist(), strict=True):
            yield from ((name, gain) for name in {*own} & names)

    @torch.no_grad()
    def value(self, network: UniversalNetwork) -> Tensor:
        """float32 [B], what the network has learned that they are worth."""
        return network.value(self.state.features, self.state.scene.context.expand(len(self.above), -1))

    def selected(self, value: Tensor) -> float:
        """What the batch of the highest value is worth, among those that are proposed to a selector."""
        return float(self.above[value.masked_fill(~self.proposed, -torch.inf).argmax()])


def judged_states(out: Path, tasks: Sequence[int]) -> Iterator[Judged]:
    """The states of some tasks; raises StorageError as `load_states` does."""
    for task in tasks:
        for state, log in zip(load_states(out, task), load_log(out, task)["states"], strict=True):
            worth = state.values.mean(dim=1)
            base = next(worth[number] for number, names in enumerate(log["makers"]) if BASE in names)
            yield Judged(task, state, log["makers"], log["far"], worth - base, float(worth.std().clamp(min=1e-9)))


def judge_choice(network: UniversalNetwork, out: Path, tasks: Sequence[int]) -> dict[str, float]:
    """By how many standard deviations of a state's values, on average, each is above Uncertainty Herding.

    "selector" is the batch of the highest learned value among those of experts and of the policy; "any" among all.
    """
    found = defaultdict(list)
    for each in judged_states(out, tasks):
        value = each.value(network)
        choices = {"any": float(each.above[value.argmax()]), "selector": each.selected(value)}
        for name, gain in (*choices.items(), *each.of(PROPOSED)):
            found[name].append(gain / each.scale)
    return {name: round(sum(each) / len(each), 4) for name, each in sorted(found.items())}
