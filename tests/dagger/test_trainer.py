"""What a run's folder accepts."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import pytest

from iale._implied import compact
from iale.classifiers.base import TrainingConfig
from iale.dagger._rounds import claim, episodes_of
from iale.dagger.config import DaggerConfig
from iale.data._made_from import DataFingerprint
from iale.errors import ConfigError
from iale.policies.catalog import list_policies

SOURCE = DataFingerprint("ab", "cd")


def test_rounds_share_out_the_episodes() -> None:
    config = DaggerConfig(episodes=7, round_size=3)
    assert [list(episodes_of(config, number)) for number in (1, 2, 3)] == [[1, 2, 3], [4, 5, 6], [7]]


def test_a_folder_holds_one_run(tmp_path: Path) -> None:
    config = DaggerConfig(episodes=4, round_size=2)
    claim(config, tmp_path, SOURCE)
    claim(config, tmp_path, SOURCE)
    with pytest.raises(ConfigError, match="another configuration"):
        claim(replace(config, seed=1), tmp_path, SOURCE)


def test_a_run_of_full_rounds_may_grow(tmp_path: Path) -> None:
    claim(DaggerConfig(episodes=4, round_size=2), tmp_path, SOURCE)
    claim(DaggerConfig(episodes=7, round_size=2), tmp_path, SOURCE)
    with pytest.raises(ConfigError, match="do not fill rounds of 2"):
        claim(DaggerConfig(episodes=8, round_size=2), tmp_path, SOURCE)


def test_a_configuration_has_the_keys_of_the_shipped_policies() -> None:
    """A folder of an earlier version is claimed by comparing its JSON, so no key may come, go or move."""

    def keys(value: object) -> object:
        return {name: keys(inner) for name, inner in value.items()} if isinstance(value, dict) else None

    for card in list_policies().values():
        training = TrainingConfig(batches="remainder")
        assert keys(card["source"]) == keys(compact(asdict(DaggerConfig(training=training))))
