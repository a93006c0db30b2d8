"""The universal policy: one for every classifier, number of classes, and data set.

Legend of dimensions: n candidates, C classes, D embedding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, Self

import numpy as np
import torch
from torch import Tensor

from iale.errors import PolicyError
from iale.policies.base import Policy, PolicyCard
from iale.policies.universal._batches import batch_features
from iale.policies.universal._herding import learned_herding
from iale.policies.universal._network import UniversalNetwork
from iale.policies.universal._proposals import proposals
from iale.policies.universal._scene import scene_of
from iale.seeding import Stream
from iale.strategies._herd import look_at
from iale.strategies.base import Need, QueryContext

Form = Literal["herding", "selector"]
"""How a universal policy chooses: greedily with a learned plan, or among the batches that strategies propose."""

_TIED = 1e-4  # values that differ by a smaller share tie, because rounding would decide; then the first batch is taken
_LARGEST = 1000  # a batch whose samples the selector compares with each other


@dataclass(frozen=True, eq=False)
class UniversalPolicy(Policy):
    """A policy that works with every classifier, from zero labels, and on the whole pool.

    It sees numbers that mean the same everywhere: no class count and no width is part of what it reads, except that an
    accuracy that nobody knows yet is 1/C.

    - "herding" chooses greedily, as `UncertaintyHerding` does, with learned weights of the samples that are covered, a
      learned preference for those that cover, a power of BAIT's gain, a bandwidth, and a mix of the geometry with the
      classifier's embedding. Each part has a gate, which is 0 before training. So it starts as Uncertainty Herding.
    - "selector" lets strategies propose batches, from the whole pool and from a random part of 1,000, adds its own
      by "herding", and takes the batch with the highest learned value. More than 1,000 samples are chosen by "herding".

    Of more than 50,000 candidates (fewer if the geometry is wide), it looks at 20,000 random ones, as
    `UncertaintyHerding` does. "herding" takes longer.

    Attributes:
        network: of the plan and of the value.
        form: how it chooses.

    Raises:
        PolicyError: there is no such form.
    """

    name: ClassVar[str] = "universal"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.LABELED, Need.GEOMETRY, Need.TEMPERATURE, Need.FOLDS})
    starts_cold: ClassVar[bool] = True

    network: UniversalNetwork
    form: Form

    def __post_init__(self) -> None:
        # A card is read from disk, so the type of the form promises nothing.
        if self.form not in ("herding", "selector"):
            raise PolicyError(f"unknown form {self.form!r}: the known ones are herding, selector.")

    def expects(self) -> Mapping[str, object]:
        """The form."""
        return {"form": self.form}

    @classmethod
    def untrained(cls, card: PolicyCard) -> Self:
        """The policy of a card before its weights are loaded."""
        return cls(UniversalNetwork(Stream(0)), card["form"])

    def select(self, context: QueryContext, k: int, *, rng: np.random.Generator) -> Tensor:
        """int64 [k], in the order of choice; raises QueryError if an output or a point is not finite."""
        assert context.geometry is not None
        herd = look_at(context.geometry, rng)
        scene = scene_of(context, k, herd)
        with torch.no_grad():
            own = learned_herding(context, herd, scene, self.network.plan(scene.rows, scene.context), k)
            place = torch.full((len(context),), -1)
            place[herd.at] = torch.arange(len(herd.at))
            # Where nothing is left to gain, herding draws from all candidates, and not all of them are seen.
            if self.form == "herding" or k > _LARGEST or bool((place[own] < 0).any()):
                return own
            batches = torch.stack([place[own], *proposals(context, herd, k, rng)])
            values = self.network.value(batch_features(scene, batches), scene.context)
        best = int((values >= values.max() - _TIED * (1 + values.abs().max())).nonzero()[0])
        return herd.at[batches[best]]


def untrained_policy(stream: Stream, form: Form = "herding") -> UniversalPolicy:
    """The policy that training starts from; as "herding", it is Uncertainty Herding."""
    return UniversalPolicy(UniversalNetwork(stream), form)
