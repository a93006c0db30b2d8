from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from iale import _storage as storage
from iale.benchmark._experiment import Experiment
from iale.benchmark._experiments.catalog import EXPERIMENTS
from iale.benchmark._play import describe_run
from iale.benchmark._record_files import RECORDS, pack
from iale.errors import StorageError
from iale.learner import Step
from iale.reports._times import TIMES_NOTE
from make_results import RECORDS as KEPT
from make_results import page_of
from tests.benchmark.content import make_record
from tests.reports.kept import SIZE, assert_same_page, read

GAIN = {"margin": 0.02, "mnist-mlp-short": 0.04}


def played(bench: Experiment, seeds: int = 10) -> list[dict[str, Any]]:
    """Records of a bench whose strategies differ from Random by `GAIN`, and by noise."""
    records = []
    for config in bench.grids:
        for name, pool, seed in config.runs():
            if seed >= seeds:
                continue
            described = describe_run(config, name, None, pool, seed)
            if name in bench.policies:
                described["policy"] = {"kind": "iale", "weights_sha256": f"{len(name):064d}"}
            noise = np.random.default_rng([seed, len(name)]).normal(scale=0.002, size=3)
            level = 0.6 + 0.05 * seed / 10 + GAIN.get(name, 0.0)
            steps = [Step(20 + 10 * i, float(level + 0.1 * i + noise[i]), tuple(range(10))) for i in range(3)]
            records.append(make_record(described, steps))
    return records


def write(folder: Path, records: list[dict[str, Any]]) -> Path:
    for record in records:
        storage.append_line(folder / RECORDS, record)
    return folder


def test_the_page_judges_what_was_run_and_says_what_was_not(tmp_path: Path) -> None:
    page = page_of(write(tmp_path, played(EXPERIMENTS["schedule"](SIZE))), SIZE, "images")
    verdicts = {line.split("|")[1].strip(): line.split("|")[3].strip() for line in page.splitlines() if "|" in line}
    assert verdicts["the fixed schedule is better than the exponential one"] == "holds"
    assert verdicts["the policy is better than Margin"] == "holds"  # the same runs decide it
    assert verdicts["IALE is better than ALIL"] == "not run"
    assert re.search(r"80 of \d,\d{3} runs", page)
    assert verdicts["a run with IALE takes about 1.05 times as long as one with Random"] == "not run"
    assert "![Section A.2.1: a fixed and an exponential schedule of DAgger](images/schedule.svg)" in page
    assert "Not run at this size yet." in page


@pytest.mark.parametrize(
    ("ratios", "verdict"), [((1.02, 1.08), "holds"), ((0.9, 1.2), "undecided"), ((1.2, 1.4), "does not hold")]
)
def test_times_are_judged_by_all_seeds_and_doubted(ratios: tuple[float, float], verdict: str, tmp_path: Path) -> None:
    records = played(EXPERIMENTS["runtime"](SIZE), seeds=5)
    write(tmp_path, records)
    for record in records:
        ratio = (*ratios, *ratios, sum(ratios) / 2)[record["seed"]] if record["strategy"] == "mnist-cnn" else 1.0
        line = {"key": record["key"], "seconds": 10 * ratio, "fit_seconds": 9.0, "query_seconds": 0.5}
        storage.append_line(tmp_path / "times.jsonl", line)
    page = page_of(tmp_path, SIZE, "images")
    row = next(line for line in page.splitlines() if line.startswith("| a run with IALE takes"))
    assert [cell.strip() for cell in row.split("|")[3:6]] == [
        verdict,
        f"{ratios[0]:.2f} … {ratios[1]:.2f} over the seeds",
        f"median {sum(ratios) / 2:.2f} ×",
    ]
    assert TIMES_NOTE in page


def test_plain_packed_or_in_another_order_the_page_is_the_same(tmp_path: Path) -> None:
    records = played(EXPERIMENTS["schedule"](SIZE))
    page = page_of(write(tmp_path / "plain", records), SIZE, "images")
    assert page_of(write(tmp_path / "turned", records[::-1]), SIZE, "images") == page
    pack(tmp_path / "turned")
    assert page_of(tmp_path / "turned", SIZE, "images") == page


def test_what_people_think_of_it_stands_in_the_page(tmp_path: Path) -> None:
    write(tmp_path, played(EXPERIMENTS["schedule"](SIZE), seeds=2))
    (tmp_path / "reading.md").write_text("## Reading it\n\nNothing new.\n")
    assert "## Reading it\n\nNothing new.\n\n## What the sub-pool" in page_of(tmp_path, SIZE, "images")


def test_an_altered_record_is_refused(tmp_path: Path) -> None:
    record = played(EXPERIMENTS["schedule"](SIZE), seeds=1)[0]
    record["accuracy"][0] += 0.01
    (tmp_path / RECORDS).write_text(json.dumps(record) + "\n")
    with pytest.raises(StorageError, match="line 1, does not fit its digest"):
        page_of(tmp_path, SIZE, "images")


def test_the_page_in_the_documentation_is_made_from_the_records_in_the_repository() -> None:
    assert_same_page(page_of(KEPT, SIZE, "images/results"), read("docs/results.md"))
