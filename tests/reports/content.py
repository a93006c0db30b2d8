"""Reports from records as JSON objects, with the command lines of iale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from iale.benchmark._evidence import Evidence
from iale.benchmark._experiment import Experiment
from iale.benchmark._times import by_key
from iale.reports import _panels, experiment
from iale.reports._panels import Panel
from tests.benchmark.content import parsed


def panels(records: Sequence[Mapping[str, Any]]) -> list[Panel]:
    return _panels.panels(parsed(records))


def write_bench_report(
    what: Experiment,
    records: Sequence[Mapping[str, Any]],
    times: Sequence[Mapping[str, Any]],
    out: Path,
    command: str,
    machine: dict[str, str],
) -> None:
    evidence = Evidence(parsed(records), by_key(times), {}, machine)
    experiment.write_experiment_report(what, evidence, out, command)
