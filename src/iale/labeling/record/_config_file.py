"""The file of a project's configuration."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from iale import _storage as storage
from iale._typed import as_flag, as_typed
from iale.classifiers.base import TrainingConfig
from iale.data._table_before import as_before
from iale.data.table_config import TableConfig
from iale.errors import ConfigError, DataError, StorageError
from iale.labeling.record.config import ProjectConfig

_CONFIG = "project.json"
_FIXED = ("resize", "test_share", "twice_share", "seed")  # other values would spoil what was drawn so far


def has_config(folder: Path) -> bool:
    """Whether a folder holds a project."""
    return (folder / _CONFIG).exists()


def continue_config(folder: Path, config: ProjectConfig) -> tuple[ProjectConfig, bool]:
    """The configuration with which the project in ``folder`` goes on, and whether it has changed.

    Its classes stay, and so do its embeddings unless others are named.
    """
    before = load_config(folder)
    if before.data.exists() and config.data.resolve() != before.data.resolve():
        raise ConfigError(f"{folder} is the project of {before.data}, not of {config.data}: name another folder.")
    for name in _FIXED:
        if getattr(before, name) != getattr(config, name):
            asked = f"{as_flag(name)} {as_typed(getattr(before, name))}"
            raise ConfigError(
                f"{folder} was made with {asked}, which cannot change: give the same, or name another folder."
            )
    try:
        table = before.table.then(config.table)
    except ConfigError as error:
        raise ConfigError(f"{folder}: {error}") from None
    embeddings = config.embeddings or before.embeddings
    own = embeddings is None and config.model is None
    with_ = config.with_ or (before.with_ if own else None)
    now = dataclasses.replace(config, classes=before.classes, table=table, embeddings=embeddings, with_=with_)
    moved = config.data.resolve() != before.data.resolve()
    return now, moved or now != dataclasses.replace(before, data=config.data)


def save_config(folder: Path, config: ProjectConfig, *, named: bool | None = None) -> None:
    """Writes the configuration; the path of the data is stored twice, absolute and relative to the project.

    ``named`` says whether the samples of a new project are drawn by their names (`drawn_by_name`); it never changes.
    """
    data = config.data.resolve()
    values = {**dataclasses.asdict(config), "data": str(data), "beside": os.path.relpath(data, folder.resolve())}
    if config.embeddings is not None:
        path = config.embeddings.resolve()
        values |= {"embeddings": str(path), "embeddings_beside": os.path.relpath(path, folder.resolve())}
    values["named"] = drawn_by_name(folder) if named is None else named
    storage.write_json(folder / _CONFIG, values)


def drawn_by_name(folder: Path) -> bool:
    """Whether the test share of a project is drawn by the names of rows, and not by their contents.

    Projects were once drawn by the contents. They stay so: another draw would hold samples that a strategy has passed
    over, and the accuracy on it would be biased.
    """
    return bool(storage.read_json(folder / _CONFIG).get("named", False))


def opened_config(folder: Path, data: Path | None = None) -> ProjectConfig:
    """As `load_config`, for whoever needs the samples; raises DataError if they are not where they were."""
    config = load_config(folder, data)
    if data is None and not config.data.exists():
        raise DataError(
            f"{folder} is a project, but its samples are not at {config.data}: put them back, or start "
            f"`iale label DATA --out {folder}` once with their new place."
        )
    return config


def load_config(folder: Path, data: Path | None = None) -> ProjectConfig:
    """The configuration of a project.

    ``data`` says where its samples are now; by default where they were, or at the same place relative to the project.
    """
    if not (folder / _CONFIG).is_file():
        raise StorageError(f"{folder} is not a labeling project: `iale label DATA --out {folder}` makes one.")
    values = storage.read_json(folder / _CONFIG)
    try:
        del values["schema"]
        values.pop("named", None)
        beside = folder / values.pop("beside")
        place = data or Path(values["data"])
        values["data"] = place if place.exists() or not beside.exists() else beside
        given, moved = values.pop("embeddings", None), folder / values.pop("embeddings_beside", "")
        if given is not None:
            values["embeddings"] = moved if moved.exists() and not Path(given).exists() else Path(given)
        for name in ("classes", "resize"):
            values[name] = tuple(values[name])
        values.setdefault("neighbors", 0)  # projects of before did not average
        values["training"] = TrainingConfig(**values["training"])
        values["table"] = TableConfig(**values["table"]) if "table" in values else as_before(values["data"])
        return ProjectConfig(**values)
    except (KeyError, TypeError) as error:
        raise StorageError(
            f"{folder / _CONFIG} is not the file of a labeling project ({error}): restore it."
        ) from error
