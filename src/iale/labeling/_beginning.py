"""How a project begins or goes on: everything is checked before anything is written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from iale.labeling._views import ItemViews
from iale.labeling.items._items import Items, open_items
from iale.labeling.record._config_file import continue_config, save_config
from iale.labeling.record._names import distinct
from iale.labeling.record._same_model import remember_model
from iale.labeling.record.config import ProjectConfig
from iale.policies.catalog import find_strategy
from iale.recipe import AUTO


def begin(folder: Path, config: ProjectConfig) -> tuple[ProjectConfig, Items]:
    """Makes the configuration of a new project, and opens its samples."""
    if config.strategy != AUTO:
        find_strategy(config.strategy)  # a project that names an unknown one could never ask
    config = replace(config, classes=distinct(config.classes))
    items = open_items(config.data, resize=config.resize, table=config.table)
    config = replace(config, table=items.table)
    embeddings = ItemViews(None, config, items).embeddings
    save_config(folder, config, named=items.ids.former is not None)
    if embeddings is not None:
        remember_model(folder, embeddings, items.ids.__getitem__)
    return config, items


def go_on(folder: Path, config: ProjectConfig) -> tuple[ProjectConfig, Items]:
    """The configuration with which a project goes on, saved if it has changed, and its samples."""
    config, changed = continue_config(folder, config)
    items = open_items(config.data, resize=config.resize, table=config.table)
    embeddings = ItemViews(folder, config, items).embeddings
    if changed:
        save_config(folder, config)
    if embeddings is not None:
        remember_model(folder, embeddings, items.ids.__getitem__)
    return config, items
