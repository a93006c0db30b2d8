"""Options that were added later, and the values that older configurations imply.

A run is identified by the hash of its configuration. An option with its implied value is left out of it, so that
earlier records and policies stay valid.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_IMPLIED: Mapping[str, Any] = {
    "beside": [],
    "geometry": "built-in",
    "embeddings": None,
    "with_": None,
    "resize": [],
    "neighbors": 0,
    "model": None,
    "embedding_layer": None,
    "reinitialize": True,
    "optimizer": None,
    "loss": None,
    "l2": None,
    "training": {
        "batches": "remainder",
        "prediction_batch_size": None,
        "weight_decay": 0.0,
        "class_weights": None,
    },
}


def compact(options: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration as it is kept: without the options that have their implied values."""
    return _without(options, _IMPLIED)


def complete(options: Mapping[str, Any]) -> dict[str, Any]:
    """A kept configuration with the options that it implies."""
    return _with(options, _IMPLIED)


def _without(options: Mapping[str, Any], implied: Mapping[str, Any]) -> dict[str, Any]:
    found = {}
    for name, value in options.items():
        inner = implied.get(name, _NOTHING)
        if isinstance(inner, Mapping):
            found[name] = _without(value, inner)
        elif (list(value) if isinstance(value, tuple) else value) != inner:
            found[name] = value
    return found


def _with(options: Mapping[str, Any], implied: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(options)
    for name, value in implied.items():
        if not isinstance(value, Mapping):
            found.setdefault(name, value)
        elif name in found:
            found[name] = _with(found[name], value)
    return found


_NOTHING = object()
"""Implied by nothing, and equal to nothing."""
