"""What policies have in common: a network, and for most the shape of the classifiers it was trained on."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Literal, Self, TypedDict

from torch import nn

from iale.classifiers.base import Classifier
from iale.errors import PolicyError
from iale.strategies.base import QueryStrategy


class PolicyCard(TypedDict, total=False):
    """What the card of a policy says. Only the first three are always there.

    Attributes:
        kind: "iale", "alil" or "universal".
        weights_sha256: digest of the weights, the same that records name.
        versions: of Python and of the packages that trained it.
        num_classes: C of the classifiers it fits; a universal policy fits all.
        embedding_dim: D of the classifiers it fits.
        form: "herding" or "selector", how a universal policy chooses.
        state: the parts of Eq. 1 that an IALE policy sees, by the names of `StateConfig`.
        pooling: how an ALIL policy sees the labeled samples.
        choices: candidates that an ALIL policy draws.
        source: the configuration that it was trained with.
        episodes: runs of active learning that it learned from.
        steps: demonstrations in them.
        imitated: in how many steps each expert was imitated (IALE).
        acted: in how many steps the expert and the policy acted (ALIL).
        transfer: what it was measured to do, an entry for each data set.
    """

    kind: str
    weights_sha256: str
    versions: dict[str, str]
    num_classes: int
    embedding_dim: int
    form: Literal["herding", "selector"]
    state: dict[str, bool]
    pooling: Literal["sum", "mean"]
    choices: int
    source: dict[str, object]
    episodes: int
    steps: int
    imitated: dict[str, int]
    acted: dict[str, int]
    transfer: list[dict[str, object]]


class Policy(QueryStrategy):
    """A learned strategy. Its ``name`` is the kind of policy that its card names.

    Attributes:
        network: its weights are what is saved.
    """

    network: nn.Module

    @abstractmethod
    def expects(self) -> Mapping[str, object]:
        """What `untrained` needs, JSON-able; it becomes part of the card."""

    @classmethod
    @abstractmethod
    def untrained(cls, card: PolicyCard) -> Self:
        """The policy of a card before its weights are loaded.

        Raises KeyError, TypeError or ValueError if the card lacks an entry, or an entry is not valid.
        """


class ShapedPolicy(Policy):
    """A policy for classifiers of the shape that it was trained on.

    Attributes:
        network: rows [n, width] to logits [n, 1].
        num_classes: C of the classifiers it fits.
        embedding_dim: D of the classifiers it fits.
    """

    num_classes: int
    embedding_dim: int

    def _shape(self) -> dict[str, object]:
        """The entries of a card that `_shape_of` reads."""
        return {"num_classes": self.num_classes, "embedding_dim": self.embedding_dim}

    @staticmethod
    def _shape_of(card: PolicyCard) -> tuple[int, int]:
        """C and D of a card; raises KeyError, TypeError or ValueError if it lacks them."""
        classes, width = int(card["num_classes"]), int(card["embedding_dim"])
        if classes < 2 or width < 1:
            raise ValueError(f"{classes} classes, width {width}")
        return classes, width

    def _check_fit(self, classifier: Classifier) -> None:
        self._check_shape(classifier.num_classes, classifier.embedding_dim)

    def _check_shape(self, num_classes: int, embedding_dim: int) -> None:
        if (num_classes, embedding_dim) != (self.num_classes, self.embedding_dim):
            raise PolicyError(
                f"this policy expects {self.num_classes} classes and embeddings {self.embedding_dim} wide, the "
                f"classifier has {num_classes} classes and embeddings {embedding_dim} wide: use another policy "
                f"or train one for it."
            )
