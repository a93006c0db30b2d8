"""The command that a report shows makes the same runs again."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from iale.benchmark._record_files import all_records
from iale.cli import main

SMALL = "--strategies random --seeds 1 --labeling-budget 6 --acquisition-size 2 --initial-size 4 --subset-size 10"


@pytest.mark.parametrize(("option", "rows"), [("embeddings", 60), ("geometry", 48)])
def test_it_names_a_file_by_the_path_that_was_typed(
    option: str, rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records name the file by its content, wherever it is. A later call forgets nothing of a former one."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    np.savez("mine.npz", x=rng.normal(size=(60, 5)).astype(np.float32), y=np.repeat([0, 1], 30))
    run = ["run", "--dataset", "mine.npz", *SMALL.split(), "--classifier", "linear"]
    for name in ("my one.npy", "my two.npy"):
        np.save(name, rng.normal(size=(rows, 3)).astype(np.float32))
        assert main([*run, f"--{option}", name, "--out", "results"]) == 0
    assert main(["report", "results"]) == 0
    page = Path("results/report/report.md").read_text()
    commands = [shlex.split(line.strip("` ")) for line in re.findall(r"iale run .*", page)]
    assert {command[command.index(f"--{option}") + 1] for command in commands} == {"my one.npy", "my two.npy"}
    for command in commands:
        assert main([*command[1:-1], "again"]) == 0
    first, again = ({record.key for record in all_records(Path(folder))} for folder in ("results", "again"))
    assert first == again
    assert len(first) == 2
