from __future__ import annotations

import itertools
import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from iale import _storage as storage
from iale.benchmark import _play as play
from iale.benchmark import runner
from iale.benchmark._experiment import HEURISTICS
from iale.benchmark._play import Run
from iale.benchmark.grid import GridConfig
from iale.benchmark.runner import run_grids
from iale.classifiers.base import TrainingConfig
from iale.data.catalog import load_dataset
from iale.data.pool import Candidates
from iale.data.samples import DataSet
from iale.errors import ConfigError, DataError, IaleError, ModelError, StorageError, UnknownNameError
from iale.executors import one_thread
from iale.learner import CycleConfig, Learner, start
from iale.seeding import Stream
from tests.benchmark.content import read_records, run_one

CONFIG = GridConfig(
    dataset="digits",
    classifier="mlp",
    strategies=("random", "margin", "coreset", "badge"),
    seeds=2,
    test_size=100,
    cycle=CycleConfig(labeling_budget=40, subset_size=50, monte_carlo_passes=2, committee_size=2),
    training=TrainingConfig(epochs=2, device="cpu"),
)
_SCRIPT = """
import sys
from pathlib import Path
from iale.benchmark.grid import GridConfig
from iale.benchmark.runner import run_grids
from iale.classifiers.base import TrainingConfig
from iale.learner import CycleConfig
if __name__ == "__main__":
    run_grids({config!r}, Path(sys.argv[1]), progress=False)
"""


def chosen_in(record: dict[str, Any]) -> list[int]:
    return list(itertools.chain.from_iterable(record["selected"]))


@pytest.fixture(scope="module")
def digits() -> DataSet:
    return load_dataset("digits")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_grids(CONFIG, tmp_path_factory.mktemp("undisturbed"), progress=False)


def test_a_record_holds_the_curve_the_choices_and_the_resolved_configuration(undisturbed: Path) -> None:
    records = storage.read_lines(undisturbed)
    assert [(r["strategy"], r["seed"]) for r in records] == [(s, seed) for seed in (0, 1) for s in CONFIG.strategies]
    for record in records:
        assert record["labeled"] == [20, 30, 40]
        assert all(0 <= accuracy <= 1 for accuracy in record["accuracy"])
        assert [len(chosen) for chosen in record["selected"]] == [10, 10, 0]
        assert len(set(chosen_in(record))) == 20
        assert record["config"]["cycle"] == {
            "labeling_budget": 40,
            "acquisition_size": 10,
            "subset_size": 50,
            "initial_size": 20,
            "monte_carlo_passes": 2,
            "committee_size": 2,
        }
        assert record["config"]["strategy"] == record["strategy"]
        assert record["config"]["policy"] is None
        assert {"iale", "python", "torch", "numpy"} <= record["versions"].keys()
    assert len({record["key"] for record in records}) == len(records)


def test_times_are_kept_apart(undisturbed: Path) -> None:
    times = storage.read_lines(undisturbed.parent / "times.jsonl")
    assert [t["key"] for t in times] == [r["key"] for r in storage.read_lines(undisturbed)]
    assert all(t["seconds"] > 0 for t in times)
    assert b"seconds" not in undisturbed.read_bytes()


def test_a_killed_run_goes_on_in_another_process_to_the_same_bytes(undisturbed: Path, tmp_path: Path) -> None:
    config = replace(CONFIG, seeds=12)
    script = tmp_path / "run.py"
    script.write_text(_SCRIPT.format(config=config))
    killed, whole = tmp_path / "killed" / "records.jsonl", tmp_path / "whole"
    with subprocess.Popen([sys.executable, str(script), str(killed.parent)]) as process:
        deadline = time.monotonic() + 120
        while len(storage.read_lines(killed)) < 3 and time.monotonic() < deadline:
            time.sleep(0.005)
        process.kill()
    assert 3 <= len(storage.read_lines(killed)) < 48
    with killed.open("ab") as file:
        file.write(b'{"accuracy": [0.1')  # what a kill in the middle of a write leaves
    resumed = run_grids(config, killed.parent, progress=False).read_bytes()
    assert resumed == run_grids(config, whole, progress=False).read_bytes()
    assert resumed.startswith(undisturbed.read_bytes())


def test_a_process_pool_gives_the_same_records(undisturbed: Path, tmp_path: Path) -> None:
    path = run_grids(CONFIG, tmp_path, workers=2, progress=False)
    assert sorted(path.read_bytes().splitlines()) == sorted(undisturbed.read_bytes().splitlines())


def test_another_seed_gives_another_record(digits: DataSet) -> None:
    first, again, other = (run_one(CONFIG, digits, "random", "subset", seed) for seed in (0, 0, 1))
    assert first == again
    assert first["selected"] != other["selected"]
    assert first["accuracy"] != other["accuracy"]
    assert first["key"] != other["key"]


