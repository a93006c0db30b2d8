"""The page on averages of neighbors follows from its records."""

from __future__ import annotations

import numpy as np
import pytest

from averages_page import (
    AVERAGES,
    CHOSEN,
    GATE,
    NEW,
    ORDER,
    OTHERS,
    gains,
    gate_passes,
    gate_rise,
    kept,
    mean_rise,
    passes,
    reached,
    rises,
    runs_of,
    runs_of_texts,
    view_of,
)
from gain_tables import TITLES
from iale import _storage as storage
from iale.benchmark._evidence import read_evidence
from iale.benchmark.records import Record
from make_results import OF_AVERAGES, averaging_page, evidence_of_averages
from tests.reports.kept import assert_same_page, read


@pytest.fixture(scope="module")
def records() -> list[Record]:
    """The kept runs."""
    return list(read_evidence([OF_AVERAGES]).records)


def test_the_page_in_the_documentation_is_made_from_the_records_in_the_repository() -> None:
    assert_same_page(averaging_page(), read("docs/averages.md"))
    assert "{" not in averaging_page().replace("{0", "")


def test_the_gain_is_that_of_the_same_strategy_on_the_same_seeds(records: list[Record]) -> None:
    """Computed by hand: the mean of the recorded accuracies of each run, by seed."""
    areas = {(r.dataset, view_of(r), r.strategy, r.seed): float(np.mean(r.accuracy)) for r in records}
    for dataset in TITLES:
        by_hand = [
            value - areas[dataset, "as they are", "uherding", seed]
            for (family, view, strategy, seed), value in areas.items()
            if (family, view, strategy) == (dataset, AVERAGES, "uherding")
            and (dataset, "as they are", "uherding", seed) in areas
        ]
        found = list(rises(runs_of(records), dataset, "uherding").values())
        assert sorted(found) == pytest.approx(sorted(by_hand))
        assert len(found) >= 3


def test_what_the_page_says(records: list[Record]) -> None:
    runs = runs_of(records)
    assert passes(runs)
    assert mean_rise(runs, NEW, "uherding").mean > 0.03
    for strategy in ORDER:  # each of them, on each set
        assert all(np.mean(list(rises(runs, dataset, strategy).values())) > 0 for dataset in TITLES)
    table = gains(runs, AVERAGES)
    assert len(table.lines) == len(ORDER)
    assert len(reached(runs).lines) == len(TITLES)
    assert not passes({key: own for key, own in runs.items() if key[0] != "digits"} | swapped(records))


def test_what_the_page_says_of_students_and_choices() -> None:
    lines = storage.read_lines(OF_AVERAGES / "heads.jsonl")
    assert {line["family"] for line in lines} == set(TITLES)
    choices = []
    for dataset in TITLES:
        own = [line for line in lines if line["family"] == dataset]
        plain, other = (np.mean([line[name] for line in own]) for name in ("plain: plain", "averages: plain"))
        choices.append(100 * (other - plain))
    least, most = kept(lines)
    assert 0.3 < least < most < 1.3
    assert abs(np.mean(choices)) < 0.5  # "as well"


def test_what_the_page_says_of_texts_and_of_the_gate() -> None:
    played = evidence_of_averages()
    runs, areas = runs_of_texts(played.texts), played.gates
    topics = [np.mean([*rises(runs, task, "uherding").values()]) for task in ("libraries", "scipy")]
    assert [round(100 * float(each), 1) for each in topics] == [1.7, 2.0]
    assert round(100 * float(np.mean([*rises(runs, "languages", "uherding").values()])), 1) == -5.9
    for task in CHOSEN:  # (a) is the best, or as good as the best
        means = [np.mean([each["auc"] for each in areas[task, f"gate {errors}"].values()]) for errors in range(3)]
        assert len(areas[task, GATE]) == 3
        assert means[0] == max(means)
    for task in (*NEW, OTHERS):
        assert set(areas[task, GATE]) == set(areas[task, AVERAGES]) == set(areas[task, "as they are"]) == set(range(5))
    assert gate_passes(areas)
    # By hand, from the lines of the file.
    lines = storage.read_lines(OF_AVERAGES / "gate.jsonl")
    own = {
        view: [x["auc"] for x in lines if (x["task"], x["view"]) == (OTHERS, view)] for view in (GATE, "as they are")
    }
    found = gate_rise(areas, OTHERS, GATE, "as they are")
    assert np.mean([*found.values()]) == pytest.approx(np.mean(own[GATE]) - np.mean(own["as they are"]))
    closed = {
        key: {seed: {**line, "auc": 0.0} for seed, line in own.items()} for key, own in areas.items() if GATE in key
    }
    assert not gate_passes({**areas, **closed})


def test_the_same_runs_have_the_same_areas() -> None:
    """The gate's runs on points as they are, and on averages, are those of the other script, played once more."""
    played = evidence_of_averages()
    runs = runs_of(played.records)
    for task in NEW:
        for view in (AVERAGES, "as they are"):
            for seed, line in played.gates[task, view].items():
                assert line["auc"] == pytest.approx(
                    float(np.mean(runs[task, view, "uherding"][seed].accuracy)), abs=2e-3
                )


def swapped(records: list[Record]) -> dict[tuple[str, str, str], dict[int, Record]]:
    """The digits with averages and points as they are exchanged: worse on one set, so the rule fails."""
    runs = {key: dict(own) for key, own in runs_of(records).items() if key[0] == "digits" and "mean" not in key[1]}
    other = {AVERAGES: "as they are", "as they are": AVERAGES}
    return {(key[0], other[key[1]], key[2]): own for key, own in runs.items()}
