"""Rules 2 to 4 of docs/protocol.md ("A universal policy"): what a policy learned, on families that it has not seen.

    iale train --policy universal --states 3000 --rounds 2 --out STATES
    iale train --policy universal --states 360 --rounds 1 --seed 1 --synthetic 0 --out OTHERS \\
        --sources fashion-mnist,kmnist-10k,cifar10-jpeg
    python scripts/universal_rules.py STATES OTHERS [--out results/universal] [--policies FOLDER] [--seeds 10]

For each family, a policy learns from all states of other families in STATES. Then it is asked in the states of that
family. Rule 2: the mean rank correlation, within states, of the learned value with what batches were worth. Beside it
stand the correlation of what Uncertainty Herding maximizes, and that of two draws of the labels with two others, which
says what luck allows. Rule 3: what the batch of the highest learned value is worth, among those that strategies
proposed, less what Uncertainty Herding's is worth, in points of the Brier score. Intervals are over tasks. Rule 4: runs
of a linear head with a pool of 3,000, from 20 to 200 labels (none with --seeds 0).
"""

from __future__ import annotations

import argparse
import json
import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from iale.benchmark.grid import GridConfig
from iale.benchmark.runner import run_grids
from iale.dagger.universal._choice import PROPOSED, judged_states
from iale.dagger.universal._family import family_of
from iale.dagger.universal._files import has_task, load_log
from iale.dagger.universal._lesson import learn
from iale.dagger.universal._proposals import BASE, EXPERTS
from iale.dagger.universal._ranking import rank_correlation
from iale.dagger.universal.config import UniversalConfig
from iale.learner import CycleConfig
from iale.policies.saved import load_policy, save_policy
from iale.policies.universal import UniversalPolicy
from iale.policies.universal._batches import BATCH_FEATURES
from iale.seeding import Stream

FAMILIES = ("digits", "mnist", "cifar10-mobilenetv2", "fashion-mnist", "kmnist-10k", "cifar10-jpeg")
COVERS = BATCH_FEATURES.index("newly_sure_geometry")
MOST = 100_000  # tasks of a folder


def sources(folder: Path) -> dict[int, str]:
    """The source of each task that was played; "synthetic" if it was drawn at random."""
    return {number: load_log(folder, number)["source"] for number in range(1, MOST) if has_task(folder, number)}


def interval(values: Sequence[float]) -> dict[str, float]:
    """A mean and half its 95 % interval."""
    half = 1.96 * np.std(values, ddof=1) / len(values) ** 0.5 if len(values) > 1 else np.inf
    return {"mean": round(float(np.mean(values)), 4), "half": round(float(half), 4), "count": len(values)}


def judge(policy: UniversalPolicy, folder: Path, tasks: Sequence[int]) -> dict[str, object]:
    """Rules 2 and 3 in the states of some tasks."""
    ranks, gains = (defaultdict[str, dict[int, list[float]]](lambda: defaultdict(list)) for _ in range(2))
    for each in judged_states(folder, tasks):
        worth, value = 100 * each.above, each.value(policy.network)
        ranks["value"][each.task].append(rank_correlation(value, worth))
        ranks["coverage"][each.task].append(rank_correlation(each.state.features[:, COVERS], worth))
        if each.state.values.shape[1] >= 4:
            draws = each.state.values[:, :2].mean(dim=1), each.state.values[:, 2:].mean(dim=1)
            ranks["draws"][each.task].append(rank_correlation(*draws))
        choices = {"selector": each.selected(value), "best in hindsight": float(each.above[each.proposed].max())}
        for name, gain in (*choices.items(), *each.of(PROPOSED)):
            gains[name][each.task].append(100 * gain)
    means = {name: [float(np.mean(own)) for own in each.values()] for name, each in gains.items()}
    correlations = {name: [float(np.mean(own)) for own in each.values()] for name, each in ranks.items()}
    ordered = sorted(means.items(), key=lambda item: -float(np.mean(item[1])))
    return {
        "rank": {name: interval(each) for name, each in correlations.items()},
        "gains": {name: interval(each) for name, each in ordered if len(each) > 1},
    }


def sight(folder: Path, tasks: Sequence[int]) -> dict[str, object]:
    """What each strategy's batch is worth less Uncertainty Herding's, judged at once, and two acquisitions later."""
    found: dict[str, dict[str, list[float]]] = {"at once": defaultdict(list), "two later": defaultdict(list)}
    for each in judged_states(folder, tasks):
        for name, gain in each.of({*EXPERTS}):
            found["two later" if each.far else "at once"][name].append(100 * gain)
    return {when: {name: interval(each) for name, each in sorted(own.items())} for when, own in found.items()}


def rules(states: Path, others: Path, policies: Path) -> dict[str, object]:
    """Rules 2 and 3 for each family; the policies are kept, one without each family of the sources and one with all."""
    known, strange, found = sources(states), sources(others), dict[str, object]()
    for name in FAMILIES:
        family = family_of(name)
        held = family if family in {family_of(source) for source in known.values()} else "nothing"
        folder = policies / f"without-{held}"
        if not (folder / "card.json").is_file():
            kept = [number for number, source in known.items() if family_of(source) != held]
            policy, card = learn(UniversalConfig(), states, kept, Stream(0).child("rules", held))
            save_policy(policy, folder, card)
        policy, card = load_policy(folder, UniversalPolicy), json.loads((folder / "card.json").read_text())
        where, every = (states, known) if name in known.values() else (others, strange)
        own = judge(policy, where, [number for number, source in every.items() if source == name])
        about = {key: card[key] for key in ("tasks", "steps", "value", "plan", "gates")}
        found[name] = {"without": held, "policy": about, **own}
        print(name, json.dumps(found[name]), flush=True)
    return found


def roll_outs(policies: Path, out: Path, seeds: int) -> None:
    """Rule 4: both forms of each policy beside Uncertainty Herding."""
    cycle = CycleConfig(labeling_budget=200, subset_size=None)
    shape = GridConfig(classifier="linear", embeddings="pixels", pools=("whole",), pool_size=3000, test_size=2000)
    for name in FAMILIES:
        without = policies / f"without-{family_of(name)}"
        without = without if without.is_dir() else policies / "without-nothing"
        forms = []
        for form in ("herding", "selector"):
            policy, card = load_policy(without, UniversalPolicy), json.loads((without / "card.json").read_text())
            forms.append(policies / f"{without.name}-{form}")
            if not (forms[-1] / "card.json").is_file():
                save_policy(replace(policy, form=form), forms[-1], card)
        grid = replace(shape, dataset=name, strategies=(BASE, *map(str, forms)), seeds=seeds, cycle=cycle)
        if name == "digits":  # all of them are few
            grid = replace(grid, pool_size=None, test_size=None)
        run_grids((grid,), out, workers=1)


def main() -> None:
    """Judges what was learned, and plays."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("states", type=Path)
    parser.add_argument("others", type=Path)
    parser.add_argument("--out", type=Path, default=Path("results/universal"))
    parser.add_argument("--policies", type=Path, default=Path("universal-policies"))
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    found = {
        "families": rules(options.states, options.others, options.policies),
        "sight": sight(options.states, [*sources(options.states)]),
    }
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "rules.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if options.seeds:
        roll_outs(options.policies, options.out / "roll-outs", options.seeds)


if __name__ == "__main__":
    main()
