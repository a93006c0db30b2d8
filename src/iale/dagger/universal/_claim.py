"""A folder holds one run: its configuration, and the fingerprints of its sources."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from iale import _storage as storage
from iale.dagger.universal.config import UniversalConfig
from iale.data._contents import fingerprint_of
from iale.data.catalog import load_dataset
from iale.errors import ConfigError, DataError


def claim(config: UniversalConfig, out: Path) -> None:
    """Writes the configuration and the fingerprints of the sources to the folder.

    As long as nothing has been learned, another way to learn may be chosen for the same states.

    Raises ConfigError if another run lives there, and DataError if it was made from other data.
    """
    path, resolved = out / "config.json", asdict(config)
    data = {name: fingerprint_of(load_dataset(name)).content() for name in config.used_sources}
    if path.exists():
        former = storage.read_json(path)
        other = set() if (out / "rounds").exists() else {"fit"}
        if _but(former.get("config"), other) != _but(resolved, other):
            raise ConfigError(f"{out} holds a run with another configuration: choose another folder or delete it.")
        for name, found in data.items():
            if former.get("data", {}).get(name) != found:
                raise DataError(
                    f"{out} holds a run that learned from other data than what {name} has now: put the former data "
                    f"back, or choose another folder."
                )
    storage.write_json(path, {"config": resolved, "data": data})


def _but(options: object, left_out: set[str]) -> str:
    """A configuration as text, without some of its options."""
    if not isinstance(options, dict):
        return ""
    return storage.to_json({name: value for name, value in options.items() if name not in left_out})
