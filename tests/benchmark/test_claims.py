from __future__ import annotations

from typing import Any

import pytest

from iale.benchmark._experiment import Claim, Contest, Curve
from iale.benchmark._experiments.catalog import EXPERIMENTS
from iale.benchmark._sizes import SIZES
from iale.classifiers.base import TrainingConfig
from iale.errors import StorageError
from tests.benchmark.content import claims, judge

SEEDS = range(10)
NOISE = [0.000, 0.003, -0.002, 0.001, 0.004, -0.001, 0.002, -0.003, 0.001, 0.000]


def curve(strategy: str, k: int = 10) -> Curve:
    return Curve("there", "mlp", strategy, k, 100)


def runs(strategy: str, level: float, spread: float = 1.0, k: int = 10, seeds: range = SEEDS) -> list[dict[str, Any]]:
    """Records with one recorded point: an AUC of ``level`` and noise."""
    return [
        {
            "dataset": "there",
            "classifier": "mlp",
            "strategy": strategy,
            "pool": "subset",
            "seed": seed,
            "accuracy": [level + spread * NOISE[seed]],
            "config": {"cycle": {"acquisition_size": k, "subset_size": 100}},
        }
        for seed in seeds
    ]


def contest(first: str, second: str, *, counts: bool = True) -> Contest:
    return Contest("there", first, second, (((1, curve(first)),), ((1, curve(second)),)), counts)


@pytest.mark.parametrize(
    ("kind", "gap", "spread", "expected"),
    [
        ("better", 0.02, 1, "holds"),
        ("better", -0.02, 1, "does not hold"),
        ("better", 0.0, 1, "does not hold"),  # no gain over half a point is possible
        ("better", 0.01, 20, "undecided"),
        ("as good", 0.0, 1, "holds"),
        ("as good", 0.02, 1, "holds"),
        ("as good", -0.02, 1, "does not hold"),
        ("as good", -0.004, 20, "undecided"),
        ("alike", 0.0, 1, "holds"),
        ("alike", 0.02, 1, "does not hold"),
        ("alike", -0.02, 1, "does not hold"),
        ("alike", 0.004, 20, "undecided"),
    ],
)
def test_a_claim_is_judged_by_the_rules_of_the_protocol(kind: Any, gap: float, spread: float, expected: str) -> None:
    records = runs("ours", 0.7 + gap, spread) + runs("theirs", 0.7, 0)
    found, findings = judge(Claim("x", "y", kind, (contest("ours", "theirs"),)), records)
    assert found == expected
    assert findings[0].comparison is not None
    assert findings[0].comparison.difference.mean == pytest.approx(gap + spread * sum(NOISE) / 10)


def test_all_comparisons_that_count_must_hold_and_others_do_not_matter() -> None:
    records = runs("ours", 0.72) + runs("worse", 0.7, 0) + runs("better", 0.74, 0)
    good, bad = contest("ours", "worse"), contest("ours", "better")
    ignored = contest("ours", "better", counts=False)
    assert judge(Claim("x", "y", "better", (good, good)), records)[0] == "holds"
    assert judge(Claim("x", "y", "better", (good, bad)), records)[0] == "does not hold"
    verdict, findings = judge(Claim("x", "y", "better", (good, ignored)), records)
    assert verdict == "holds"
    assert [finding.verdict for finding in findings] == ["holds", "does not hold"]


def test_holm_counts_the_comparisons_of_a_claim() -> None:
    """0.002 for ten wins of ten, times as many comparisons as there are: 30 of them leave nothing significant."""
    records = runs("ours", 0.72) + [r for i in range(30) for r in runs(f"rival{i}", 0.7, 0)]
    alone = Claim("x", "y", "better", (contest("ours", "rival0"),))
    family = Claim("x", "y", "better", tuple(contest("ours", f"rival{i}") for i in range(30)))
    assert judge(alone, records)[0] == "holds"
    assert judge(family, records)[0] == "undecided"


@pytest.mark.parametrize(("kind", "expected"), [("better", "undecided"), ("as good", "holds"), ("alike", "holds")])
def test_a_strategy_against_itself_is_a_tie(kind: Any, expected: str) -> None:
    found, (finding,) = judge(Claim("x", "y", kind, (contest("ours", "ours"),)), runs("ours", 0.7))
    assert found == expected
    assert finding.comparison is not None
    assert (finding.comparison.wins, finding.comparison.ties, finding.comparison.losses) == (0, 10, 0)
    assert (finding.comparison.difference.low, finding.comparison.difference.high) == (0.0, 0.0)
    assert (finding.comparison.bootstrap, finding.comparison.p_holm) == ((0.0, 0.0), 1.0)


def test_runs_of_a_policy_and_of_the_same_trained_again_are_not_mixed() -> None:
    old, new = runs("ours", 0.7, seeds=range(5)), runs("ours", 0.9, seeds=range(3))
    for digest, records in (("a" * 64, old), ("b" * 64, new)):
        for record in records:
            record["config"]["policy"] = {"kind": "iale", "weights_sha256": digest}
    claim = Claim("x", "y", "better", (contest("ours", "theirs"),))
    with pytest.raises(StorageError, match=r"two policies called ours \(by their weights aaaaaaaaaaaa and b"):
        judge(claim, old + new + runs("theirs", 0.7))


def test_missing_runs_are_said_and_decide_nothing() -> None:
    claim = Claim("x", "y", "better", (contest("ours", "theirs"), contest("ours", "absent")))
    found, findings = judge(claim, runs("ours", 0.72) + runs("theirs", 0.7, 0))
    assert found == "undecided"
    assert [finding.verdict for finding in findings] == ["holds", "not run"]
    assert judge(claim, [])[0] == "not run"


def test_a_gain_is_a_difference_of_differences_on_shared_seeds() -> None:
    few, many = ((1, curve("ours", 1)), (-1, curve("random", 1))), ((1, curve("ours")), (-1, curve("random")))
    records = (
        runs("ours", 0.75, k=1) + runs("random", 0.70, k=1, seeds=range(8)) + runs("ours", 0.8) + runs("random", 0.7)
    )
    claim = Claim("x", "y", "alike", (Contest("there", "1", "10", (few, many)),))
    comparison = judge(claim, records)[1][0].comparison
    assert comparison is not None
    assert comparison.difference.count == 8
    assert comparison.difference.mean == pytest.approx(0.05 - 0.10)


@pytest.mark.parametrize("size", list(SIZES))
def test_every_claim_is_about_runs_of_its_experiment(size: Any) -> None:
    built = SIZES[size](TrainingConfig(device="cpu"))
    for claim in claims(built):
        bench = EXPERIMENTS[claim.experiment](built)
        there = {
            (g.dataset, g.classifier, name, g.cycle.acquisition_size, g.cycle_of(pool).subset_size)
            for g in bench.grids
            for name in g.strategies
            for pool in g.pools
        }
        if size == "smoke" and claim.experiment in ("fig5a", "fig5b"):
            continue  # its grids are cut short
        assert claim.contests or size == "smoke"
        for each in claim.contests:
            for side in each.sides:
                for _, c in side:
                    assert (c.dataset, c.classifier, c.strategy, c.acquisition_size, c.subset_size) in there
