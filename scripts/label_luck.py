"""How much of what a batch is worth is luck of labels, which nobody can tell (rule 2 of docs/protocol.md).

    python scripts/label_luck.py [--out results/universal/luck.json] [--tasks 24]

The labels of a batch are drawn from a reference, a head that has learned from all labels of the task, these included.
So it draws the true ones more often than it should, and its draws agree too well. Here they are drawn from heads that
have not learned from the label in question, too: ten folds. Tasks have a linear head and are played as
`iale train --policy universal` plays them, by a policy that has learned nothing. Found are, as means over tasks,

- ``truth``: how likely the reference says the true label is, and ``truth apart`` the same by the ten folds;
- ``draws``: the rank correlation within states of two draws with two others, and ``draws apart`` the same;
- ``ceiling``: that of the mean of eight draws by the folds with what batches were taken to be worth. Who knew how
  likely each label is, and nothing else, would reach at least that.
"""

from __future__ import annotations

import argparse
import json
import os
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from iale.classifiers._linear._stacks import LabeledSet, fit_path
from iale.classifiers._linear._strengths import DEFAULT, GRID
from iale.classifiers.base import FitJob
from iale.classifiers.heads import LinearHead
from iale.dagger.universal import UniversalConfig
from iale.dagger.universal._heads import Labeled
from iale.dagger.universal._look_ahead import Now, Reference, judge_heads, make_reference
from iale.dagger.universal._ranking import rank_correlation
from iale.dagger.universal._states import play_task
from iale.dagger.universal._tasks import Task, draw_task
from iale.data.arrays import ArraySamples
from iale.policies.universal._network import UniversalNetwork
from iale.policies.universal._scene import CONTEXT_FEATURES
from iale.seeding import Stream
from universal_rules import FAMILIES, interval

FOLDS, DRAWS = 10, 8
TEMPERATURE = CONTEXT_FEATURES.index("temperature")


def apart(task: Task, reference: Reference) -> Reference:
    """The reference, with probabilities of heads that have not learned from the sample's own label."""
    known = torch.randperm(task.pool, generator=Stream(task.number).child("folds").torch())
    others = torch.arange(task.pool, min(len(task.labels), max(task.pool, 1000)))  # `make_reference` sees these, too
    grid = reference.features.new_tensor(GRID)[:, None] * reference.features.shape[1]
    logits = torch.empty(len(GRID), task.pool, task.classes)
    for part in known.chunk(FOLDS):
        rows = torch.cat([known[~torch.isin(known, part)], others]).sort().values
        own = LabeledSet(rows, task.labels[rows], torch.ones(len(rows)))
        for number, (_, heads) in enumerate(fit_path(reference.features, [own], task.classes, grid, 1e-3)):
            logits[number, part] = torch.addmm(heads.intercepts[0], reference.features[part], heads.weights[0].T)
    losses = [float(cross_entropy(each, task.labels[: task.pool])) for each in logits]
    return replace(reference, probs=torch.softmax(logits[losses.index(min(losses))], dim=1))


def luck(config: UniversalConfig, number: int) -> dict[str, float]:
    """What is found in the states of a task."""
    task, played = draw_task(config, number), play_task(config, UniversalNetwork(Stream(0)), number).tensors
    samples = ArraySamples(task.inputs)
    reference = make_reference(task, samples)
    honest, truth = apart(task, reference), task.labels[: task.pool]
    found: dict[str, list[float]] = defaultdict(list)
    for name, each in (("truth", reference), ("truth apart", honest)):
        found[name].append(float(each.probs.gather(1, truth[:, None]).mean()))
    for state in range(sum(name.endswith(".values") for name in played)):
        rows, values = played[f"{state}.labeled"].long(), played[f"{state}.values"]
        batches = played[f"{state}.positions"].long()[played[f"{state}.batches"].long()]
        temperature = float(played[f"{state}.scene.context"][TEMPERATURE].exp())
        # Before the first label, the strength is the one that training takes.
        l2 = DEFAULT * task.inputs.shape[1]
        if len(rows):
            l2 = LinearHead(samples, task.classes).fit(samples, FitJob(rows, task.labels[rows], state)).l2
        now = Now(Labeled(rows, task.labels[rows]), l2, temperature, 0)
        drawn = honest.draw(truth, DRAWS + 1, Stream(number).child("labels", state))
        again = judge_heads(task, reference, now, batches, drawn, far=False)
        found["draws"].append(_agree(values))
        found["draws apart"].append(_agree(again))
        found["ceiling"].append(rank_correlation(again[:, 1:].mean(dim=1), values.mean(dim=1)))
    return {name: sum(each) / len(each) for name, each in found.items()}


def _agree(values: Tensor) -> float:
    """Of the true labels and a draw with two draws."""
    return rank_correlation(values[:, :2].mean(dim=1), values[:, 2:4].mean(dim=1))


def main() -> None:
    """Plays some tasks of each family."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("results/universal/luck.json"))
    parser.add_argument("--tasks", type=int, default=24)
    options = parser.parse_args()
    every = {}
    for name in FAMILIES:
        config = UniversalConfig(sources=(name,), synthetic=0.0, mlp=0.0, cnn=0.0, far=0.0, states_per_task=3)
        found = [luck(config, number) for number in range(1, options.tasks + 1)]
        every[name] = {key: interval([each[key] for each in found]) for key in found[0]}
        print(name, json.dumps(every[name]), flush=True)
    options.out.write_text(json.dumps(every, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
