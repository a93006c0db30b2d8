"""What the policies of an experiment cost before they choose anything, as policies.json says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from iale import _storage as storage
from iale.errors import StorageError

COSTS = "policies.json"


@dataclass(frozen=True)
class PolicyCost:
    """What one policy cost.

    Attributes:
        kind: "iale" or "alil".
        source: the data set that it was trained on.
        classifier: the classifier that it watched.
        episodes: runs of active learning that it learned from.
        steps: acquisitions in all episodes.
        fits_at_most: fits of the classifier, an upper bound.
        source_labels_at_most: labels of the source that the episodes and the scoring set used, an upper bound.
        seconds: wall time of the training; None if it was not measured.
        weights_sha256: SHA-256 of its weights, as records name it.
    """

    kind: str
    source: str
    classifier: str
    episodes: int
    steps: int
    fits_at_most: int
    source_labels_at_most: int
    seconds: float | None
    weights_sha256: str | None


def read_costs(folder: Path) -> dict[str, PolicyCost]:
    """The costs of the policies that were trained in a folder, by name; empty if there are none.

    Raises:
        StorageError: the file is damaged.
    """
    path = folder / COSTS
    if not path.exists():
        return {}
    try:
        found = storage.read_json(path)["policies"]
        names = PolicyCost.__dataclass_fields__
        return {policy: PolicyCost(**{name: cost[name] for name in names}) for policy, cost in found.items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise StorageError(f"{path} does not list the costs of policies ({error}): delete it.") from error
