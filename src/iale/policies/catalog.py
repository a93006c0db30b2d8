"""Strategies by name, shipped policies among them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from iale.errors import ConfigError, UnknownNameError
from iale.policies.saved import CARD, load_card, load_policy
from iale.strategies.base import QueryStrategy
from iale.strategies.catalog import STRATEGIES

PRETRAINED = Path(__file__).parent / "pretrained"


def list_policies() -> dict[str, dict[str, Any]]:
    """The cards of the policies that come with iale, by name."""
    folders = sorted(path.parent for path in PRETRAINED.glob(f"*/{CARD}"))
    return {folder.name: load_card(folder) for folder in folders}


def find_strategy(strategy: QueryStrategy | str) -> QueryStrategy:
    """A strategy by its name, a shipped policy by its name, or the policy in a folder.

    Args:
        strategy: a strategy (returned as it is), a name, or a path; a path holds a slash or exists.

    Raises:
        UnknownNameError: there is none; the message lists the known ones.
        PolicyError, StorageError: the folder does not hold a usable policy.
    """
    if isinstance(strategy, QueryStrategy):
        return strategy
    if not isinstance(strategy, str):
        raise ConfigError(f"a strategy or the name of one was expected, not {strategy!r:.60}.")
    if strategy in STRATEGIES:
        found: QueryStrategy = STRATEGIES[strategy]()
        return found
    if (PRETRAINED / strategy / CARD).is_file():
        return load_policy(PRETRAINED / strategy)
    path = Path(strategy).expanduser()
    if "/" in strategy or path.is_dir():
        return load_policy(path)
    policies = ", ".join(path.parent.name for path in sorted(PRETRAINED.glob(f"*/{CARD}"))) or "none yet"
    raise UnknownNameError(
        f"unknown strategy or policy {strategy!r}: the strategies are {', '.join(STRATEGIES)}; the shipped "
        f"policies are {policies}; a policy of your own is named by its folder, ./like-this."
    )
