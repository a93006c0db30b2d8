"""The state against Eq. 1, computed by hand with plain Python."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from iale.classifiers.base import Outputs
from iale.dagger._update import permute
from iale.errors import ConfigError, QueryError
from iale.policies.state import State, StateConfig, encode, observe
from iale.strategies.base import QueryContext

FIELDS = ("labeled_mean", "label_distribution", "predicted_distribution", "embedding", "prediction", "gradient")


def context(seed: int = 0, n: int = 3, classes: int = 3, dim: int = 2, labeled: int = 4) -> QueryContext:
    rng = np.random.default_rng(seed)

    def outputs(rows: int) -> Outputs:
        def draw(width: int) -> Tensor:
            return torch.from_numpy(rng.normal(size=(rows, width)).astype(np.float32))

        return Outputs(draw(classes), draw(dim))

    labels = torch.from_numpy(rng.integers(classes, size=labeled))
    return QueryContext(outputs(n), classes, outputs(labeled), labels)


def by_hand(given: QueryContext) -> list[list[float]]:
    """Eq. 1, a row for each candidate, in the order of `StateConfig`."""
    assert given.labeled is not None
    assert given.labels is not None
    classes, count = given.num_classes, len(given.labels)
    embeddings = given.labeled.embeddings.tolist()
    mean = [sum(row[d] for row in embeddings) / count for d in range(len(embeddings[0]))]
    predicted = [max(range(classes), key=row.__getitem__) for row in given.labeled.logits.tolist()]
    truth = [given.labels.tolist().count(c) / count for c in range(classes)]
    guess = [predicted.count(c) / count for c in range(classes)]
    rows = []
    for logits, h in zip(given.candidates.logits.tolist(), given.candidates.embeddings.tolist(), strict=True):
        total = sum(math.exp(value) for value in logits)
        probs = [math.exp(value) / total for value in logits]
        likely = max(range(classes), key=logits.__getitem__)
        one_hot = [float(c == likely) for c in range(classes)]
        gradient = [(probs[c] - one_hot[c]) * value for c in range(classes) for value in h]
        rows.append([*mean, *truth, *guess, *h, *one_hot, *gradient])
    return rows


@pytest.mark.parametrize("seed", range(5))
def test_state_equals_eq_1_by_hand(seed: int) -> None:
    given = context(seed)
    rows = encode(observe(given), StateConfig())
    torch.testing.assert_close(rows, torch.tensor(by_hand(given)), rtol=1e-5, atol=1e-6)


def test_width_of_the_paper() -> None:
    assert StateConfig().width(num_classes=10, embedding_dim=128) == 1566


@pytest.mark.parametrize("off", FIELDS)
def test_each_part_can_be_switched_off(off: str) -> None:
    given = context()
    sizes = dict(zip(FIELDS, (2, 3, 3, 2, 3, 6), strict=True))
    start = sum(sizes[name] for name in FIELDS[: FIELDS.index(off)])
    whole = torch.tensor(by_hand(given))
    config = StateConfig(**{off: False})
    rows = encode(observe(given), config)
    expected = torch.cat([whole[:, :start], whole[:, start + sizes[off] :]], dim=1)
    torch.testing.assert_close(rows, expected, rtol=1e-5, atol=1e-6)
    assert rows.shape[1] == config.width(3, 2)


def test_stacked_states_encode_like_single_ones() -> None:
    states = [observe(context(seed)) for seed in range(4)]
    many = State(*(torch.stack([getattr(s, name) for s in states]) for name in State.__dataclass_fields__))
    expected = torch.stack([encode(state, StateConfig()) for state in states])
    torch.testing.assert_close(encode(many, StateConfig()), expected)


def test_permuted_states_are_those_of_a_permuted_classifier() -> None:
    given = context(labeled=6)
    assert given.labeled is not None
    assert given.labels is not None
    units, classes = torch.tensor([1, 0]), torch.tensor([2, 0, 1])

    def renamed(outputs: Outputs) -> Outputs:
        return Outputs(outputs.logits[:, classes], outputs.embeddings[:, units])

    labels = torch.tensor([classes.tolist().index(int(y)) for y in given.labels])
    other = QueryContext(renamed(given.candidates), 3, renamed(given.labeled), labels)
    state = observe(given)
    many = State(*(getattr(state, name)[None] for name in State.__dataclass_fields__))
    found = encode(permute(many, units[None], classes[None]), StateConfig())[0]
    torch.testing.assert_close(found, encode(observe(other), StateConfig()))


def test_a_state_needs_labels_and_a_sample_part() -> None:
    with pytest.raises(QueryError, match="label some first"):
        observe(QueryContext(context().candidates, 3))
    with pytest.raises(ConfigError, match="per-sample"):
        StateConfig(embedding=False, prediction=False, gradient=False)
