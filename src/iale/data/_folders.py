"""Which data sets are folders of images."""

from __future__ import annotations

from pathlib import Path

from iale.data.catalog import _is_name


def is_folder(name_or_path: str | Path) -> bool:
    """Whether `load_dataset` would read a folder of images."""
    return not _is_name(name_or_path) and Path(name_or_path).is_dir()
