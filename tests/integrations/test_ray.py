"""A real Ray on this machine gives the same bytes as this process, even if workers are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from torch import Tensor

from iale import _storage as storage
from iale._versions import versions
from iale.benchmark.grid import GridConfig
from iale.benchmark.runner import run_grids
from iale.classifiers.base import TrainingConfig
from iale.dagger.config import DaggerConfig, UpdateConfig
from iale.dagger.trainer import train_policy
from iale.errors import ConfigError, IaleError
from iale.executors import Executor, as_completed, open_executor
from iale.learner import CycleConfig
from iale.strategies.base import QueryContext
from iale.strategies.catalog import STRATEGIES
from iale.strategies.uncertainty import Margin

ray = pytest.importorskip("ray", reason="the extra `ray` is not installed")
integration = pytest.importorskip("iale.integrations.ray")

CYCLE = CycleConfig(labeling_budget=40, subset_size=30, monte_carlo_passes=2, committee_size=2)
TRAINING = TrainingConfig(epochs=2, device="cpu")
RUNS = GridConfig(
    dataset="digits", classifier="mlp", strategies=("random", "mortal"), seeds=3, test_size=50, cycle=CYCLE,
    training=TRAINING,
)  # fmt: skip
LESSONS = DaggerConfig(
    dataset="digits", classifier="mlp", experts=("mortal", "coreset"), episodes=4, round_size=2, pool_size=300,
    cycle=CYCLE, training=TRAINING, update=UpdateConfig(policy_epochs=3),
)  # fmt: skip


class Mortal(Margin):
    """Margin, but the first worker that asks it for the second time is killed."""

    name: ClassVar[str] = "mortal"

    def __init__(self, marker: Path) -> None:
        self.marker, self.queries = marker, 0

    def select(self, context: QueryContext, k: int, *, rng: np.random.Generator) -> Tensor:
        self.queries += 1
        if self.queries == 2 and not self.marker.exists():
            self.marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().select(context, k, rng=rng)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Executor]:
    """Two cores of this machine. Classes of the tests travel by value, because workers cannot import them."""
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    with open_executor(2, "ray") as executor:
        yield executor
    assert not ray.is_initialized()


@pytest.fixture
def marker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    marker = tmp_path / "killed"
    monkeypatch.setitem(STRATEGIES._entries, "mortal", lambda: Mortal(marker))
    return marker


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def fail(_: int) -> None:
    raise ConfigError("as it is.")


@pytest.mark.slow
def test_a_killed_worker_costs_time_and_no_record(cluster: Executor, marker: Path, tmp_path: Path) -> None:
    there = run_grids(RUNS, tmp_path / "there", workers=2, executor=cluster, progress=False)
    assert marker.exists()
    here = run_grids(RUNS, tmp_path / "here", progress=False)
    assert sorted(there.read_bytes().splitlines()) == sorted(here.read_bytes().splitlines())


@pytest.mark.slow
def test_a_killed_worker_costs_time_and_no_episode(cluster: Executor, marker: Path, tmp_path: Path) -> None:
    train_policy(LESSONS, tmp_path / "there", workers=2, executor=cluster, progress=False)
    assert marker.exists()
    train_policy(LESSONS, tmp_path / "here", progress=False)
    assert contents(tmp_path / "there") == contents(tmp_path / "here")


WORKER = """
import os, sys, time
from iale.integrations.ray import _end_without, _starter
os.environ["RAY_RAYLET_PID"] = str(os.getpid())
ready, say = os.pipe()
if child := os.fork():
    os.read(ready, 1)
    print(child, flush=True)
    time.sleep(300)
starter = os.getppid()
if sys.argv[1] == "late":
    os.write(say, b".")
    while os.getppid() == starter:
        time.sleep(0.001)
starter = _starter()
os.write(say, b".")
_end_without(starter)
"""


@pytest.mark.slow
@pytest.mark.parametrize("when", ["early", "late"])
def test_a_worker_ends_with_the_process_that_started_it(when: str) -> None:
    """As the workers of a Ray on this machine do, because it dies with a command that is killed.

    It may die before a worker looks for the first time, and then the worker's parent is another process already.
    """
    command = [sys.executable, "-c", WORKER, when]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
        try:
            parent.communicate(timeout=60)  # this ends when nobody holds the other end any more
        except subprocess.TimeoutExpired:
            os.kill(child, signal.SIGKILL)
            pytest.fail("the worker works on without the process that started it")


def test_ray_tells_its_workers_which_process_starts_them(cluster: Executor) -> None:
    starter, parent, told = cluster.submit(_starters).result()
    assert starter == parent == int(told)


def _starters() -> tuple[int, int, str]:
    return integration._starter(), os.getppid(), os.environ["RAY_RAYLET_PID"]


def test_a_killed_command_goes_on_to_the_same_records(cluster: Executor, tmp_path: Path) -> None:
    config = replace(RUNS, strategies=("random", "margin"), seeds=8)
    assert cluster.submit(abs, -1).result() == 1
    address = ray.get_runtime_context().gcs_address
    command = (
        f"run --out {tmp_path / 'killed'} --workers 2 --executor ray --address {address} --dataset digits "
        f"--classifier mlp --strategies random,margin --seeds 8 --test-size 50 --labeling-budget 40 --subset-size 30 "
        f"--monte-carlo-passes 2 --committee-size 2 --epochs 2 --device cpu"
    )
    records = tmp_path / "killed" / "records.jsonl"
    with subprocess.Popen([sys.executable, "-m", "iale", *command.split()], stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 240
        while len(storage.read_lines(records)) < 2 and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        process.kill()
    assert 2 <= len(storage.read_lines(records)) < 16
    run_grids(config, records.parent, workers=2, executor=cluster, progress=False)
    here = run_grids(config, tmp_path / "here", progress=False)
    assert sorted(records.read_bytes().splitlines()) == sorted(here.read_bytes().splitlines())


@pytest.mark.slow
def test_errors_come_back_as_they_are_and_a_deadly_job_ends_with_one_sentence(
    cluster: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match="as it is"):
        list(as_completed(cluster, fail, [0]))
    monkeypatch.setattr(integration, "_RETRIES", 0)
    with pytest.raises(IaleError, match="a worker process was killed"), open_executor(1, "ray") as other:
        list(as_completed(other, signal.raise_signal, [signal.SIGKILL]))
    assert ray.is_initialized()  # it was there before


def test_a_worker_with_other_versions_is_refused() -> None:
    result, error = integration._run({**versions(), "torch": "1.0"}, abs, (-1,), {})
    assert result is None
    assert isinstance(error, ConfigError)
    assert "and not 1.0: install the same versions" in str(error)


def test_an_address_where_nobody_listens_is_said_at_once() -> None:
    with pytest.raises(ConfigError, match=r"no Ray cluster at 127\.0\.0\.1:1 "):
        integration._check_reachable("127.0.0.1:1")
    integration._check_reachable("auto")


@pytest.mark.parametrize(("gpus", "workers"), [(1, 1), (1, 3), (8, 4), (8, 8), (8, 12), (3, 16)])
def test_as_many_workers_as_were_asked_for_fit_on_the_gpus(gpus: int, workers: int) -> None:
    share = integration._gpu_share(gpus, workers)
    per_gpu = int(1 / share + 1e-9)
    assert per_gpu * gpus >= workers
    assert (per_gpu - 1) * gpus < workers
