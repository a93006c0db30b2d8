from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from iale import _storage as storage
from iale.benchmark._content import seal
from iale.benchmark._statistics import estimate
from iale.errors import StorageError
from iale.reports._panels import display_name
from iale.reports._summary import rows
from iale.reports.report import write_report
from tests.reports import factory
from tests.reports.content import panels
from tests.reports.factory import write

LABELED = [20, 30, 40]


def record(strategy: str, seed: int, accuracy: Sequence[float], **changes: Any) -> dict[str, Any]:
    """A record with three points; "my-policy" is a trained policy."""
    kind = "iale" if strategy == "my-policy" else None
    return factory.record(strategy, seed, accuracy, LABELED, kind=kind, cycle={"subset_size": 50}, **changes)


def experiment(**changes: Any) -> list[dict[str, Any]]:
    """Three seeds: margin is 0.1 above Random, the policy 0.2, entropy below; every seed has a level of its own."""
    records = []
    for seed, level in enumerate((0.3, 0.4, 0.5)):
        for strategy, gain in {"random": 0.0, "margin": 0.1, "entropy": -0.1, "my-policy": 0.2}.items():
            records.append(record(strategy, seed, [level, level + gain / 2, level + gain + 0.01 * seed], **changes))
    return records


def test_rows_by_hand() -> None:
    (panel,) = panels(experiment())
    found = {row.name: row for row in rows(panel)}
    assert [entry.name for entry in panel.entries] == ["my-policy", "margin", "random", "entropy"]
    assert panel.best_heuristic is not None
    assert panel.best_heuristic.name == "margin"
    policy = found["my-policy"]
    assert (policy.display, policy.learned) == ("IALE my-policy", True)
    assert policy.auc.mean == pytest.approx(0.4 + 0.3 / 3 + 0.01 / 3)
    assert policy.final == estimate([0.3 + 0.2, 0.4 + 0.2 + 0.01, 0.5 + 0.2 + 0.02])
    assert policy.against_random is not None
    assert policy.against_random.difference.mean == pytest.approx(0.1)
    assert policy.against_random.difference.high == pytest.approx(0.1)
    assert policy.against_random.wins == 3
    assert policy.against_best is not None
    assert policy.against_best.difference.mean == pytest.approx(0.05)
    # Three comparisons with p = 1/4 each in a family of three
    assert (policy.against_random.p_value, policy.against_random.p_holm) == (0.25, 0.75)
    assert found["random"].against_random is None
    assert found["margin"].against_best is None
    assert found["entropy"].against_random is not None
    assert (found["entropy"].against_random.wins, found["entropy"].against_random.losses) == (0, 3)


def test_labels_to_match_is_read_off_the_mean_curve() -> None:
    # Random ends at 0.41; at 30 labels margin has 0.45, entropy never gets there.
    (panel,) = panels(experiment())
    assert {row.name: row.labels_to_match for row in rows(panel)} == {
        "random": 40,
        "margin": 30,
        "my-policy": 30,
        "entropy": None,
    }


def test_runs_are_compared_only_where_nothing_but_strategy_and_seed_differs() -> None:
    found = panels([*experiment(), *experiment(test_size=10), *experiment(dataset="mnist")])
    assert [panel.title for panel in found] == [
        "digits, MLP, random sub-pool of 50, test size None",
        "digits, MLP, random sub-pool of 50, test size 10",
        "mnist, MLP, random sub-pool of 50",
    ]


def test_two_policies_of_one_name_stay_apart() -> None:
    other = [record("my-policy", s, [0.1] * 3, policy={"kind": "iale", "weights_sha256": "cd" * 32}) for s in range(3)]
    (panel,) = panels([*experiment(), *other])
    own = experiment()[3]["config"]["policy"]["weights_sha256"][:6]
    assert {f"my-policy ({own})", "my-policy (cdcdcd)"} <= {entry.name for entry in panel.entries}


