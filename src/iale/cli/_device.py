"""What a command does without the device that was asked for."""

from __future__ import annotations

from iale.classifiers.base import resolve_device
from iale.errors import ConfigError


def no_device(name: str) -> str:
    """Why nothing can be fitted on this machine; empty if its device is there."""
    try:
        resolve_device(name)
    except ConfigError as error:
        return str(error)
    return ""
