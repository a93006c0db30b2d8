"""What is chosen by whom, and what that is worth: for the card of a policy."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import torch

from iale.dagger.universal._files import load_log, load_states
from iale.dagger.universal._proposals import BASE, EXPERTS
from iale.policies.universal._network import UniversalNetwork

PROPOSED = {*EXPERTS, *(f"half {name}" for name in EXPERTS), "policy"}
"""Who proposes to a selector, too: neither crossovers nor noise."""


def best_makers(out: Path, tasks: Sequence[int]) -> dict[str, float]:
    """The share of states in which the best batch was proposed by each, the most frequent first."""
    bests = [state["best"] for task in tasks for state in load_log(out, task)["states"]]
    counts = Counter(name for names in bests for name in set(names))
    return {name: round(count / len(bests), 4) for name, count in counts.most_common()}


@torch.no_grad()
def judge_choice(network: UniversalNetwork, out: Path, tasks: Sequence[int]) -> dict[str, float]:
    """By how many standard deviations of a state's values, on average, each is above Uncertainty Herding.

    "selector" is the batch of the highest learned value among those of experts and of the policy; "any" among all.
    """
    found = defaultdict(list)
    for task in tasks:
        logs = load_log(out, task)["states"]
        for state, log in zip(load_states(out, task), logs, strict=True):
            makers, worth = log["makers"], state.values.mean(dim=1)
            base = next(worth[number] for number, names in enumerate(makers) if BASE in names)
            relative = (worth - base) / worth.std().clamp(min=1e-9)
            value = network.value(state.features, state.scene.context.expand(len(worth), -1))
            usual = torch.tensor([bool(PROPOSED & {*names}) for names in makers])
            found["any"].append(float(relative[value.argmax()]))
            found["selector"].append(float(relative[value.masked_fill(~usual, -torch.inf).argmax()]))
            for number, names in enumerate(makers):
                for name in {*names} & PROPOSED:
                    found[name].append(float(relative[number]))
    return {name: round(sum(each) / len(each), 4) for name, each in sorted(found.items())}
