"""A saved policy is a folder that can be read safely: it holds no code.

    mnist-cnn/
      weights.safetensors   the network's weights
      card.json             what it expects, where it comes from, what it was measured to do, the weights' digest

Nothing is unpickled. The card is written last and carries the digest of the weights, so a folder with a card is whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar, cast, overload

import torch
from torch import Tensor

from iale import _storage as storage
from iale._versions import versions
from iale.errors import PolicyError, StorageError
from iale.policies._digest import digest_of, weights_digest
from iale.policies._files import CARD, WEIGHTS
from iale.policies.base import Policy, PolicyCard
from iale.registry import Registry

_P = TypeVar("_P", bound=Policy)

_KINDS = Registry[type[Policy]](
    "kind of policy",
    {
        "iale": "iale.policies.iale:IalePolicy",
        "alil": "iale.policies.alil:AlilPolicy",
        "universal": "iale.policies.universal.policy:UniversalPolicy",
    },
)


def save_policy(policy: Policy, folder: Path, card: Mapping[str, object]) -> None:
    """Writes a policy's folder, which is made if it does not exist.

    ``card`` says where the policy comes from, JSON-able; see `PolicyCard`. What the policy expects is added.
    """
    storage.write_tensors(folder / WEIGHTS, policy.network.state_dict())
    digest = weights_digest(policy)
    expects = {"kind": policy.name, **policy.expects(), "weights_sha256": digest, "versions": versions()}
    storage.write_json(folder / CARD, {**card, **expects})


@overload
def load_policy(folder: Path) -> Policy: ...
@overload
def load_policy(folder: Path, cls: type[_P]) -> _P: ...
def load_policy(folder: Path, cls: type[Policy] | None = None) -> Policy:
    """Reads a policy's folder that `save_policy` wrote; ``cls`` is the class to expect, and None takes any.

    Raises:
        PolicyError: the folder holds no policy or one of another class, or the weights do not match the card.
        StorageError: a file is truncated or altered.
    """
    card = load_card(folder)
    kind = _KINDS[card["kind"]]
    if cls is not None and not issubclass(kind, cls):
        raise PolicyError(
            f"{folder} holds a policy of kind {kind.name!r}, {cls.name!r} was expected: choose another folder."
        )
    try:
        policy, digest = kind.untrained(card), str(card["weights_sha256"])
    except (KeyError, TypeError, ValueError) as error:
        raise PolicyError(
            f"the card of the policy {folder} is incomplete or wrong ({error}): restore or retrain it."
        ) from error
    weights = _read_weights(folder / WEIGHTS, digest)
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


def _read_weights(path: Path, digest: str) -> dict[str, Tensor]:
    """The weights with that digest; a card of the first version names the digest of the whole file instead."""
    weights = storage.read_tensors(path)
    return weights if digest_of({"network": weights}) == digest else storage.read_tensors(path, digest)


def load_card(folder: Path) -> PolicyCard:
    """The card of a policy's folder; raises PolicyError if the folder holds no policy."""
    if not (folder / CARD).is_file():
        inner = folder / "policy"
        hint = f"; did you mean {inner}?" if (inner / CARD).is_file() else "."
        raise PolicyError(f"{folder} is not a policy: a folder with {CARD} and {WEIGHTS} was expected{hint}")
    try:
        card = storage.read_json(folder / CARD)
    except StorageError as error:
        raise PolicyError(str(error)) from error
    kind = card.get("kind")
    if not isinstance(kind, str) or kind not in _KINDS:
        known = ", ".join(_KINDS)
        raise PolicyError(f"{folder} holds a policy of kind {kind!r}: the known ones are {known}; update iale.")
    return cast(PolicyCard, card)
