"""Strategies by name, shipped policies among them."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from iale.errors import ConfigError, UnknownNameError
from iale.policies.saved import CARD, load_card, load_policy
from iale.registry import import_object
from iale.strategies.base import QueryStrategy
from iale.strategies.catalog import STRATEGIES

PRETRAINED = Path(__file__).parent / "pretrained"
GROUP = "iale.strategies"
"""The entry points by which packages add strategies."""


def list_policies() -> dict[str, dict[str, Any]]:
    """The cards of the policies that come with iale, by name."""
    folders = sorted(path.parent for path in PRETRAINED.glob(f"*/{CARD}"))
    return {folder.name: load_card(folder) for folder in folders}


def find_strategy(strategy: QueryStrategy | str) -> QueryStrategy:
    """A strategy by its name, a shipped policy by its name, the policy in a folder, or a class of your own.

    Args:
        strategy: a strategy (returned as it is); a name, which a package may add as an entry point of the group
            "iale.strategies"; ``"package.module:Class"``, made without arguments; or a path, which holds a slash or
            exists.

    Raises:
        ConfigError: the class cannot be imported or made, or it is no strategy.
        UnknownNameError: there is none; the message lists the known ones.
        PolicyError, StorageError: the folder does not hold a usable policy.
    """
    if isinstance(strategy, QueryStrategy):
        return strategy
    if not isinstance(strategy, str):
        raise ConfigError(f"a strategy or the name of one was expected, not {strategy!r:.60}.")
    if strategy in STRATEGIES:
        return STRATEGIES[strategy]()
    if (PRETRAINED / strategy / CARD).is_file():
        return load_policy(PRETRAINED / strategy)
    target = {entry.name: entry.value for entry in entry_points(group=GROUP)}.get(strategy, strategy)
    if ":" in target and "/" not in target:
        return _own(target)
    path = Path(strategy).expanduser()
    if "/" in strategy or path.is_dir():
        return load_policy(path)
    policies = ", ".join(path.parent.name for path in sorted(PRETRAINED.glob(f"*/{CARD}"))) or "none yet"
    raise UnknownNameError(
        f"unknown strategy or policy {strategy!r}: the strategies are {', '.join(STRATEGIES)}; the shipped "
        f"policies are {policies}; a policy of your own is named by its folder, ./like-this, a class as "
        f"package.module:Class."
    )


def _own(target: str) -> QueryStrategy:
    """A strategy of the class ``module:Class``; modules of the current folder are found, too."""
    found = import_object(target, "strategy")
    try:
        made = found() if callable(found) else found
    except TypeError as error:
        raise ConfigError(f"{target} cannot be made without arguments ({error}): name a function that does.") from error
    if not isinstance(made, QueryStrategy):
        raise ConfigError(f"{target} is no strategy but {type(made).__name__}: derive a class from QueryStrategy.")
    return made
