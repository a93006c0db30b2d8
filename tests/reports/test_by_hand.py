"""The fast replay of what was tried by hand, and the judge of a choice between strategies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import strategy_rules
from herding_variants import greedy, swapped
from replay import Floats
from strategy_rules import chosen, judged, table_of


def _points(n: int, seed: int) -> tuple[Floats, Floats, Floats]:
    """A kernel, weights, and what is covered."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, 3)).astype(np.float32)
    kernel = np.exp(-((rows[:, None] - rows[None]) ** 2).sum(2))
    return kernel, rng.random(n).astype(np.float32), kernel[:3].max(0)


def _worth(kernel: Floats, weights: Floats, covered: Floats, batch: list[int]) -> float:
    return float((np.maximum(kernel[batch].max(0), covered) - covered).astype(float) @ weights)


def test_swaps_end_where_no_other_sample_is_better() -> None:
    moved = 0
    for seed in range(5):
        kernel, weights, covered = _points(60, seed)
        free = np.ones(60, bool)
        first = greedy(kernel, weights, covered, free, 8)
        batch = swapped(kernel, weights, covered, free, list(first))
        best = _worth(kernel, weights, covered, batch)
        assert len(set(batch)) == 8
        assert best >= _worth(kernel, weights, covered, first)
        moved += batch != first
        for place in range(8):
            for other in {*range(60)} - {*batch}:
                tried = [*batch[:place], other, *batch[place + 1 :]]
                assert _worth(kernel, weights, covered, tried) <= best * (1 + 1e-4)
    assert moved


def test_the_greedy_choice_ends_when_all_gains_tie() -> None:
    kernel = np.ones((200, 200), np.float32)
    batch = greedy(kernel, np.ones(200, np.float32), np.ones(200, np.float32), np.ones(200, bool), 50)
    assert len(set(batch)) == 50


def _states(*, told: bool) -> list[dict[str, Any]]:
    """A form that is a point better where a number of the context is high and one worse where it is low."""
    rng, states = np.random.default_rng(0), list[dict[str, Any]]()
    for number in range(90):
        sign = rng.choice([-1, 1])
        seen = float(sign if told else rng.choice([-1, 1]))
        worth = 0.8 + 0.01 * sign + rng.normal(0, 0.003, 2)
        states.append({
            "task": number, "twin": 0, "family": ("digits", "mnist", "cifar")[number % 3], "batch": 10,
            "context": {"told": seen, "other": rng.normal()},
            "values": {"uherding": [0.8, 0.8, 0.1, 0.1], "form": [*worth, *(0.9 - worth)]},
        })  # fmt: skip
    return states


def test_forms_that_are_chosen_as_often_are_in_alphabetical_order() -> None:
    values = {name: [0.8, 0.8, 0.1, 0.1] for name in ("uherding", "b", "c", "a")}
    states = [{**state, "values": values} for state in _states(told=True)[:6]]
    found = judged(table_of(states), np.array([0, 1, 2, 1, 2, 0]))["chosen"]
    assert list(found.items()) == [("a", 2), ("b", 2), ("c", 2)]


def test_a_context_that_tells_is_followed_and_one_that_does_not_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strategy_rules, "BOOTSTRAPS", 5)
    for model in ("ridge", "trees"):
        told = table_of(_states(told=True))
        assert judged(told, chosen(told, model, told.family))["all"]["mean"] > 0.3
        silent = table_of(_states(told=False))
        gain = judged(silent, chosen(silent, model, silent.family))["all"]
        assert gain["mean"] - gain["half"] <= 0
