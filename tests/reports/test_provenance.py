"""A page says which machines made its records, from which data, and what is not known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from iale import _storage as storage
from iale.benchmark._content import seal
from iale.reports.report import write_report
from tests.reports.factory import experiment, write

FAST = {"processor": "Fast", "instructions": "AVX512", "cores": "8", "system": "Linux x86_64", "threads": "1"}
SLOW = {"processor": "Slow", "instructions": "DEFAULT", "cores": "2", "system": "Linux aarch64", "threads": "1"}
DATA = {"inputs": "ab" * 32, "labels": "cd" * 32}


def told(tmp_path: Path, records: list[dict[str, Any]], machine: dict[str, str] | None = None) -> list[str]:
    """The last lines of a report, from its page of Markdown; the page of HTML has the same."""
    folder = write(tmp_path / "runs", [seal(each) for each in records])
    if machine:
        storage.write_json(folder / "machine.json", machine)
    write_report(folder, tmp_path / "report")
    lines = (tmp_path / "report" / "report.md").read_text().rstrip().split("\n\n")[-1].splitlines()
    html = (tmp_path / "report" / "report.html").read_text()
    assert all(line.removeprefix("- ") in html for line in lines)
    assert storage.read_json(tmp_path / "report" / "summary.json")["provenance"] == [line[2:] for line in lines]
    return lines


def test_machines_are_counted_and_named_with_their_versions(tmp_path: Path) -> None:
    records = experiment({"random": 0.0, "margin": 0.01}, seeds=4)
    found = [{**each, "machine": SLOW if each["seed"] == 3 else FAST, "data": DATA} for each in records]
    found[-1]["versions"] = {"iale": "0.1.0", "torch": "2.14.0"}
    assert told(tmp_path, found, FAST) == [
        "- Made on Fast, 8 cores, AVX512, Linux x86_64, 1 thread, with iale 0.1.0, torch 2.13.0: 6 runs.",
        "- Made on Slow, 2 cores, DEFAULT, Linux aarch64, 1 thread, with iale 0.1.0, torch 2.13.0: 1 run.",
        "- Made on Slow, 2 cores, DEFAULT, Linux aarch64, 1 thread, with iale 0.1.0, torch 2.14.0: 1 run.",
        "- Fingerprint of digits: inputs abababababab, labels cdcdcdcdcdcd (8 runs).",
    ]


def test_records_of_before_are_said_to_name_neither(tmp_path: Path) -> None:
    assert told(tmp_path, experiment({"random": 0.0}, seeds=2), {"processor": "Old", "command": "make it"}) == [
        "- Made on a machine that they do not name, with iale 0.1.0, torch 2.13.0: 2 runs.",
        "- Of runs that do not name their machine, the folder says: processor Old.",
        "- Without a fingerprint of their data, because they are older than fingerprints: 2 runs.",
    ]
