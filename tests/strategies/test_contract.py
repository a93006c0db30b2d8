"""The contract holds for every strategy of the catalog, and catches strategies that break it."""

from __future__ import annotations

import importlib
import random
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor

from iale.classifiers.base import Outputs
from iale.errors import ConfigError, QueryError
from iale.geometry.points import Points
from iale.seeding import Stream
from iale.strategies.base import Need, QueryContext, QueryStrategy, ScoringStrategy
from iale.strategies.catalog import STRATEGIES
from iale.testing import check_strategy, contract, make_context, reorder, tied_contexts
from iale.testing.contract import _check_side_effects


# test_information.py checks REFINE with fewer members: hundreds of queries for each of its own take too long.
@pytest.mark.parametrize("name", [name for name in STRATEGIES if name != "refine"])
def test_every_strategy_of_the_catalog_keeps_the_contract(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if name in ("bait-full", "batchbald"):  # a thousand tied candidates take half a minute
        monkeypatch.setattr(contract, "tied_contexts", partial(tied_contexts, n=100))
    strategy = STRATEGIES[name]()
    assert strategy.name == name
    check_strategy(strategy)
    check_strategy(strategy, num_classes=3, dim=9, seed=1)


class Broken(QueryStrategy):
    name: ClassVar[str] = "broken"

    def __init__(self, answer: Callable[[QueryContext, int, np.random.Generator], Tensor]) -> None:
        self.answer = answer

    def select(self, context: QueryContext, k: int, *, rng: np.random.Generator) -> Tensor:
        return self.answer(context, k, rng)


class Averaging(ScoringStrategy):
    """BALD as one library implements it: the second term is averaged over the batch."""

    name: ClassVar[str] = "averaging"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.MONTE_CARLO})

    def score(self, context: QueryContext) -> Tensor:
        assert context.monte_carlo is not None
        total: Tensor = torch.special.entr(context.monte_carlo.mean(0)).sum(1)
        return total * float(1 + torch.special.entr(context.monte_carlo).sum(2).mean())


class Unchecked(Broken):
    """Ignores k and unmet needs instead of raising."""

    needs: ClassVar[frozenset[Need]] = frozenset({Need.COMMITTEE})

    def query(self, context: QueryContext, k: int, *, rng: np.random.Generator) -> Tensor:
        if not 1 <= k <= len(context):
            raise QueryError("refused.")
        return self.select(context, k, rng=rng)


def _norms(context: QueryContext) -> Tensor:
    return context.candidates.embeddings.square().sum(dim=1)


def _spoil(context: QueryContext, k: int, rng: np.random.Generator) -> Tensor:
    context.candidates.embeddings[0] = 0
    return _norms(context).topk(k).indices


def _global_draw(context: QueryContext, k: int, rng: np.random.Generator) -> Tensor:
    return torch.randperm(len(context))[:k]


def _mostly_early(context: QueryContext, k: int, rng: np.random.Generator) -> Tensor:
    return torch.from_numpy(np.argsort(rng.random(len(context)) + 0.1 * np.arange(len(context)))[:k].copy())


BROKEN: dict[str, tuple[Callable[[QueryContext, int, np.random.Generator], Tensor], str]] = {
    "floats": (lambda c, k, rng: torch.arange(float(k)), "int64 tensor"),
    "too few": (lambda c, k, rng: torch.arange(max(1, k - 1)), "int64 tensor"),
    "data-set indices": (lambda c, k, rng: _norms(c).topk(k).indices + 1000, "must be in 0 … 23"),
    "twice": (lambda c, k, rng: torch.zeros(k, dtype=torch.int64), "must be unique"),
    "an rng of its own": (
        lambda c, k, rng: torch.from_numpy(np.random.default_rng().permutation(len(c))[:k]),
        "same rng",
    ),
    "global random state": (_global_draw, "global random state"),
    "spoiled inputs": (_spoil, "changed candidates.embeddings"),
    "the first k": (lambda c, k, rng: torch.arange(k), "permuting the candidates must permute"),
    "draws that favor early positions": (_mostly_early, "change their chances"),
}


@pytest.mark.parametrize("defect", list(BROKEN))
def test_the_contract_catches(defect: str) -> None:
    answer, sentence = BROKEN[defect]
    with pytest.raises(AssertionError, match=sentence):
        check_strategy(Broken(answer))


def test_a_strategy_is_not_accused_of_what_an_import_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Importing scikit-learn draws from Python's generator, and so does this module, which is new to the process."""
    (tmp_path / "draws_when_imported.py").write_text("import random\nrandom.random()\n")
    monkeypatch.syspath_prepend(tmp_path)

    def answer(context: QueryContext, k: int, rng: np.random.Generator) -> Tensor:
        importlib.import_module("draws_when_imported")
        return _norms(context).topk(k).indices

    try:
        _check_side_effects(Broken(answer), make_context(), Stream(0))
    finally:
        sys.modules.pop("draws_when_imported", None)


def test_a_strategy_that_draws_from_pythons_generator_is_accused() -> None:
    def answer(context: QueryContext, k: int, rng: np.random.Generator) -> Tensor:
        random.random()
        return _norms(context).topk(k).indices

    with pytest.raises(AssertionError, match="changed global random state"):
        check_strategy(Broken(answer))


def test_scores_of_numpy_keep_the_contract() -> None:
    class OfNumPy(ScoringStrategy):
        name: ClassVar[str] = "of-numpy"

        def score(self, context: QueryContext) -> Tensor:
            return _norms(context).double().numpy()  # type: ignore[return-value]

    check_strategy(OfNumPy())


