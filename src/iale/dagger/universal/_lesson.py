"""What a policy learns after a round, and what its card says."""

from __future__ import annotations

from pathlib import Path

from iale._storage import JsonObject
from iale.dagger.universal.config import UniversalConfig
from iale.errors import ConfigError
from iale.policies.universal import UniversalPolicy


def learn(config: UniversalConfig, out: Path, number: int) -> tuple[UniversalPolicy, JsonObject]:
    raise ConfigError("the round has been played, and the next version learns from it: run the same command then.")
