from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest

from iale import _storage as storage
from iale.benchmark._experiment import Experiment
from iale.errors import ConfigError, StorageError
from tests.reports.content import write_bench_report
from tests.reports.factory import experiment, times
from tests.reports.test_page import check

MACHINE = {"processor": "a processor", "cores": "2"}
Figure = Literal["curves", "overlap", "factor", "times"]


def bench(figure: Figure, factor: str | None = None) -> Experiment:
    return Experiment("fig0", "Figure 0: <a test>", "Tests & claims hold.", figure, grids=(), factor=factor)


def report(out: Path, what: Experiment, records: list[dict[str, Any]]) -> dict[str, Any]:
    write_bench_report(what, records, times(records), out, "iale bench fig0 --out <here>", MACHINE)
    text = " ".join(check((out / "report.html").read_text()).text)
    for said in ("Figure 0: <a test>", "Tests & claims hold.", "iale bench fig0 --out <here>", "processor a processor"):
        assert said in text
    assert (out / "figure.png").stat().st_size > 10_000
    assert (out / "figure.svg").read_text().endswith("</svg>\n")
    return storage.read_json(out / "summary.json")


def records_of(figure: str) -> list[dict[str, Any]]:
    few = {"iale": 0.05, "random": 0.0, "margin": 0.01}
    if figure == "overlap":
        return experiment(few, seeds=3, beside=("margin", "coreset"))
    return [r for step in (5, 20) for r in experiment(few, seeds=6, step=step, budget=100)]


@pytest.mark.parametrize(
    ("figure", "factor"),
    [
        ("curves", None),
        ("overlap", None),
        ("factor", "cycle.acquisition_size"),
        ("factor", "strategy"),
        ("times", None),
    ],
)
def test_every_kind_of_bench_has_a_page(figure: Figure, factor: str | None, tmp_path: Path) -> None:
    summary = report(tmp_path, bench(figure, factor), records_of(figure))
    assert {(v["policy"], v["against"]) for v in summary["verdicts"]} == {("iale", "random"), ("iale", "margin")}
    assert bool(summary["overlap"]) == (figure == "overlap")
    assert bool(summary["factor"]) == (factor == "cycle.acquisition_size")


def test_a_clear_gain_holds_and_its_loss_does_not(tmp_path: Path) -> None:
    gains = {"iale-good": 0.2, "iale-bad": -0.2, "random": 0.0}
    summary = report(tmp_path, bench("factor", "strategy"), experiment(gains, seeds=8))
    assert {v["policy"]: v["verdict"] for v in summary["verdicts"]} == {
        "iale-good": "holds",
        "iale-bad": "does not hold",
    }


def test_differences_by_value_are_those_of_the_panels(tmp_path: Path) -> None:
    summary = report(tmp_path, bench("factor", "cycle.acquisition_size"), records_of("factor"))
    (each,) = summary["factor"]
    by_value = {d["value"]: d["difference"] for d in each["differences"] if d["strategy"] == "iale"}
    for panel in summary["panels"]:
        policy = next(s for s in panel["strategies"] if s["name"] == "iale")
        assert by_value[panel["config"]["cycle"]["acquisition_size"]] == policy["against_random"]["difference"]


def test_what_a_figure_lacks_is_said_in_one_sentence(tmp_path: Path) -> None:
    records = experiment(seeds=1)
    for what, lines, error, said in [
        (bench("curves"), [], StorageError, "has no finished runs"),
        (bench("overlap"), records, StorageError, "recorded the choices of other strategies"),
        (bench("factor"), records, ConfigError, "names no factor"),
        (bench("times"), records, StorageError, "has been timed"),
    ]:
        with pytest.raises(error, match=said):
            write_bench_report(what, lines, [], tmp_path / "out", "", MACHINE)
    assert not (tmp_path / "out").exists()