def test_finished_runs_are_skipped_and_new_ones_added(
    undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "records.jsonl").write_bytes(undisturbed.read_bytes())
    executed: list[tuple[str, int]] = []
    execute = play.play_together

    def note(runs: tuple[Run, ...]) -> Any:
        executed.extend((run.strategy, run.seed) for run in runs)
        return execute(runs)

    monkeypatch.setattr(runner, "play_together", note)
    run_grids(CONFIG, tmp_path, progress=False)
    assert executed == []
    run_grids(replace(CONFIG, strategies=("random", "entropy"), seeds=3), tmp_path, progress=False)
    assert executed == [("entropy", 0), ("entropy", 1), ("random", 2), ("entropy", 2)]


def test_any_other_setting_is_another_run(digits: DataSet) -> None:
    base = run_one(CONFIG, digits, "random", "subset", 0)["key"]
    for other in (
        replace(CONFIG, test_size=101),
        replace(CONFIG, pool_size=500),
        replace(CONFIG, training=replace(CONFIG.training, epochs=1)),
        replace(CONFIG, cycle=replace(CONFIG.cycle, subset_size=60)),
    ):
        assert run_one(other, digits, "random", "subset", 0)["key"] != base
    assert run_one(CONFIG, digits, "random", "whole", 0)["key"] != base
    assert run_one(replace(CONFIG, seeds=7, first_seed=3), digits, "random", "subset", 0)["key"] == base


