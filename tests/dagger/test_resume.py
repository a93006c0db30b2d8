"""A run that is killed at any moment ends with the bytes of one that was not, wherever its episodes are played."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from iale.classifiers.base import TrainingConfig
from iale.dagger._demonstrations import load_demonstrations, load_log
from iale.dagger.config import DaggerConfig, UpdateConfig
from iale.dagger.trainer import train_policy
from iale.learner import CycleConfig
from iale.policies.saved import load_card

CONFIG = DaggerConfig(
    dataset="digits",
    classifier="mlp",
    experts=("mc-dropout", "coreset", "entropy"),
    episodes=6,
    round_size=2,
    pool_size=300,
    cycle=CycleConfig(labeling_budget=50, subset_size=30, monte_carlo_passes=2, committee_size=2),
    training=TrainingConfig(epochs=2, device="cpu"),
    update=UpdateConfig(policy_epochs=3),
)
_SCRIPT = """
import sys
from pathlib import Path
from iale.classifiers.base import TrainingConfig
from iale.dagger.config import DaggerConfig, UpdateConfig
from iale.dagger.trainer import train_policy
from iale.learner import CycleConfig
from iale.policies.state import StateConfig
if __name__ == "__main__":
    train_policy({config!r}, Path(sys.argv[1]), workers=int(sys.argv[2]), progress=False)
"""


def contents(folder: Path) -> dict[str, bytes]:
    """Every file that was finished."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".tmp")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def finished(out: Path, episodes: int) -> bool:
    return len(list(out.glob("episodes/*.json"))) >= episodes


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("undisturbed")
    train_policy(CONFIG, out, progress=False)
    return contents(out)


def test_everything_is_there(undisturbed: dict[str, bytes]) -> None:
    episodes = {f"episodes/{n:04d}.{end}" for n in range(1, 7) for end in ("json", "safetensors")}
    policies = {f"{p}/{f}" for p in ("rounds/0001", "rounds/0002", "rounds/0003", "policy") for f in FILES}
    assert undisturbed.keys() == {"config.json"} | episodes | policies


FILES = ("card.json", "weights.safetensors")


@pytest.mark.slow
@pytest.mark.parametrize(("workers", "kill_at"), [(1, 3), (2, 3)])
def test_a_killed_run_goes_on_to_the_same_bytes(
    workers: int, kill_at: int, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    script, out = tmp_path / "train.py", tmp_path / "out"
    script.write_text(_SCRIPT.format(config=CONFIG))
    with subprocess.Popen([sys.executable, str(script), str(out), str(workers)]) as process:
        deadline = time.monotonic() + 200
        while not finished(out, kill_at) and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        process.kill()
    assert finished(out, kill_at)
    assert not (out / "policy" / "card.json").exists()
    left = contents(out)
    assert left.items() <= undisturbed.items()  # no half file under a final name
    train_policy(CONFIG, out, progress=False)
    assert contents(out) == undisturbed


@pytest.mark.parametrize("keep", ["", "config.json", "episodes/0001", "episodes/000", "rounds/0001"])
def test_whatever_is_lost_is_made_again(keep: str, undisturbed: dict[str, bytes], tmp_path: Path) -> None:
    """A folder with nothing, with some episodes, with all of them, with a policy but no episode after it."""
    kept = (
        ("config.json", "episodes/0001", "episodes/0002", keep) if keep.startswith("rounds") else ("config.json", keep)
    )
    for name, data in undisturbed.items():
        if keep and name.startswith(kept):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(data)
    train_policy(CONFIG, tmp_path, progress=False)
    assert contents(tmp_path) == undisturbed


def test_tensors_without_their_log_are_not_taken_for_an_episode(undisturbed: dict[str, bytes], tmp_path: Path) -> None:
    for name in ("config.json", "episodes/0001.safetensors"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(undisturbed[name] if name == "config.json" else b"half")
    train_policy(CONFIG, tmp_path, progress=False)
    assert contents(tmp_path) == undisturbed


def test_an_executor_of_ones_own(undisturbed: dict[str, bytes], tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as executor:
        train_policy(CONFIG, tmp_path, workers=2, executor=executor, progress=False)
    assert contents(tmp_path) == undisturbed


def test_more_episodes_begin_with_the_ones_there_are(undisturbed: dict[str, bytes], tmp_path: Path) -> None:
    train_policy(replace(CONFIG, episodes=2), tmp_path, progress=False)
    short = contents(tmp_path)
    train_policy(CONFIG, tmp_path, progress=False)
    card = "rounds/0001/card.json"  # tells how many episodes were asked for when it was written
    assert {**contents(tmp_path), card: undisturbed[card]} == undisturbed
    assert contents(tmp_path)[card] == short[card]


def test_episodes_played_together_are_the_same_up_to_rounding(tmp_path: Path) -> None:
    apart = train_policy(replace(CONFIG, episodes=2), tmp_path / "apart", progress=False)
    together = train_policy(replace(CONFIG, episodes=2), tmp_path / "together", together=2, progress=False)
    first, other = (load_demonstrations(path.parent, 1) for path in (apart, together))
    assert torch.allclose(first.states.logits[0], other.states.logits[0], atol=1e-4)
    assert load_log(apart.parent, 2)[0]["labeled"] == load_log(together.parent, 2)[0]["labeled"]
    assert load_card(apart)["steps"] == load_card(together)["steps"] == 6
