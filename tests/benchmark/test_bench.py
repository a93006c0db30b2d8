from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from iale import _storage as storage
from iale.benchmark import _training as lessons
from iale.benchmark._evidence import COSTS
from iale.benchmark._experiment import Experiment, wanted
from iale.benchmark._experiments.catalog import EXPERIMENTS, with_changes
from iale.benchmark._experiments.networks import FOLLOWED
from iale.benchmark._experiments.variants import fig5c
from iale.benchmark._sizes import SIZES, Size, SizeName
from iale.benchmark._training import train_policies
from iale.benchmark.runner import run_grids
from iale.classifiers.base import Outputs, TrainingConfig
from iale.errors import ConfigError
from iale.executors import _SerialExecutor as SerialExecutor
from iale.policies.saved import load_card
from iale.strategies import BaitFull, QueryContext
from tests.benchmark.content import all_records, records_of

CPU = TrainingConfig(device="cpu")
_SCRIPT = """
import sys
from pathlib import Path
from iale.benchmark._experiments.catalog import EXPERIMENTS
from iale.benchmark._training import train_policies
from iale.benchmark._sizes import SIZES
from iale.classifiers.base import TrainingConfig
from iale.executors import open_executor
if __name__ == "__main__":
    bench = EXPERIMENTS["schedule"](SIZES["smoke"](TrainingConfig(device="cpu")))
    with open_executor(2) as executor:
        train_policies(bench, Path(sys.argv[1]), workers=2, executor=executor, progress=False)
"""


def smoke() -> Size:
    return SIZES["smoke"](CPU)


def learned(bench: Experiment, out: Path) -> Experiment:
    return train_policies(bench, out, workers=1, executor=SerialExecutor(), progress=False)


@pytest.mark.parametrize("size", list(SIZES))
@pytest.mark.parametrize("name", list(EXPERIMENTS))
def test_every_experiment_is_paired_at_every_size(name: str, size: SizeName) -> None:
    bench = EXPERIMENTS[name](SIZES[size](CPU))
    assert bench.name == name
    assert bench.title
    assert bench.claim
    assert (bench.figure == "factor") == (bench.factor is not None)
    for grid in bench.grids:
        assert not bench.policies or set(bench.policies) & set(grid.strategies), "a comparison without a policy"
        least = 5 if name == "runtime" else FOLLOWED if name == "networks" and grid.beside else 10
        assert grid.seeds >= (2 if size == "smoke" else least)
        assert bench.figure == "overlap" or "random" in grid.strategies or name in ("shapes", "heads", "networks")
        if size == "standard":
            sees = name in ("geometry", "shapes", "heads", "networks", "universal")
            seen = ("digits", "cifar10-mobilenetv2") if sees else ()
            assert grid.dataset in ("mnist", "fashion-mnist", "kmnist-10k", "cifar10-jpeg", *seen)
        if size == "paper" and name not in ("fig5a", "fig10", "universal") and grid.classifier != "linear":
            assert (grid.cycle.labeling_budget, grid.training.epochs) == (1000, 100)


@pytest.mark.parametrize("size", ["standard", "paper"])
def test_no_run_asks_what_a_strategy_refuses(size: SizeName) -> None:
    """BAIT in full refuses matrices that do not fit into memory: one such run would stop all the others."""
    widths = {"linear": 64, "mlp": 256, "cnn": 128}  # of embeddings; a head on the features reads 1,280 numbers
    asked = [grid for grid in EXPERIMENTS["geometry"](SIZES[size](CPU)).grids if "bait-full" in grid.strategies]
    assert {grid.classifier_name for grid in asked} == set(widths)
    features = [grid for grid in asked if (grid.classifier_name, grid.dataset) == ("linear", "cifar10-mobilenetv2")]
    assert bool(features) == (size == "standard")  # at the size of the paper, there are too many labels
    for grid in asked:
        assert grid.pools != ("whole",)
        width = 1280 if grid in features else widths[grid.classifier_name]
        candidates, labeled = (
            Outputs(torch.zeros(count, 10), torch.zeros(count, width))
            for count in (grid.cycle.subset_size or 0, grid.cycle.labeling_budget)
        )
        BaitFull()._check_size(QueryContext(candidates, 10, labeled))


def test_policies_of_one_name_are_one_policy_in_all_experiments() -> None:
    """They share a folder, so another configuration under one name would be refused."""
    for make in SIZES.values():
        known: dict[str, str] = {}
        for experiment in EXPERIMENTS.values():
            for name, config in experiment(make(CPU)).policies.items():
                described = storage.to_json(asdict(config))
                assert known.setdefault(name, described) == described


