"""Every file of examples/ runs as it is, in a folder of its own, in seconds and without a network."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
LONGEST = 60  # lines


def run(example: Path, folder: Path) -> str:
    """What an example prints; without a home that holds data sets, and with a proxy that leads nowhere."""
    nowhere = {"HOME": str(folder), "XDG_CACHE_HOME": str(folder), "https_proxy": "http://127.0.0.1:9"}
    path = os.pathsep.join([str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {name: value for name, value in os.environ.items() if name != "IALE_DATA"} | nowhere
    done = subprocess.run(
        [sys.executable, "-W", "error", str(example)],
        cwd=folder,
        env=environment | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs(example: Path, tmp_path: Path) -> None:
    assert run(example, tmp_path).strip()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_short_and_says_how_to_run_it(example: Path) -> None:
    text = example.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST
    assert f"python examples/{example.name}" in text


def test_there_is_one_for_each_job() -> None:
    assert [path.stem for path in EXAMPLES] == [
        "ask_and_tell",
        "compare_strategies",
        "embeddings",
        "labeling_project",
        "own_strategy",
        "tokens",
        "train_policy",
    ]