def test_the_contract_catches_a_score_averaged_over_the_batch() -> None:
    with pytest.raises(AssertionError, match="must ignore the other candidates"):
        check_strategy(Averaging())


def test_the_contract_catches_a_need_that_is_not_checked() -> None:
    with pytest.raises(AssertionError, match="without committee outputs must raise QueryError"):
        check_strategy(Unchecked(lambda c, k, rng: _norms(c).topk(k).indices))


def test_the_contract_catches_outputs_that_are_read_in_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    strategy = Broken(lambda c, k, rng: _norms(c).topk(k).indices)
    check_strategy(strategy)
    monkeypatch.setattr(Broken, "reads_outputs", False)
    with pytest.raises(AssertionError, match="reads_outputs is False, but other outputs of the candidates gave"):
        check_strategy(strategy)


@pytest.mark.parametrize("name", ["mc-dropout", "ensemble", "coreset"])
def test_an_unmet_need_names_what_is_missing(name: str) -> None:
    strategy = STRATEGIES[name]()
    (need,) = strategy.needs
    poor = QueryContext(make_context().candidates, num_classes=4)
    with pytest.raises(QueryError, match=f"{name} needs {need.value} outputs"):
        strategy.query(poor, 3, rng=np.random.default_rng(0))


@pytest.mark.parametrize("name", [name for name in STRATEGIES if name != "random"])
def test_outputs_that_are_not_finite_are_refused(name: str) -> None:
    context = make_context()
    logits, embeddings = context.candidates.logits.clone(), context.candidates.embeddings.clone()
    logits[3], embeddings[3] = torch.nan, torch.nan
    assert context.monte_carlo is not None
    assert context.committee is not None
    voters = context.monte_carlo.clone()
    voters[1, 3, 2] = torch.nan
    bad = replace(context, candidates=Outputs(logits, embeddings), monte_carlo=voters, committee=voters)
    assert context.geometry is not None
    points = context.geometry.read()
    points[3] = torch.nan
    bad = replace(bad, geometry=Points(points, torch.arange(len(points))))
    with pytest.raises(QueryError, match=r"finite|NaN"):
        STRATEGIES[name]().query(bad, 3, rng=np.random.default_rng(0))


def test_contexts_are_reordered_in_every_part() -> None:
    context = make_context()
    rows = torch.tensor([5, 2])
    part = reorder(context, rows)
    assert len(part) == 2
    assert torch.equal(part.candidates.logits, context.candidates.logits[rows])
    assert context.monte_carlo is not None
    assert context.committee is not None
    assert part.monte_carlo is not None
    assert part.committee is not None
    assert torch.equal(part.monte_carlo[:, 0], context.monte_carlo[:, 5])
    assert torch.equal(part.committee[:, 1], context.committee[:, 2])
    assert torch.equal(context.committee[0], context.candidates.probs)


def test_a_strategy_that_chooses_nothing_is_an_error_and_no_endless_loop() -> None:
    class Nothing(QueryStrategy):
        name = "nothing"

        def select(self, context: QueryContext, k: int, *, rng: np.random.Generator) -> Tensor:
            return torch.empty(0, dtype=torch.int64)

    with pytest.raises(QueryError, match=r"nothing gave .* for 3 positions"):
        Nothing().query(make_context(), 3, rng=np.random.default_rng(0))


class TestFailures:
    """A strategy of one's own that raises, and one of iale."""

    def test_the_line_of_ones_own_is_named(self) -> None:
        def fail(context: QueryContext, k: int, rng: np.random.Generator) -> Tensor:
            return context.candidates.logits * dict[str, float]()["margin"]

        with pytest.raises(
            QueryError, match=r"^Broken failed in line \d+ of test_contract.py \(KeyError: 'margin'\)"
        ) as told:
            Broken(fail).query(make_context(), 3, rng=np.random.default_rng(0))
        assert isinstance(told.value.__cause__, KeyError)
        line = fail.__code__.co_firstlineno + 1
        assert f"line {line} of" in str(told.value)

    def test_its_own_iale_error_and_lack_of_memory_pass(self) -> None:
        for error in (ConfigError("my advice."), MemoryError()):

            def fail(context: QueryContext, k: int, rng: np.random.Generator, error: Exception = error) -> Tensor:
                raise error

            with pytest.raises(type(error)) as told:
                Broken(fail).query(make_context(), 3, rng=np.random.default_rng(0))
            assert told.value is error

    def test_a_defect_of_iale_keeps_its_traceback(self, monkeypatch: pytest.MonkeyPatch) -> None:
        strategy = STRATEGIES["margin"]()

        def fail(self: object, context: QueryContext) -> Tensor:
            raise ZeroDivisionError

        monkeypatch.setattr(type(strategy), "score", fail)
        with pytest.raises(ZeroDivisionError):
            strategy.query(make_context(), 3, rng=np.random.default_rng(0))

    def test_one_that_was_typed_into_a_console(self) -> None:
        class Typed(QueryStrategy):
            name: ClassVar[str] = "typed"

            def select(self, context: QueryContext, k: int, *, rng: np.random.Generator) -> Tensor:
                return torch.zeros(k // 0)

        Typed.__module__ = "__console__"  # no such module, hence no file
        with pytest.raises(QueryError, match=r"^Typed failed \(ZeroDivisionError: .*\): mend it.$"):
            Typed().query(make_context(), 3, rng=np.random.default_rng(0))
