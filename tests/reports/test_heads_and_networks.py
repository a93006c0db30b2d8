"""The table of `scripts/heads_and_networks.py`, computed by hand."""

from __future__ import annotations

from pathlib import Path

from heads_and_networks import COUNTS, table
from iale import _storage as storage


def test_the_gain_of_a_network_is_paired_by_seed(tmp_path: Path) -> None:
    for seed, (head, cnn) in enumerate([(0.5, 0.6), (0.7, 0.82)]):
        line = {"dataset": "mnist", "seed": seed, "linear": [head] * len(COUNTS), "cnn": [cnn] * len(COUNTS)}
        storage.append_line(tmp_path / "records.jsonl", line)
    first = table(tmp_path / "records.jsonl").splitlines()[2]
    # Means 60 and 71; differences 10 and 12, whose mean has the standard error 1: times t(0.975; 1) = 12.71
    assert [cell.strip().split()[0] for cell in first.strip("|").split("|")] == [
        "mnist",
        "50",
        "60.00",
        "71.00",
        "+11.00",
        "2",
    ]
    assert "± 12.71" in first
