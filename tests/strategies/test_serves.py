"""Which strategies a state can serve."""

from __future__ import annotations

import pytest

from iale.strategies.catalog import STRATEGIES


@pytest.mark.parametrize(
    ("name", "cold", "embedded", "plain"),
    [
        # before the first label; with labels and embeddings; with labels and no embeddings
        ("random", True, True, True),
        ("margin", False, True, True),
        ("badge", False, True, False),
        ("bait", True, True, False),
        ("uherding", True, True, True),
        ("typiclust", True, True, True),
    ],
)
def test_a_state_serves_what_it_has_the_inputs_of(name: str, cold: bool, embedded: bool, plain: bool) -> None:
    strategy = STRATEGIES[name]()
    assert strategy.serves(labeled=False, embeddings=False) is cold
    assert strategy.serves(labeled=True, embeddings=True) is embedded
    assert strategy.serves(labeled=True, embeddings=False) is plain


@pytest.mark.parametrize("name", ["uherding", "bait", "typiclust"])
def test_none_compares_points_without_a_geometry(name: str) -> None:
    strategy = STRATEGIES[name]()
    assert not strategy.serves(labeled=True, embeddings=True, geometry=False)
    assert not strategy.serves(labeled=False, embeddings=False, geometry=False)