def test_unfinished_experiments_compare_the_seeds_that_both_have(tmp_path: Path) -> None:
    records = [r for r in experiment() if (r["strategy"], r["seed"]) != ("margin", 2)]
    (panel,) = panels(records)
    margin = next(row for row in rows(panel) if row.name == "margin")
    assert margin.against_random is not None
    assert margin.against_random.difference.count == 2
    assert "has finished every seed" in write_report(write(tmp_path, records), tmp_path)


def test_the_report_is_a_page_a_figure_and_a_summary(tmp_path: Path) -> None:
    source, out = write(tmp_path / "runs", experiment()), tmp_path / "report"
    tables = write_report(source, out)
    page = (out / "report.md").read_text()
    assert "![Learning curves](curves.png)" in page
    assert "5 epochs a fit" in page
    for line in tables.splitlines():
        assert line.strip("*") in page
    header, _, first = [line for line in tables.splitlines() if line.startswith("|")][:3]
    assert "AUC − Random" in header
    assert "AUC − Margin†" in header
    assert first.startswith("| **IALE my-policy** |")
    assert "+10.00 ± 0.00" in first
    summary = storage.read_json(out / "summary.json")
    (panel,) = summary["panels"]
    assert panel["best_heuristic"] == "margin"
    assert [s["name"] for s in panel["strategies"]] == ["my-policy", "margin", "random", "entropy"]
    assert panel["strategies"][0]["mean_accuracy"] == pytest.approx([0.4, 0.5, 0.61])
    assert panel["config"]["cycle"]["subset_size"] == 50


def test_the_figure_is_drawn_and_the_same_every_time(tmp_path: Path) -> None:
    source = write(tmp_path / "runs", experiment())
    for name in ("one", "two"):
        write_report(source, tmp_path / name)
    drawn = (tmp_path / "one" / "curves.png").read_bytes()
    assert drawn == (tmp_path / "two" / "curves.png").read_bytes()
    image = np.asarray(Image.open(io.BytesIO(drawn)).convert("RGB"))
    assert min(image.shape[:2]) > 800
    crimson = np.abs(image.astype(int) - [0xD6, 0x11, 0x3F]).sum(axis=2) < 10
    assert crimson.sum() > 1000  # the policy's line


@pytest.mark.parametrize("names", [["random"], ["margin"], ["my-policy", "entropy"]])
def test_any_choice_of_strategies_can_be_reported(names: list[str], tmp_path: Path) -> None:
    records = [r for r in experiment() if r["strategy"] in names]
    assert "AUC %" in write_report(write(tmp_path, records), tmp_path)


def test_one_seed_has_no_intervals(tmp_path: Path) -> None:
    table = write_report(write(tmp_path, [r for r in experiment() if r["seed"] == 0]), tmp_path)
    assert "±" not in "".join(line for line in table.splitlines() if line.startswith("|"))
    json.loads((tmp_path / "summary.json").read_text())


def test_several_folders_make_one_report_and_runs_in_both_count_once(tmp_path: Path) -> None:
    one = write(tmp_path / "one", experiment())
    two = write(tmp_path / "two", [*experiment(), *experiment(dataset="mnist")])
    write_report([one, two], tmp_path / "report")
    summary = storage.read_json(tmp_path / "report" / "summary.json")
    assert [panel["strategies"][0]["seeds"] for panel in summary["panels"]] == [[0, 1, 2], [0, 1, 2]]


def test_a_strategy_of_ones_own_keeps_its_name() -> None:
    assert [display_name(name) for name in ("MyOwnStrategy", "random", "badge")] == ["MyOwnStrategy", "Random", "BADGE"]


def test_nothing_finished_is_said_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="holds no finished runs"):
        write_report(tmp_path, tmp_path / "report")
    assert not (tmp_path / "report").exists()


def test_runs_with_other_label_counts_are_refused(tmp_path: Path) -> None:
    records = experiment()
    records[1] = seal({**records[1], "labeled": [20, 30, 41]})
    with pytest.raises(StorageError, match="has other label counts"):
        write_report(write(tmp_path, records), tmp_path)
