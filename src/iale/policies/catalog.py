"""Strategies by name, including the shipped policies."""

from __future__ import annotations

from collections.abc import Set
from importlib.metadata import entry_points
from pathlib import Path

from iale._closest import did_you_mean
from iale._many import reason_of
from iale.errors import ConfigError, UnknownNameError
from iale.policies._files import CARD, PRETRAINED
from iale.policies.base import PolicyCard
from iale.policies.saved import load_card, load_policy
from iale.registry import import_object
from iale.strategies.base import Need, QueryStrategy
from iale.strategies.catalog import STRATEGIES

_GROUP = "iale.strategies"  # the entry points by which packages add strategies


def list_policies() -> dict[str, PolicyCard]:
    """The cards of the policies that come with iale, by name."""
    folders = sorted(path.parent for path in PRETRAINED.glob(f"*/{CARD}"))
    return {folder.name: load_card(folder) for folder in folders}


def find_strategy(strategy: QueryStrategy | str | Path) -> QueryStrategy:
    """Finds a strategy or a policy.

    Args:
        strategy: one of

            - a strategy, which is returned as it is,
            - the name of a strategy or of a shipped policy; packages add names by entry points of the group
              "iale.strategies",
            - ``"package.module:Class"`` for your own class, which is made without arguments,
            - the folder of a policy, as text or as a path; write a text with a slash unless the folder exists.

    Raises:
        ConfigError: the class cannot be imported or made, is not a strategy, or lacks a name or usable needs.
        UnknownNameError: the name is unknown; the message lists the known ones.
        PolicyError, StorageError: the folder does not hold a usable policy.
    """
    if isinstance(strategy, QueryStrategy):
        return _named(strategy)
    if isinstance(strategy, type):
        raise ConfigError(
            f"{strategy.__name__} is a class, and a strategy was expected: {strategy.__name__}(…) makes one."
        )
    if isinstance(strategy, Path):
        return load_policy(strategy.expanduser())
    if not isinstance(strategy, str):
        raise ConfigError(f"expected a strategy or the name of one, not {strategy!r:.60}.")
    if strategy in STRATEGIES:
        return STRATEGIES[strategy]()
    if (PRETRAINED / strategy / CARD).is_file():
        return load_policy(PRETRAINED / strategy)
    target = {entry.name: entry.value for entry in entry_points(group=_GROUP)}.get(strategy, strategy)
    if ":" in target and "/" not in target:
        return _own(target)
    path = Path(strategy).expanduser()
    if "/" in strategy or path.is_dir():
        return load_policy(path)
    shipped = [path.parent.name for path in sorted(PRETRAINED.glob(f"*/{CARD}"))]
    hint = did_you_mean(strategy, [*STRATEGIES, *shipped])
    raise UnknownNameError(
        f"unknown strategy or policy {strategy!r}: {hint}the strategies are {', '.join(STRATEGIES)}; the shipped "
        f"policies are {', '.join(shipped) or 'none yet'}; name your own policy by its folder, ./like-this, and your "
        f"own class as package.module:Class."
    )


def _own(target: str) -> QueryStrategy:
    """A strategy of the class ``module:Class``, which may be in the current folder."""
    found = import_object(target, "strategy")
    try:
        made = found() if callable(found) else found
    except Exception as error:  # the user's own code may fail in any way
        reason = reason_of(error)
        raise ConfigError(
            f"{target} cannot be made without arguments ({reason}): name a function that does."
        ) from error
    if not isinstance(made, QueryStrategy):
        raise ConfigError(
            f"{target} is of the type {type(made).__name__}, not a strategy: derive the class from QueryStrategy."
        )
    return _named(made)


def _named(strategy: QueryStrategy) -> QueryStrategy:
    """The strategy; its draws and its records need its name, and its loop needs to know what it reads."""
    kind, needs = type(strategy).__name__, strategy.needs
    if not isinstance(needs, Set) or not all(isinstance(need, Need) for need in needs):
        raise ConfigError(
            f"the strategy {kind} needs {needs!r:.60}, which is no set of iale.strategies.Need: write "
            f"needs = frozenset({{Need.GEOMETRY}}), or another of {', '.join(need.name for need in Need)}."
        )
    if not isinstance(getattr(strategy, "name", None), str):
        raise ConfigError(f"the strategy {kind} has no name: give the class one, as in name = {kind.lower()!r}.")
    return strategy