def test_strategies_of_one_seed_share_first_labels_weights_and_sub_pools(
    digits: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Accuracy of the first fit, first labels, and each step's draw but for what was labeled meanwhile."""
    seen: dict[tuple[str, int], tuple[set[int], set[int], list[int], int]] = {}
    current, candidates = "", Learner.candidates

    def note(learner: Learner) -> Candidates:
        drawn = candidates(learner)
        labeled = learner.pool.labeled.tolist()
        seen[current, len(labeled)] = (
            set(drawn.indices.tolist()),
            set(labeled),
            labeled[:20],
            learner.job("fit", 0).seed,
        )
        return drawn

    monkeypatch.setattr(Learner, "candidates", note)
    first_accuracy = set()
    for current in HEURISTICS:
        first_accuracy.add(run_one(CONFIG, digits, current, "subset", 3)["accuracy"][0])
    assert len(first_accuracy) == 1
    for (name, count), (drawn, labeled, first, fit_seed) in seen.items():
        reference, reference_labeled, reference_first, reference_fit_seed = seen["random", count]
        assert (first, fit_seed) == (reference_first, reference_fit_seed), name
        assert len(drawn) == 50
        assert len(drawn - reference) <= len(labeled ^ reference_labeled)
        if count == 20:
            assert drawn == reference
    assert len(seen) == 8 * 2


@pytest.mark.parametrize("strategy", HEURISTICS)
def test_labels_that_were_never_acquired_change_nothing(
    digits: DataSet, strategy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clean = run_one(CONFIG, digits, strategy, "subset", 0)
    asked = torch.zeros(len(digits.train), dtype=torch.bool)
    asked[chosen_in(clean)] = True
    poisoned = replace(digits, train_labels=torch.where(asked, digits.train_labels, 9 - digits.train_labels))
    # The first labels are drawn class by class, so these draws see the true ones.
    monkeypatch.setattr(play, "start", lambda recipe, _, *rest, **more: start(recipe, digits, *rest, **more))
    found = run_one(CONFIG, poisoned, strategy, "subset", 0)
    assert found["data"]["inputs"] == clean["data"]["inputs"]
    assert found["data"]["labels"] != clean["data"]["labels"]  # the one thing that reads all labels, and the digest
    assert {**found, "data": None, "digest": None} == {**clean, "data": None, "digest": None}


def test_the_pool_is_a_part_drawn_per_seed_and_the_same_for_every_strategy(digits: DataSet) -> None:
    config = replace(CONFIG, pool_size=60)
    everything = {
        (strategy, seed): set(chosen_in(run_one(config, digits, strategy, "whole", seed)))
        for strategy in ("random", "margin")
        for seed in (0, 1)
    }
    for (_, seed), chosen in everything.items():
        drawn = Stream(seed).child("pool").numpy().permutation(len(digits.train))[:60]
        assert chosen <= set(drawn.tolist())


def test_the_test_part_is_evenly_spaced(digits: DataSet) -> None:
    found = play._test_indices(replace(CONFIG, test_size=100), digits).tolist()
    assert len(set(found)) == 100
    gaps = [b - a for a, b in itertools.pairwise(found)]
    assert max(gaps) - min(gaps) <= 1
    assert play._test_indices(replace(CONFIG, test_size=None), digits).tolist() == list(range(len(digits.test)))


@pytest.mark.parametrize(
    ("config", "kind", "sentence"),
    [
        (replace(CONFIG, dataset="digit"), UnknownNameError, "digits"),
        (replace(CONFIG, classifier="cnnn"), UnknownNameError, "the known ones are cnn, linear, mlp, resnet18"),
        (replace(CONFIG, strategies=("random", "margn")), UnknownNameError, "margin"),
        (replace(CONFIG, pool_size=100_000), ConfigError, "the pool size 100000 is larger than the"),
        (replace(CONFIG, test_size=100_000), ConfigError, "the test size 100000 is larger than the"),
        (replace(CONFIG, cycle=CycleConfig(labeling_budget=5000)), ConfigError, "labeling budget 5000 is larger than"),
        (
            replace(CONFIG, cycle=CycleConfig(initial_size=5, labeling_budget=40)),
            ConfigError,
            "cannot cover 10 classes",
        ),
    ],
)
def test_nothing_is_run_or_written_where_something_does_not_fit(
    config: GridConfig, kind: type[IaleError], sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(kind, match=sentence):
        run_grids(config, tmp_path / "out", progress=False)
    assert not (tmp_path / "out").exists()


def test_a_strategy_that_does_not_suit_the_classifier_stops_all_before_the_first_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = play.prepared

    def without_dropout(*arguments: Any) -> Any:
        data, classifier, fingerprint = prepared(*arguments)
        classifier.has_dropout = False
        return data, classifier, fingerprint

    without_dropout.cache_clear = prepared.cache_clear  # type: ignore[attr-defined]
    monkeypatch.setattr(play, "prepared", without_dropout)
    with pytest.raises(ModelError, match="mc-dropout needs a dropout layer"):
        run_grids(replace(CONFIG, strategies=("random", "mc-dropout")), tmp_path / "out", progress=False)
    assert not (tmp_path / "out").exists()


def test_a_class_without_initial_samples_is_named(digits: DataSet) -> None:
    keep = torch.where(digits.train_labels == 7, 8, digits.train_labels)
    with pytest.raises(DataError, match="class 7 has 0 samples to start from"):
        run_one(CONFIG, replace(digits, train_labels=keep), "random", "subset", 0)


def test_an_unusable_folder_is_found_before_the_first_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(runner, "play_together", lambda runs: pytest.fail("a run was started"))
    with pytest.raises(StorageError, match="cannot write"):
        run_grids(CONFIG, tmp_path / "file" / "out", progress=False)


@pytest.mark.parametrize(
    "damage",
    [
        lambda record: record | {"schema": 99},
        lambda record: {name: record[name] for name in record if name != "key"},
        lambda record: record | {"accuracy": record["accuracy"][:-1]},
        lambda record: record | {"accuracy": [7.0] * 3},
        lambda record: record | {"config": None},
    ],
)
def test_altered_records_are_refused(damage: Any, undisturbed: Path, tmp_path: Path) -> None:
    records = storage.read_lines(undisturbed)
    lines = [json.dumps(records[0]), json.dumps(damage(records[1]))]
    (tmp_path / "records.jsonl").write_text("\n".join(lines) + "\n")
    with pytest.raises(StorageError, match=r"line 2, is not a run's record"):
        read_records(tmp_path / "records.jsonl")


def test_stopping_keeps_finished_runs_and_says_how_to_go_on(
    undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute = play.play_together
    count = 0

    def stop_at_the_third(runs: tuple[Run, ...]) -> Any:
        nonlocal count
        count += 1
        if count == 3:
            raise KeyboardInterrupt
        return execute(runs)

    with monkeypatch.context() as patch:
        patch.setattr(runner, "play_together", stop_at_the_third)
        with pytest.raises(KeyboardInterrupt, match="2 of 8 runs are finished and kept"):
            run_grids(CONFIG, tmp_path, progress=False)
    assert run_grids(CONFIG, tmp_path, progress=False).read_bytes() == undisturbed.read_bytes()


def test_the_bar_goes_to_stderr_and_counts_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_grids(replace(CONFIG, strategies=("random",), seeds=1), tmp_path)
    shown = capsys.readouterr()
    assert "1/1" in shown.err
    assert "random, seed 0" in shown.err
    assert shown.out == ""


def test_a_policy_is_known_by_its_weights_wherever_it_lies(tmp_path: Path, digits: DataSet) -> None:
    from iale.policies.iale import random_policy
    from iale.policies.saved import save_policy
    from iale.policies.state import StateConfig

    policy, other = (random_policy(StateConfig(), 10, 256, Stream(seed)) for seed in (0, 1))
    for folder, saved in {"one/policy": policy, "two/policy": other, "far/one/policy": policy}.items():
        save_policy(saved, tmp_path / folder, {})
    with one_thread():
        one, two, far = (
            run_one(CONFIG, digits, str(tmp_path / folder / "policy"), "subset", 0)
            for folder in ("one", "two", "far/one")
        )
    assert one == far
    assert (one["strategy"], two["strategy"]) == ("one", "two")
    assert one["config"]["policy"]["weights_sha256"] != two["config"]["policy"]["weights_sha256"]
    clash = replace(CONFIG, strategies=(str(tmp_path / "one/policy"), str(tmp_path / "far/one/policy")))
    with pytest.raises(ConfigError, match="would both be called 'one'"):
        run_grids(clash, tmp_path / "out", progress=False)
