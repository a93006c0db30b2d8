"""The benchmark as its files see it: records as JSON objects instead of parsed ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from iale.benchmark import _experiment, _judge, _play, _record_files, runner
from iale.benchmark._evidence import read_evidence
from iale.benchmark._experiment import Claim, Experiment
from iale.benchmark._experiments.catalog import EXPERIMENTS
from iale.benchmark._judge import MARGIN, Finding, Verdict
from iale.benchmark._sizes import Size
from iale.benchmark._statistics import Comparison
from iale.benchmark.records import Record

Content = dict[str, Any]
_CYCLE = {"labeling_budget": 100, "acquisition_size": 10, "initial_size": 20, "subset_size": 100}
_TRAINING = {"epochs": 5, "batch_size": 64, "learning_rate": 0.001, "device": "cpu"}
_FIELDS = {"labeled": [20], "selected": [[]], "versions": {}}


def parsed(records: Sequence[Mapping[str, Any]]) -> list[Record]:
    """Records from contents, in which what a test does not care about is filled in."""
    return [
        Record.parse(
            {
                "key": str(place),
                **_FIELDS,
                **content,
                "config": {
                    "pool_size": None,
                    "test_size": None,
                    "training": _TRAINING,
                    **content["config"],
                    "cycle": {**_CYCLE, **content["config"]["cycle"]},
                },
            }
        )
        for place, content in enumerate(records)
    ]


def contents(records: Sequence[Record]) -> list[Content]:
    return [dict(record.content) for record in records]


def run_one(*arguments: Any, **options: Any) -> Content:
    return dict(runner.run_one(*arguments, **options).content)


def read_records(path: Path) -> list[Content]:
    return contents(_record_files.read_records(path))


def all_records(folder: Path) -> list[Content]:
    return contents(_record_files.all_records(folder))


def read_runs(folders: Sequence[Path]) -> list[Content]:
    return contents(read_evidence(folders).records)


def records_of(experiment: Experiment, records: Sequence[Content]) -> list[Content]:
    return contents(_experiment.records_of(experiment, [Record.parse(content) for content in records]))


def make_record(*arguments: Any) -> Content:
    return dict(_play.make_record(*arguments).content)


def claims(size: Size) -> list[Claim]:
    return [claim for make in EXPERIMENTS.values() for claim in make(size).claims if isinstance(claim, Claim)]


def judge(claim: Claim, records: Sequence[Content]) -> tuple[Verdict, list[Finding]]:
    return _judge.judge(claim, parsed(records))


def verdict(comparison: Comparison, margin: float = MARGIN) -> str:
    """The words of a verdict name the default margin; here, the one that was asked for."""
    found = _judge.verdict(comparison, margin)
    return f"no gain over {100 * margin:g} points" if found is Verdict.NO_GAIN else found
