"""``iale policies``: what comes with iale."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from iale._closest import did_you_mean
from iale.cli._options import parse
from iale.cli._output import table
from iale.errors import ConfigError, UnknownNameError
from iale.policies.base import PolicyCard
from iale.policies.catalog import list_policies
from iale.policies.saved import load_card


@dataclass(frozen=True)
class PoliciesOptions:
    """Lists the policies that come with iale, or shows the card of one.

    Attributes:
        name: a built-in policy, or the folder of your own; without a name, all built-in policies are listed.
    """

    name: tuple[str, ...] = field(default=(), metadata={"positional": True})


def main(argv: Sequence[str]) -> int:
    names = parse(PoliciesOptions, argv, prog="iale policies").name
    if len(names) > 1:
        raise ConfigError("iale policies shows one card at a time: name one policy.")
    policies = list_policies()
    if names:
        print(json.dumps(_card(names[0], policies), indent=2, sort_keys=True, ensure_ascii=False))
    elif policies:
        header = ("policy", "kind", "source", "classifier", "episodes", "classes", "embedding")
        print(table(header, [_row(name, card) for name, card in policies.items()]))
    else:
        print("no policy comes with this version: train one with `iale train`.")
    return 0


def _row(name: str, card: PolicyCard) -> list[str]:
    """A universal policy learned from many tasks, and fits classifiers of any shape."""
    source = (card["source"].get(key, "many") for key in ("dataset", "classifier"))
    shape = (card.get("num_classes", "any"), card.get("embedding_dim", "any"))
    return [name, *map(str, (card["kind"], *source, card.get("episodes", "many"), *shape))]


def _card(name: str, policies: dict[str, PolicyCard]) -> PolicyCard:
    if name in policies:
        return policies[name]
    if "/" in name or Path(name).is_dir():
        return load_card(Path(name).expanduser())
    known = ", ".join(policies) or "none yet"
    raise UnknownNameError(
        f"unknown policy {name!r}: {did_you_mean(name, policies)}the shipped ones are {known}; name your own policy by "
        f"its folder, ./this."
    )
