"""The state of Eq. 1: what a policy sees of one step of active learning.

    s = [ μ(M_e(D_lab)), e_lab, e_M(lab), M_e(x_i), M(x_i), g(M_e(x_i)) ]   for each candidate x_i of D_sub

Legend of dimensions: n candidates, C classes, D embedding; "…" are leading dimensions, for many states at once.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from iale.classifiers.base import Outputs
from iale.errors import ConfigError, QueryError
from iale.strategies._gradient import gradient_embeddings
from iale.strategies.base import QueryContext


@dataclass(frozen=True)
class StateConfig:
    """Which parts of Eq. 1 the policy sees (the ablations of section A.4.3 switch some off).

    Attributes:
        labeled_mean: μ(M_e(D_lab)), the mean embedding of the labeled samples; D numbers.
        label_distribution: the share of each class among the labels; C numbers.
        predicted_distribution: the share of each class among M's predictions for the labeled samples; C numbers.
        embedding: M_e(x), the candidate's own embedding; D numbers.
        prediction: M(x), the candidate's predicted class, one-hot; C numbers.
        gradient: g(M_e(x)), the candidate's gradient embedding (Ash et al. 2020); C·D numbers.
    """

    labeled_mean: bool = True
    label_distribution: bool = True
    predicted_distribution: bool = True
    embedding: bool = True
    prediction: bool = True
    gradient: bool = True

    def __post_init__(self) -> None:
        # The first three parts are equal for all candidates: alone, they could not rank them.
        if not (self.embedding or self.prediction or self.gradient):
            raise ConfigError("a state needs a per-sample part: switch on embedding, prediction or gradient.")

    def width(self, num_classes: int, embedding_dim: int) -> int:
        """The length of one candidate's row; 1,566 for C = 10 and D = 128."""
        c, d = num_classes, embedding_dim
        sizes = (d, c, c, d, c, c * d)  # in the order of the fields
        return sum(size for field, size in zip(fields(self), sizes, strict=True) if getattr(self, field.name))


@dataclass(frozen=True, eq=False)
class State:
    """One state, or many stacked, in compact form.

    The C·D gradient parts are a function of the logits and embeddings, so `encode` computes them when they are read.

    Attributes:
        labeled_mean: float32 […, D].
        label_distribution: float32 […, C], sums to 1.
        predicted_distribution: float32 […, C], sums to 1.
        embeddings: float32 […, n, D].
        logits: float32 […, n, C].
    """

    labeled_mean: Tensor
    label_distribution: Tensor
    predicted_distribution: Tensor
    embeddings: Tensor
    logits: Tensor


def observe(context: QueryContext) -> State:
    """The state of a step (Eq. 1); raises QueryError if the context has no labeled samples."""
    labeled, labels = context.labeled, context.labels
    if labeled is None or labels is None or not len(labeled):
        raise QueryError("a policy needs labeled samples, and there are none: label some first.")
    return State(
        labeled.embeddings.mean(dim=0),
        _distribution(labels, context.num_classes),
        _distribution(labeled.predictions, context.num_classes),
        context.candidates.embeddings,
        context.candidates.logits,
    )


def encode(state: State, config: StateConfig) -> Tensor:
    """The rows that a policy reads: float32 […, n, width], parts in the order of Eq. 1."""
    *leading, n, classes = state.logits.shape

    def repeat(part: Tensor) -> Tensor:
        return part.unsqueeze(-2).expand(*leading, n, part.shape[-1])

    rows = []
    for name in ("labeled_mean", "label_distribution", "predicted_distribution"):
        if getattr(config, name):
            rows.append(repeat(getattr(state, name)))  # […, n, D or C]
    if config.embedding:
        rows.append(state.embeddings)  # […, n, D]
    if config.prediction:
        rows.append(torch.nn.functional.one_hot(state.logits.argmax(dim=-1), classes).to(state.logits.dtype))
    if config.gradient:
        flat = Outputs(state.logits.flatten(0, -2), state.embeddings.flatten(0, -2))
        rows.append(gradient_embeddings(flat).reshape(*leading, n, -1))  # […, n, C·D]
    return torch.cat(rows, dim=-1)


def _distribution(labels: Tensor, num_classes: int) -> Tensor:
    counts = torch.bincount(labels, minlength=num_classes).to(torch.float64)
    return (counts / counts.sum()).to(torch.float32)