def test_leaving_one_expert_out_leaves_one_out() -> None:
    policies = fig5c(smoke()).policies
    experts = [set(config.experts) for config in policies.values() if hasattr(config, "experts")]
    full = max(experts, key=len)
    assert len(full) == 6
    assert sorted(len(full - some) for some in experts) == [0, 1, 1, 1, 1, 1, 1]
    assert len({frozenset(some) for some in experts}) == 7


def test_a_bench_knows_its_records_wherever_they_were_computed(tmp_path: Path) -> None:
    bench = EXPERIMENTS["schedule"](smoke())
    trained = learned(bench, tmp_path)
    run_grids(trained.grids, tmp_path, progress=False)
    records = all_records(tmp_path)
    assert len(records) == len(set(wanted(bench))) == len(records_of(bench, records)) == 8
    assert records_of(trained, records) == records_of(bench, records)
    elsewhere = SIZES["smoke"](replace(CPU, device="auto"))
    assert len(records_of(EXPERIMENTS["schedule"](elsewhere), records)) == 8
    assert records_of(EXPERIMENTS["fig10"](smoke()), records) == []
    # In the order of the bench, so that figures do not depend on who was finished first, or was packed.
    assert records_of(bench, records[::-1]) == records_of(bench, records)
    told = [(r["dataset"], r["seed"], r["strategy"]) for r in records_of(bench, records[::-1])]
    assert told[:5] == [("fashion-small", seed, name) for seed in (0, 1) for name in bench.grids[0].strategies][:5]
    assert len(records_of(with_changes(bench, seeds=1), records)) == 4

    costs = storage.read_json(tmp_path / COSTS)["policies"]
    assert set(costs) == set(bench.policies)
    own = costs["digits-mlp"]
    # Two episodes of two steps: six look-aheads and two members of the committee each.
    assert (own["steps"], own["fits_at_most"]) == (4, 32)
    assert own["seconds"] > 0
    digests = {r["config"]["policy"]["weights_sha256"] for r in records if r["strategy"] == "digits-mlp"}
    assert digests == {own["weights_sha256"]}

    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "policies").rglob("*") if path.is_file()}
    learned(bench, tmp_path)
    assert {path: path.stat().st_mtime_ns for path in before} == before, "a trained policy was trained again"


def test_a_folder_with_a_policy_of_another_configuration_is_refused(tmp_path: Path) -> None:
    bench = EXPERIMENTS["fig4"](smoke())
    learned(bench, tmp_path)
    name, config = next(iter(bench.policies.items()))
    other = replace(bench, policies={name: replace(config, seed=1)})
    with pytest.raises(ConfigError, match="holds a run with another configuration"):
        learned(other, tmp_path)


def test_a_shipped_policy_of_the_same_configuration_is_not_trained_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, shipped = EXPERIMENTS["fig4"](smoke()), tmp_path / "shipped"
    learned(bench, tmp_path / "first")
    shipped.mkdir()
    (tmp_path / "first" / "policies" / "digits-mlp" / "policy").rename(shipped / "digits-mlp")
    monkeypatch.setattr(lessons, "PRETRAINED", shipped)
    taken = learned(bench, tmp_path / "second")
    assert not (tmp_path / "second" / "policies").exists()
    assert {s for grid in taken.grids for s in grid.strategies} == {str(shipped / "digits-mlp")}
    assert set(wanted(taken)) == set(wanted(bench))
    other = replace(bench, policies={n: replace(c, seed=1) for n, c in bench.policies.items()})
    learned(other, tmp_path / "third")
    assert (tmp_path / "third" / "policies" / "digits-mlp" / "policy").is_dir()


@pytest.mark.slow
def test_policies_that_were_killed_in_the_middle_end_with_the_same_bytes(tmp_path: Path) -> None:
    bench = EXPERIMENTS["schedule"](smoke())
    learned(bench, tmp_path / "whole")
    script = tmp_path / "script.py"
    script.write_text(_SCRIPT)
    with subprocess.Popen([sys.executable, str(script), str(tmp_path / "killed")]) as process:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not list((tmp_path / "killed").rglob("episodes/*.json")):
            time.sleep(0.02)
        process.kill()
    learned(bench, tmp_path / "killed")
    for name in bench.policies:
        whole, killed = (tmp_path / kind / "policies" / name / "policy" for kind in ("whole", "killed"))
        assert (whole / "weights.safetensors").read_bytes() == (killed / "weights.safetensors").read_bytes()
        assert json.dumps(load_card(whole)) == json.dumps(load_card(killed))
        assert load_card(killed)["num_classes"] == 10
