"""Options that came later leave what was made earlier as it is."""

from __future__ import annotations

import json
from dataclasses import asdict, fields, replace
from pathlib import Path

from iale import _storage as storage
from iale._implied import compact, complete
from iale.benchmark._content import run_key
from iale.benchmark._experiment import records_of
from iale.benchmark._experiments.catalog import EXPERIMENTS
from iale.benchmark._play import Run, find_contender, prepared
from iale.benchmark._record_files import all_records
from iale.benchmark._sizes import SIZES
from iale.benchmark.grid import GridConfig
from iale.classifiers.base import TrainingConfig
from iale.cli._run import run_command
from iale.dagger.config import DaggerConfig
from iale.policies.catalog import list_policies
from iale.reports._panels import panels

KEPT = Path(__file__).parents[2] / "results" / "standard"
FIRST = {"epochs", "batch_size", "learning_rate", "stop_accuracy", "device", "precision"}
"""The options of training that every kept configuration has."""


def test_an_option_of_training_that_came_later_implies_what_was_done_before() -> None:
    """Whoever adds an option says there what a record without it was made with, or all keys would change."""
    bare = {"training": dict.fromkeys(FIRST)}
    assert complete(bare)["training"].keys() == {field.name for field in fields(TrainingConfig)}
    assert compact(complete(bare)) == bare


def test_configurations_read_the_same_whenever_they_were_written() -> None:
    for batches in ("equal", "remainder"):
        training = TrainingConfig(batches=batches, prediction_batch_size=None, device="cpu")
        whole = json.loads(storage.to_json(asdict(DaggerConfig(training=training))))
        assert complete(compact(whole))["training"] == whole["training"]
        assert ("batches" in compact(whole)["training"]) is (batches == "equal")


def test_a_run_in_the_old_way_has_the_key_of_its_record() -> None:
    records = all_records(KEPT)
    record = next(r for r in records if r.strategy == "margin" and r.classifier == "mlp" and r.config.subset_size)
    found = records_of(EXPERIMENTS["fig8"](SIZES["standard"](TrainingConfig(device="cpu"))), records)
    assert any(each.key == record.key for each in found)
    size = SIZES["standard"](TrainingConfig(device="cpu"))
    grid = size.mlp.runs(record.dataset, ["margin"])
    described = grid.described("margin", record.pool, record.seed)
    assert run_key(described) == record.key
    changed = replace(grid, training=replace(grid.training, batches="equal"))
    assert run_key(changed.described("margin", record.pool, record.seed)) != record.key


def test_every_kept_record_is_a_run_of_an_experiment() -> None:
    records, size = all_records(KEPT), SIZES["standard"](TrainingConfig(device="cpu"))
    known = {record.key for make in EXPERIMENTS.values() for record in records_of(make(size), records)}
    assert known == {record.key for record in records}


def test_policies_that_come_with_iale_are_those_of_the_standard_size() -> None:
    size = SIZES["standard"](TrainingConfig(device="cpu"))
    configs = {name: config for make in EXPERIMENTS.values() for name, config in make(size).policies.items()}
    for name, card in list_policies().items():
        assert storage.to_json(compact(asdict(configs[name]))) == storage.to_json(card["source"])


def test_the_command_of_a_kept_panel_asks_for_the_old_way() -> None:
    panel = panels([record for record in all_records(KEPT) if record.classifier == "mlp"][:1])[0]
    assert "--batches remainder" in run_command(panel)


def test_old_and_new_runs_are_two_panels_named_by_what_differs() -> None:
    record = next(record for record in all_records(KEPT) if record.classifier == "mlp")
    options = json.loads(storage.to_json(record.config.options))
    options["training"]["batches"] = "equal"
    other = replace(record, config=replace(record.config, options=options))
    assert [panel.remark for panel in panels([record, other])] == ["batches remainder", "batches equal"]


def test_new_runs_are_equal_by_default() -> None:
    config = GridConfig(dataset="digits", classifier="mlp", training=TrainingConfig(device="cpu"))
    prepared.cache_clear()
    classifier = prepared(config.dataset, config.classifier, config.training)[1]
    run = Run(config, "margin", find_contender("margin", classifier), "subset", 0)
    assert run.described()["training"]["batches"] == "equal"
