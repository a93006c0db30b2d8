"""A universal policy is trained: the same bytes again, after a kill, and in other processes."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from iale.cli import main
from iale.dagger.universal import UniversalConfig, UniversalFitConfig, train_universal
from iale.dagger.universal._files import load_log, load_states
from iale.dagger.universal._proposals import EXPERTS
from iale.dagger.universal._states import play_task
from iale.dagger.universal._tasks import draw_task
from iale.errors import ConfigError, DataError, StorageError
from iale.policies.saved import load_card, load_policy
from iale.policies.universal import UniversalPolicy
from iale.policies.universal._batches import batch_features
from iale.policies.universal._network import UniversalNetwork
from iale.seeding import Stream

CONFIG = UniversalConfig(
    sources=("digits",),
    states=8,
    states_per_task=2,
    rounds=2,
    mlp=0.0,
    proposals=13,
    redraws=2,
    scoring_size=150,
    fit=UniversalFitConfig(epochs=2, apart=0.5),
)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("universal")
    train_universal(CONFIG, folder, progress=False)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_run_that_was_killed_ends_with_the_same_bytes(out: Path, tmp_path: Path) -> None:
    shutil.copytree(out, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "policy")
    shutil.rmtree(tmp_path / "run" / "rounds" / "2")
    for name in ("00003.json", "00004.json", "00004.safetensors"):
        (tmp_path / "run" / "tasks" / name).unlink()  # a log is written last
    train_universal(CONFIG, tmp_path / "run", progress=False)
    assert contents(tmp_path / "run") == contents(out)


def test_tasks_that_are_played_side_by_side_are_the_same(out: Path, tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as executor:
        train_universal(CONFIG, tmp_path, workers=2, executor=executor, progress=False)
    assert contents(tmp_path) == contents(out)


def test_the_policy_is_one_and_its_card_says_what_it_learned(out: Path) -> None:
    policy, card = load_policy(out / "policy", UniversalPolicy), load_card(out / "policy")
    assert policy.form == "selector"
    assert float(policy.network.row_std.mean()) != 1
    assert card["steps"] == 8
    assert card["source"]["held_out"] == []
    text = json.loads((out / "policy" / "card.json").read_text())
    assert text["tasks"] == 4
    assert -1 <= text["value"]["after"] <= 1
    assert text["choice"]["uherding"] == 0
    assert sum(text["best"].values()) > 0


def test_states_of_a_cnn_are_judged_and_kept() -> None:
    config = replace(CONFIG, cnn=1.0, states_per_task=1, proposals=11)
    task = draw_task(config, 2)
    played = play_task(config, UniversalNetwork(Stream(0)), 2)
    assert task.classifier == "cnn"
    (state,) = played.log["states"]
    values = played.tensors["0.values"]
    assert values.shape == (len(state["makers"]), 2)
    assert bool(torch.isfinite(values).all())
    assert float(values.std()) > 0


def test_kept_states_are_what_was_seen(out: Path) -> None:
    task, log = draw_task(CONFIG, 1), load_log(out, 1)
    for state, entry in zip(load_states(out, 1), log["states"], strict=True):
        assert len(state.batches) == len(state.values) == len(entry["makers"]) == 13
        assert state.batches.shape[1] == task.size
        assert len(state.scene) == task.pool - entry["labeled"]
        assert len(state.scene.labeled_geometry) == entry["labeled"]
        assert torch.allclose(state.features, batch_features(state.scene, state.batches), atol=5e-3)
        assert entry["best"] == entry["makers"][int(state.values.mean(dim=1).argmax())]
        assert {name for names in entry["makers"] for name in names} >= {"policy", *EXPERTS}
        assert len({tuple(sorted(batch.tolist())) for batch in state.batches}) == 13


@pytest.mark.slow
def test_an_mlp_and_a_start_from_nothing_are_played() -> None:
    config = replace(CONFIG, mlp=1.0, proposals=12, states_per_task=1, synthetic=1.0)
    cold = next(number for number in range(1, 60) if not len(draw_task(config, number).first))
    played = play_task(config, UniversalNetwork(Stream(0)), cold)
    assert played.log["states"][0]["labeled"] == 0
    assert played.tensors["0.values"].shape == (12, 2)
    assert played.tensors["0.embedding"].shape == (0, 0)
    warm = next(number for number in range(1, 60) if len(draw_task(config, number).first) > 4)
    tensors = play_task(config, UniversalNetwork(Stream(0)), warm).tensors
    assert "embedding" not in tensors
    assert len(tensors["0.embedding"]) == draw_task(config, warm).pool


def test_another_configuration_needs_another_folder(out: Path) -> None:
    with pytest.raises(ConfigError, match="another configuration: choose another folder"):
        train_universal(replace(CONFIG, redraws=3), out, progress=False)
    with pytest.raises(ConfigError, match="another configuration"):
        train_universal(replace(CONFIG, fit=UniversalFitConfig(epochs=3, apart=0.5)), out, progress=False)


def test_other_data_need_another_folder(out: Path, tmp_path: Path) -> None:
    shutil.copytree(out, tmp_path / "run")
    path = tmp_path / "run" / "config.json"
    path.write_text(path.read_text().replace('"labels": "', '"labels": "0'))
    with pytest.raises(DataError, match="learned from other data than what digits has now"):
        train_universal(CONFIG, tmp_path / "run", progress=False)


def test_states_of_another_version_are_refused(out: Path, tmp_path: Path) -> None:
    shutil.copytree(out, tmp_path / "run")
    path = tmp_path / "run" / "tasks" / "00001.json"
    path.write_text(path.read_text().replace('"columns": "', '"columns": "0'))
    with pytest.raises(StorageError, match="played by another version of iale: delete it"):
        list(load_states(tmp_path / "run", 1))


def test_the_help_names_the_other_policy(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--help"]) == 0
    assert "--policy universal --help" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--policy", "magic"], "--policy takes iale or universal, not 'magic'."),
        (["--policy"], "--policy takes iale or universal, not ''."),
        (["--policy", "universal", "--episodes", "3"], "does not know '--episodes'"),
        (["--policy=universal", "--out", "x", "--states", "2", "--rounds", "3"], "tasks do not fill 3 rounds"),
        (["--policy=universal", "--out", "x", "--states", "40", "--rounds", "2"], "of 3 tasks, too few to set"),
        (["--policy=universal"], "needs --out"),
    ],
)
def test_the_command_says_what_is_wrong(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
