"""A saved policy is a folder that anyone may read and nobody can hide code in.

    mnist-cnn/
      weights.safetensors   the network's weights
      card.json             what it expects, where it comes from, what it was measured to do, and the weights' SHA-256

Nothing is unpickled. The weights are written first and the card, which carries their digest, last.
"""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, overload

import torch

from iale import _storage as storage
from iale.errors import PolicyError, StorageError
from iale.policies.base import Policy
from iale.registry import Registry

P = TypeVar("P", bound=Policy)

WEIGHTS, CARD = "weights.safetensors", "card.json"

KINDS = Registry[type[Policy]](
    "kind of policy", {"iale": "iale.policies.iale:IalePolicy", "alil": "iale.policies.alil:AlilPolicy"}
)
"""The kinds of policies by name: classes, each of which builds its policy from a card."""


def save_policy(policy: Policy, folder: Path, card: Mapping[str, Any]) -> None:
    """Writes a policy's folder.

    Args:
        policy: what to save.
        folder: made if it is not there.
        card: where it comes from (source, classifier, experts, seeds, …), JSON-able.
    """
    digest = storage.write_tensors(folder / WEIGHTS, policy.network.state_dict())
    expects = {
        "kind": policy.name,
        **policy.expects(),
        "num_classes": policy.num_classes,
        "embedding_dim": policy.embedding_dim,
        "weights_sha256": digest,
        "versions": versions(),
    }
    storage.write_json(folder / CARD, {**card, **expects})


@overload
def load_policy(folder: Path) -> Policy: ...
@overload
def load_policy(folder: Path, cls: type[P]) -> P: ...
def load_policy(folder: Path, cls: type[Policy] | None = None) -> Policy:
    """Reads a policy's folder.

    Args:
        folder: one that `save_policy` wrote.
        cls: the class of the policy; None takes any.

    Raises:
        PolicyError: there is no policy or one of another class, or the card and the weights do not belong together.
        StorageError: a file is truncated or altered.
    """
    card = load_card(folder)
    kind = KINDS[card["kind"]]
    if cls is not None and not issubclass(kind, cls):
        raise PolicyError(f"{folder} holds a policy of kind {kind.name!r}, {cls.name!r} was expected.")
    try:
        classes, width, digest = int(card["num_classes"]), int(card["embedding_dim"]), str(card["weights_sha256"])
        if classes < 2 or width < 1:
            raise ValueError(f"{classes} classes, width {width}")
        policy = kind.untrained(card, classes, width)
    except (KeyError, TypeError, ValueError) as error:
        raise PolicyError(
            f"the card of the policy {folder} is incomplete or wrong ({error}): restore or retrain it."
        ) from error
    weights = storage.read_tensors(folder / WEIGHTS, digest)
    expected = {name: tuple(value.shape) for name, value in policy.network.state_dict().items()}
    found = {name: tuple(value.shape) for name, value in weights.items()}
    if found != expected:
        raise PolicyError(
            f"the weights of the policy {folder} have shapes {found}, its card asks for {expected}: restore or "
            f"retrain it."
        )
    if not all(bool(torch.isfinite(value).all()) for value in weights.values()):
        raise PolicyError(f"the weights of the policy {folder} are not finite: retrain it.")
    policy.network.load_state_dict(weights)
    return policy


def load_card(folder: Path) -> dict[str, Any]:
    """The card of a policy's folder; raises PolicyError where there is none of a policy."""
    if not (folder / CARD).is_file():
        inner = folder / "policy"
        hint = f"; did you mean {inner}?" if (inner / CARD).is_file() else "."
        raise PolicyError(f"{folder} is not a policy: a folder with {CARD} and {WEIGHTS} was expected{hint}")
    try:
        card = storage.read_json(folder / CARD)
    except StorageError as error:
        raise PolicyError(str(error)) from error
    kind = card.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        known = ", ".join(KINDS)
        raise PolicyError(f"{folder} holds a policy of kind {kind!r}: the known ones are {known}; update iale.")
    return card


def versions() -> dict[str, str]:
    """Versions of what the numbers depend on."""
    found = {"python": platform.python_version(), "torch": torch.__version__}
    for name in ("iale", "numpy"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:  # run from the source tree
            found[name] = "unknown"
    return found
