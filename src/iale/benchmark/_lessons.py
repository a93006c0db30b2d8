"""The policies of a bench, trained before its runs.

    out/policies/mnist-mlp/        a run of `train_policy` or `train_alil`, with the policy in policy/
    out/policies.json              what each policy cost

A policy that comes with iale and was trained with this very configuration is taken as it is.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from iale import _storage as storage
from iale.benchmark.bench import Bench, PolicyConfig
from iale.benchmark.records import weights_digest
from iale.classifiers.base import resolve_device
from iale.dagger.alil import train_alil
from iale.dagger.config import AlilConfig
from iale.dagger.trainer import train_policy
from iale.executors import Executor, as_completed
from iale.policies._files import CARD, PRETRAINED
from iale.policies.saved import load_card, load_policy

COSTS, TRAINING_TIMES = "policies.json", "policy_times.jsonl"

Lesson = tuple[str, PolicyConfig, Path]


def train_policies(bench: Bench, out: Path, *, workers: int, executor: Executor, progress: bool = True) -> Bench:
    """Trains the policies that are not there yet; a stopped training goes on.

    Where there are fewer of them than workers, the episodes of each run side by side, else the policies do.

    Args:
        bench: names and configures them.
        out: the folder of the records.
        workers: of ``executor``.
        executor: where they are trained; workers write to ``out``, so they must share its disk.
        progress: shows a bar on stderr.

    Returns:
        The bench with folders in place of the policies' names.

    Raises:
        ConfigError: a folder holds a policy of another configuration.
    """
    trained: dict[str, Path] = {}
    missing: list[Lesson] = []
    for name, config in bench.policies.items():
        device = str(resolve_device(config.training.device))
        placed, folder = replace(config, training=replace(config.training, device=device)), out / "policies" / name
        trained[name] = PRETRAINED / name if _is_trained(PRETRAINED / name, placed) else folder / "policy"
        if not _is_trained(trained[name], placed):
            missing.append((name, placed, folder))
    if 0 < len(missing) < workers:
        for name, config, folder in missing:
            begin = time.perf_counter()
            _train(config, folder, workers=workers, executor=executor, progress=progress)
            _note(out, name, time.perf_counter() - begin)
    else:
        with tqdm(total=len(missing), unit="policy", disable=not progress or not missing, file=sys.stderr) as bar:
            for name, seconds in as_completed(executor, learn, missing, ahead=workers):
                _note(out, name, seconds)
                bar.set_postfix_str(name, False)
                bar.update()
    _write_costs(out)
    grids = tuple(replace(g, strategies=tuple(str(trained.get(s, s)) for s in g.strategies)) for g in bench.grids)
    return replace(bench, grids=grids)


def learn(lesson: Lesson) -> tuple[str, float]:
    """Trains one policy; what a worker does."""
    name, config, folder = lesson
    begin = time.perf_counter()
    _train(config, folder, workers=1, executor="serial", progress=False)
    return name, time.perf_counter() - begin


def _train(config: PolicyConfig, folder: Path, *, workers: int, executor: Executor | str, progress: bool) -> None:
    if isinstance(config, AlilConfig):
        train_alil(config, folder, progress=progress)
    else:
        train_policy(config, folder, workers=workers, executor=executor, progress=progress)


def _is_trained(policy: Path, config: PolicyConfig) -> bool:
    """Whether the folder holds this very policy; one of another configuration is refused when it is trained."""
    if not (policy / CARD).is_file():
        return False
    return storage.to_json(load_card(policy)["source"]) == storage.to_json(asdict(config))


def _note(out: Path, name: str, seconds: float) -> None:
    """A training that was stopped adds one line for each time it went on."""
    storage.append_line(out / TRAINING_TIMES, {"policy": name, "seconds": round(seconds, 3)})


def _write_costs(out: Path) -> None:
    """What all policies in the folder cost: steps, fits of the classifier, source labels, seconds."""
    seconds: dict[str, float] = {}
    for line in storage.read_lines(out / TRAINING_TIMES):
        seconds[line["policy"]] = seconds.get(line["policy"], 0.0) + line["seconds"]
    costs = {}
    for path in sorted((out / "policies").glob(f"*/policy/{CARD}")):
        card, name = load_card(path.parent), path.parent.parent.name
        digest = weights_digest(load_policy(path.parent))  # as records name it
        costs[name] = {**_cost(card), "seconds": seconds.get(name), "weights_sha256": digest}
    storage.write_json(out / COSTS, {"policies": costs})


def read_costs(out: Path) -> dict[str, dict[str, Any]]:
    """What the policies of a folder cost, by name; empty where none was trained there."""
    path = out / COSTS
    found: dict[str, dict[str, Any]] = storage.read_json(path)["policies"] if path.exists() else {}
    return found


def _cost(card: Mapping[str, Any]) -> dict[str, Any]:
    """Steps, the most fits that they took, and the labels of the source that all episodes and the scoring saw."""
    source, steps = card["source"], int(card["steps"])
    if card["kind"] == "iale":
        budget, members = source["cycle"]["labeling_budget"], source["cycle"]["committee_size"]
        each = len(source["experts"]) + (members if "ensemble" in source["experts"] else 1)
    else:
        budget, each = source["labeling_budget"], source["choices"] + 1
    return {
        "kind": card["kind"],
        "source": source["dataset"],
        "classifier": source["classifier"],
        "episodes": card["episodes"],
        "steps": steps,
        "fits_at_most": steps * each,
        "source_labels_at_most": source["episodes"] * budget + source["scoring_size"],
    }
