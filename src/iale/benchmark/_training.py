"""The policies of an experiment, trained before its runs.

    out/policies/mnist-mlp/        a run of `train_policy` or `train_alil`, with the policy in policy/
    out/policies.json              what each policy cost
    out/policy_times.jsonl         seconds of training, one line for each time it was started

A policy that comes with iale and was trained with exactly this configuration is not trained again.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from iale import _storage as storage
from iale._implied import compact
from iale.benchmark._evidence import COSTS, PolicyCost
from iale.benchmark._experiment import Experiment
from iale.benchmark._play import fingerprint_now
from iale.benchmark._sizes import PolicyConfig
from iale.classifiers.base import resolve_device
from iale.dagger._rounds import check_source
from iale.dagger.alil import train_alil
from iale.dagger.config import AlilConfig
from iale.dagger.trainer import train_policy
from iale.dagger.universal._tasks import POOL
from iale.dagger.universal.config import UniversalConfig
from iale.dagger.universal.trainer import train_universal
from iale.executors import Executor, as_completed
from iale.policies._digest import weights_digest
from iale.policies._files import CARD, PRETRAINED
from iale.policies.saved import load_card, load_policy

_TRAINING_TIMES = "policy_times.jsonl"


def train_policies(
    experiment: Experiment, out: Path, *, workers: int, executor: Executor, progress: bool = True
) -> Experiment:
    """Trains the policies that are not there yet, and returns the experiment with folders in place of their names.

    A training that was stopped goes on. If there are fewer policies than workers, the episodes of each run side by
    side, otherwise the policies do. Workers write to ``out``, so they must share its disk.
    """
    trained: dict[str, Path] = {}
    missing: list[tuple[PolicyConfig, Path]] = []
    for name, config in experiment.policies.items():
        placed, folder = _placed(config), out / "policies" / name
        trained[name] = PRETRAINED / name if _is_trained(PRETRAINED / name, placed) else folder / "policy"
        if not _is_trained(trained[name], placed):
            missing.append((placed, folder))
    finished: Iterable[tuple[str, float]] = as_completed(executor, _train, missing, ahead=workers)
    if few := len(missing) < workers:
        finished = (_train(job, workers=workers, executor=executor, progress=progress) for job in missing)
    with tqdm(total=len(missing), unit="policy", disable=few or not progress, file=sys.stderr) as bar:
        for name, seconds in finished:
            storage.append_line(out / _TRAINING_TIMES, {"policy": name, "seconds": round(seconds, 3)})
            bar.set_postfix_str(name, False)
            bar.update()
    _write_costs(out)
    grids = (replace(g, strategies=tuple(str(trained.get(n, n)) for n in g.strategies)) for g in experiment.grids)
    return replace(experiment, grids=tuple(grids))


def check_sources(experiment: Experiment, out: Path) -> None:
    """Checks that policies of earlier calls learned from what their sources are now; raises DataError if not."""
    for name, config in experiment.policies.items():
        folder = out / "policies" / name
        if not isinstance(config, UniversalConfig) and (folder / "config.json").exists():  # `train_universal` checks
            check_source(folder, config.dataset, fingerprint_now(config.dataset))


def _placed(config: PolicyConfig) -> PolicyConfig:
    """With the device of this machine; a universal policy learns on the CPU."""
    if isinstance(config, UniversalConfig):
        return config
    return replace(config, training=replace(config.training, device=str(resolve_device(config.training.device))))


def _train(
    job: tuple[PolicyConfig, Path], workers: int = 1, executor: Executor | str = "serial", progress: bool = False
) -> tuple[str, float]:
    """Trains one policy into a folder, and returns its name and the seconds that it took."""
    begin, (config, folder) = time.perf_counter(), job
    if isinstance(config, AlilConfig):
        train_alil(config, folder, progress=progress)
    elif isinstance(config, UniversalConfig):
        train_universal(config, folder, workers=workers, executor=executor, progress=progress)
    else:
        train_policy(config, folder, workers=workers, executor=executor, progress=progress)
    return folder.name, time.perf_counter() - begin


def _is_trained(policy: Path, config: PolicyConfig) -> bool:
    """Whether a folder holds exactly this policy; training refuses a folder with another configuration."""
    wanted = storage.to_json(compact(asdict(config)))
    return (policy / CARD).is_file() and storage.to_json(load_card(policy)["source"]) == wanted


def _write_costs(out: Path) -> None:
    """Writes what all policies in the folder cost; the seconds of a training that was stopped add up."""
    seconds: dict[str, float] = {}
    for line in storage.read_lines(out / _TRAINING_TIMES):
        seconds[line["policy"]] = seconds.get(line["policy"], 0.0) + line["seconds"]
    costs = {}
    for path in sorted((out / "policies").glob(f"*/policy/{CARD}")):
        name, digest = path.parent.parent.name, weights_digest(load_policy(path.parent))  # as records name it
        costs[name] = asdict(_cost(load_card(path.parent), seconds.get(name), digest))
    storage.write_json(out / COSTS, {"policies": costs})


def _cost(card: Mapping[str, Any], seconds: float | None, digest: str | None) -> PolicyCost:
    """The cost of a policy, from its card.

    At each step of IALE every expert proposes a batch that is judged by one fit, and the classifier, or its committee,
    is fitted again; at each step of ALIL every choice is judged by one fit, and the classifier is fitted again.
    """
    source, steps = card["source"], int(card["steps"])
    if card["kind"] == "universal":
        return _universal_cost(card, seconds, digest)
    if card["kind"] == "iale":
        budget, members = source["cycle"]["labeling_budget"], source["cycle"]["committee_size"]
        each = len(source["experts"]) + (members if "ensemble" in source["experts"] else 1)
    else:
        budget, each = source["labeling_budget"], source["choices"] + 1
    return PolicyCost(
        kind=card["kind"],
        source=source["dataset"],
        classifier=source["classifier"],
        episodes=card["episodes"],
        steps=steps,
        fits_at_most=steps * each,
        source_labels_at_most=source["episodes"] * budget + source["scoring_size"],
        seconds=seconds,
        weights_sha256=digest,
    )


def _universal_cost(card: Mapping[str, Any], seconds: float | None, digest: str | None) -> PolicyCost:
    """The cost of a universal policy: in each state, every proposal is judged by a fit for each draw of its labels."""
    source = card["source"]
    each = source["proposals"] * source["redraws"]
    return PolicyCost(
        kind="universal",
        source=", ".join(source["sources"]),
        classifier="linear",
        episodes=card["tasks"],
        steps=card["steps"],
        fits_at_most=card["steps"] * each,
        source_labels_at_most=card["tasks"] * (POOL[1] + source["scoring_size"]),
        seconds=seconds,
        weights_sha256=digest,
    )
