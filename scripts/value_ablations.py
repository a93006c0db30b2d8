"""What a learned value of batches lacks: rule 2 of docs/protocol.md again, with less data and with fewer features.

    iale train --policy universal --states 3000 --rounds 2 --out STATES
    python scripts/value_ablations.py STATES [--out results/universal/ablations.json] [--seeds 3]

Each family of STATES is held out in turn. A value learns from the states of the others, and is asked in those of the
family: the mean rank correlation within states with what batches were worth. Every ablation is judged by the same
states, and its difference from the whole is paired by task. Networks begin from --seeds draws, and their mean counts.
"""

from __future__ import annotations

import argparse
import json
import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from torch import Tensor

from iale.dagger.universal._choice import judged_states
from iale.dagger.universal._examples import ValueExamples, value_examples
from iale.dagger.universal._fit import fit_value, standardize
from iale.dagger.universal._proposals import BASE, EXPERTS
from iale.dagger.universal._ranking import rank_correlation
from iale.dagger.universal.config import UniversalConfig
from iale.policies.universal._batches import BATCH_FEATURES
from iale.policies.universal._network import UniversalNetwork
from iale.policies.universal._scene import CONTEXT_FEATURES
from iale.seeding import Stream
from replay import FAMILIES
from universal_rules import interval, sources

WHOLE = "all"
RANDOM, ONE = {"random", "more random"}, {BASE, "neighbor"}
GEOMETRY, EMBEDDING = ("geometry", "vote"), ("embedding", "information")


@dataclass(frozen=True, eq=False)
class Examples:
    """The states of some tasks.

    Attributes:
        values: S states with B batches each.
        makers: S lists of who proposed each batch.
        tasks: int64 [S].
    """

    values: ValueExamples
    makers: list[list[list[str]]]
    tasks: Tensor

    def of(self, numbers: Sequence[int]) -> Examples:
        """Those of some tasks."""
        rows = torch.isin(self.tasks, torch.tensor(numbers)).nonzero()[:, 0]
        return Examples(self.values.at(rows), [self.makers[row] for row in rows], self.tasks[rows])


Change = Callable[[Examples], Examples]


def read(folder: Path, tasks: Sequence[int]) -> Examples:
    """The states that were played."""
    judged, most = list(judged_states(folder, tasks)), max(UniversalConfig().proposals, len(EXPERTS) + 1)
    values = value_examples((each.state for each in judged), most)
    return Examples(values, [each.makers for each in judged], torch.tensor([each.task for each in judged]))


def share(one_in: int) -> Change:
    """One task of so many."""
    return lambda own: own.of(own.tasks.unique()[::one_in].tolist())


def without(*names: str, context: bool = False) -> Change:
    """Features whose name has one of these in it are 0 everywhere, or the whole context."""

    def blind(own: Examples) -> Examples:
        features, around = own.values.features.clone(), own.values.context.clone()
        for values, known in ((features, BATCH_FEATURES), (around, CONTEXT_FEATURES)):
            hidden = [at for at, name in enumerate(known) if any(part in name for part in names)]
            values[..., hidden] = 0
        around = torch.zeros_like(around) if context else around
        return replace(own, values=replace(own.values, features=features, context=around))

    return blind


def pairs(makers: set[str]) -> Change:
    """Only batches that one of these proposed are compared."""

    def only(own: Examples) -> Examples:
        kept = torch.zeros(own.values.values.shape)
        for state, names in enumerate(own.makers):
            for batch, some in enumerate(names):
                kept[state, batch] = bool(makers & {*some})
        weights = own.values.weights * kept[:, :, None] * kept[:, None]
        return replace(own, values=replace(own.values, weights=weights))

    return only


def same(own: Examples) -> Examples:
    """As they are."""
    return own


ABLATIONS: dict[str, tuple[Change, Change]] = {
    WHOLE: (same, same),
    "half of the tasks": (share(2), same),
    "a quarter of the tasks": (share(4), same),
    "no geometry": (without(*GEOMETRY), without(*GEOMETRY)),
    "no embedding": (without(*EMBEDDING), without(*EMBEDDING)),
    "no context": (without(context=True), without(context=True)),
    "a random expert": (pairs(RANDOM), same),
    "one expert": (pairs(ONE), same),
}
"""What changes where it learns, and where it is asked."""


def correlations(learned: Examples, apart: Examples, asked: Examples, stream: Stream) -> dict[int, float]:
    """The mean correlation within the states of each task."""
    network = UniversalNetwork(stream.child("network"))
    standardize(network, learned.values, None)
    fit_value(network, learned.values, apart.values, UniversalConfig().fit, stream.child("value"))
    found, values = defaultdict[int, list[float]](list), asked.values
    with torch.no_grad():
        around = values.context[:, None].expand(*values.features.shape[:2], -1)
        said = network.value(values.features, around)
    for state, (task, names) in enumerate(zip(asked.tasks.tolist(), asked.makers, strict=True)):
        count = len(names)  # the others repeat the last batch
        found[task].append(rank_correlation(said[state, :count], values.values[state, :count]))
    return {task: float(np.mean(own)) for task, own in found.items()}


def main() -> None:
    """Learns, and writes what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("states", type=Path)
    parser.add_argument("--out", type=Path, default=Path("results/universal/ablations.json"))
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    known = sources(options.states)
    every = read(options.states, [*known])
    apart_every = round(1 / UniversalConfig().fit.apart)
    reached: dict[str, dict[int, float]] = defaultdict(dict)
    families: dict[str, dict[str, float]] = defaultdict(dict)
    for family in FAMILIES:
        others = [task for task, source in known.items() if source != family]
        learned = every.of([task for task in others if task % apart_every])
        apart = every.of([task for task in others if task % apart_every == 0])
        asked = every.of([task for task, source in known.items() if source == family])
        for name, (learns, sees) in ABLATIONS.items():
            near = apart if name.endswith("tasks") else learns(apart)  # what ends the learning is no less
            runs = [
                correlations(learns(learned), near, sees(asked), Stream(seed).child("ablations", family))
                for seed in range(options.seeds)
            ]
            own = {task: float(np.mean([run[task] for run in runs])) for task in runs[0]}
            reached[name] |= own
            families[name][family] = round(float(np.mean(list(own.values()))), 4)
            print(family, name, families[name][family], flush=True)
    whole = reached[WHOLE]
    content = {
        name: {
            "families": families[name],
            "tasks": interval(list(own.values())),
            "difference": interval([value - whole[task] for task, value in own.items()]),
        }
        for name, own in reached.items()
    }
    options.out.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
