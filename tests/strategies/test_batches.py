"""The strategies that build on others or draw: each choice against a slow reference, for the same draws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from iale import testing as slow
from iale.classifiers.base import Outputs
from iale.geometry.points import Points
from iale.seeding import Stream
from iale.strategies import Power, Refine
from iale.strategies._k_means import k_means
from iale.strategies.alfamix import AlfaMix
from iale.strategies.base import QueryContext
from iale.strategies.dropquery import DropQuery
from iale.strategies.tcm import TCM
from iale.testing import make_context, reference
from iale.testing._reference_batches import Member
from tests.strategies.fixed import Fixed

SEEDS = range(8)


def _rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def _clusters(rng: np.random.Generator, *, unit: bool) -> Callable[[list[list[float]], int], list[int]]:
    def clusters(rows: list[list[float]], k: int) -> list[int]:
        points = Points(torch.tensor(rows, dtype=torch.float32), torch.arange(len(rows)))
        return k_means(points, k, rng, unit=unit)[0].tolist()

    return clusters


@pytest.mark.parametrize("form", ["power", "softmax", "softrank"])
@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0, 3.0])
def test_power(form: Any, beta: float) -> None:
    """Half of the scores are rounded, so some tie, and some are 0."""
    for seed in SEEDS:
        scores = _rng(seed).random(30)
        scores[::2] = scores[::2].round(1)
        strategy = Power(Fixed(scores.tolist()), form=form, beta=beta)
        for k in (1, 7, 30):
            expected = slow.power(scores.tolist(), k, _rng(seed), form, beta)
            assert strategy.query(make_context(30), k, rng=_rng(seed)).tolist() == expected


@pytest.mark.parametrize("labeled", [0, 3, 11, 12, 40])
def test_tcm(labeled: int) -> None:
    for seed in SEEDS:
        context = make_context(n=60, num_classes=4, dim=3, labeled=labeled, seed=seed)
        assert context.geometry is not None
        assert context.labeled_geometry is not None
        for k in (1, 5):
            rng = _rng(seed)
            points = torch.cat([context.labeled_geometry.read(), context.geometry.read()])
            expected = slow.tcm(context.candidates.logits, points, k, rng, _clusters(rng, unit=False))
            assert TCM().query(context, k, rng=_rng(seed)).tolist() == expected


def _linear(seed: int) -> tuple[QueryContext, tuple[Tensor, Tensor]]:
    """A context of a linear layer, and its weights [C, D] and bias [C]."""
    context = make_context(70, 4, 5, 12, seed=seed)
    generator = Stream(seed, ("layer",)).torch()
    weights, bias = torch.randn(4, 5, generator=generator), torch.randn(4, generator=generator)
    assert context.labeled is not None
    own, known = context.candidates.embeddings, context.labeled.embeddings
    outputs = [Outputs(rows @ weights.T + bias, rows) for rows in (own, known)]
    return replace(context, candidates=outputs[0], labeled=outputs[1]), (weights, bias)


def _may_be(chosen: list[int], steps: list[list[int]]) -> bool:
    return len(chosen) == len(steps) and all(each in step for each, step in zip(chosen, steps, strict=True))


@pytest.mark.parametrize(("k", "many"), [(1, 25_000), (6, 25_000), (25, 25_000), (70, 25_000), (6, 20)])
def test_dropquery(k: int, many: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("iale.strategies.dropquery._MANY", many)
    for seed in SEEDS:
        context, layer = _linear(seed)
        chosen, rng = DropQuery().query(context, k, rng=_rng(seed)).tolist(), _rng(seed)
        steps = slow.dropquery(context.candidates.embeddings, layer, chosen, rng, _clusters(rng, unit=True), many)
        assert _may_be(chosen, steps)


@pytest.mark.parametrize("k", [1, 6, 25, 70])
def test_alfamix(k: int) -> None:
    for seed in SEEDS:
        context, layer = _linear(seed)
        assert context.labeled is not None
        assert context.labels is not None
        known = context.labeled.embeddings, context.labels.tolist()
        chosen, rng = AlfaMix().query(context, k, rng=_rng(seed)).tolist(), _rng(seed)
        steps = slow.alfamix(context.candidates.embeddings, layer, known, chosen, rng, _clusters(rng, unit=True))
        assert _may_be(chosen, steps)


def _members(context: QueryContext, rng: np.random.Generator) -> dict[str, Member]:
    """Slow versions of four members, and of the draws that each makes."""
    logits, embeddings = context.candidates.logits, context.candidates.embeddings
    known = torch.zeros(0, embeddings.shape[1]) if context.labeled is None else context.labeled.embeddings

    def by(score: list[float]) -> Member:
        def member(part: list[int], k: int) -> list[int]:
            ties = rng.random(len(part)).tolist()
            return [part[at] for at in sorted(range(len(part)), key=lambda at: (-score[part[at]], ties[at]))[:k]]

        return member

    return {
        "margin": by(reference.margin(logits)),
        "entropy": by(reference.entropy(logits)),
        "badge": lambda part, k: [part[at] for at in reference.badge(logits[part], embeddings[part], k, rng)],
        "coreset": lambda part, k: [part[at] for at in reference.coreset(embeddings[part], known, k, rng)],
    }


@pytest.mark.parametrize(
    ("names", "last", "k", "rounds", "parts"),
    [
        (("margin", "entropy", "badge", "coreset"), "coreset", 2, 5, 3),
        (("coreset", "margin"), "badge", 3, 2, 2),
        (("margin",), "entropy", 2, 5, 11),
        (("entropy",), "margin", 40, 5, 2),  # a part would hold 40 of 100: nobody cleans
    ],
)
def test_refine(names: tuple[str, ...], last: str, k: int, rounds: int, parts: int) -> None:
    """Sizes of parts, the number of rounds and what is left decide every draw, and so all that follows."""
    for seed in SEEDS:
        context, rng = make_context(100, 3, 4, 6, seed=seed), _rng(seed)
        known = _members(context, rng)
        expected = slow.refine(100, k, [known[name] for name in names], known[last], rng, rounds, parts)
        strategy = Refine(names, last=last, rounds=rounds, parts=parts)
        assert strategy.query(context, k, rng=_rng(seed)).tolist() == expected


def test_refine_shows_a_member_five_thousand_at_most() -> None:
    context, rng = make_context(13_000, 3, 2, 6), _rng(1)
    known = _members(context, rng)
    expected = slow.refine(13_000, 20, [known["margin"]], known["entropy"], rng)
    assert Refine(["margin"], last="entropy").query(context, 20, rng=_rng(1)).tolist() == expected
