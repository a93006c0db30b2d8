"""What all policies have in common: a network, and the shape of the classifiers it was trained on."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Self

from torch import nn

from iale.classifiers.base import Classifier
from iale.errors import PolicyError
from iale.strategies.base import QueryStrategy


class Policy(QueryStrategy):
    """A strategy that was learned. It is saved and loaded by its ``name``, the kind of policy it is.

    Attributes:
        network: rows [n, width] to logits [n, 1].
        num_classes: C of the classifiers it fits.
        embedding_dim: D of the classifiers it fits.
    """

    network: nn.Module
    num_classes: int
    embedding_dim: int

    @abstractmethod
    def expects(self) -> dict[str, Any]:
        """What `untrained` has to know beside C and D, JSON-able; it goes into the policy's card."""

    @classmethod
    @abstractmethod
    def untrained(cls, card: Mapping[str, Any], num_classes: int, embedding_dim: int) -> Self:
        """The policy of a card before its weights are loaded.

        Raises:
            KeyError, TypeError, ValueError: the card lacks something, or says what cannot be.
        """

    def check(self, classifier: Classifier) -> None:
        """Raises PolicyError where the classifier's state is not the one this policy was trained on."""
        self._check_shape(classifier.num_classes, classifier.embedding_dim)

    def _check_shape(self, num_classes: int, embedding_dim: int) -> None:
        if (num_classes, embedding_dim) != (self.num_classes, self.embedding_dim):
            raise PolicyError(
                f"this policy expects {self.num_classes} classes and embeddings {self.embedding_dim} wide, the "
                f"classifier has {num_classes} classes and embeddings {embedding_dim} wide: use another policy "
                f"or train one for it."
            )
