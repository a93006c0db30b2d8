from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from iale.benchmark._experiment import Curve, Kind, ShareClaim, TimeClaim
from iale.benchmark._judge import ALIKE, MARGIN, WITHIN, Verdict, judge_shares, judge_times
from iale.benchmark._judge import _overall as overall
from iale.benchmark._judge import _verdict as verdict_of
from iale.benchmark._statistics import Comparison, correct, estimate, signed_rank_beyond
from iale.benchmark._times import RunTimes
from iale.benchmark.records import Record
from tests.benchmark.content import parsed

CURVE = Curve("there", "mlp", "ours", 10, 100, beside=True)


def watched(shares: dict[str, list[float]], seeds: int = 3) -> list[Record]:
    """Runs of a policy with the shares of its choices at two steps; seeds differ a little."""
    names = {"dataset": "there", "classifier": "mlp", "strategy": "ours", "pool": "subset"}
    return parsed(
        [
            {
                **names,
                "seed": seed,
                "accuracy": [0.5],
                "config": {"cycle": {}, "beside": list(shares)},
                "overlap": {name: [share + 0.001 * seed for share in own] for name, own in shares.items()},
            }
            for seed in range(seeds)
        ]
    )


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ({"margin": [0.2, 0.4], "entropy": [0.3, 0.3]}, "holds"),
        ({"margin": [0.2, 0.4], "entropy": [0.6, 0.8]}, "does not hold"),
        ({"margin": [0.2, 0.4], "entropy": [0.498, 0.5]}, "undecided"),
        ({}, "not run"),
    ],
)
def test_shares_are_judged_by_their_intervals(shares: dict[str, list[float]], expected: str) -> None:
    claim = ShareClaim("x", "y", (CURVE,), ("margin", "entropy"))
    verdict, found = judge_shares(claim, watched(shares))
    assert verdict == expected
    assert [share.mean for _, share in found] == pytest.approx([sum(own) / 2 + 0.001 for own in shares.values()])


def test_a_single_seed_decides_nothing() -> None:
    claim = ShareClaim("x", "y", (CURVE,), ("margin",))
    assert judge_shares(claim, watched({"margin": [0.9, 0.9]}, seeds=1)) == ("not run", [])


KINDS: tuple[Kind, ...] = ("better", "as good", "alike")


def wrong(kind: Kind, found: Verdict, truth: float) -> bool:
    """Whether a verdict contradicts the true difference; at a margin itself, neither side of it is confirmed."""
    if kind == "better":
        false = {Verdict.HOLDS: truth <= 0, Verdict.FAILS: truth > 0, Verdict.NO_GAIN: truth >= MARGIN}
    else:
        within = truth > -ALIKE and (kind == "as good" or truth < ALIKE)
        false = {Verdict.HOLDS: not within, Verdict.FAILS: within}
    return false.get(found, False)


def comparison(values: np.ndarray, kind: Kind) -> Comparison:
    """A comparison without its bootstrap interval, which decides nothing and takes most of the time."""
    wins, losses = int((values > 0).sum()), int((values < 0).sum())
    p = signed_rank_beyond(values, WITHIN[kind])
    return Comparison(estimate(values), wins, len(values) - wins - losses, losses, p, None)


@pytest.mark.statistical
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("truth", [0, ALIKE / 2, -ALIKE / 2, ALIKE, -ALIKE, 2 * ALIKE, -2 * ALIKE])
def test_a_comparison_is_rarely_called_wrong(kind: Kind, truth: float) -> None:
    """In each of 6 cells at most 2.5 % are wrong, of 120 draws with a fixed seed: nothing is left to chance."""
    mistakes = []
    for spread in (0.005, 0.02):
        for seeds in (5, 10, 30):
            draws = np.random.default_rng([seeds, int(1e4 * spread)]).normal(truth, spread, (120, seeds))
            found = [verdict_of(kind, correct({0: comparison(values, kind)})[0]) for values in draws]
            mistakes.append(np.mean([wrong(kind, each, truth) for each in found]))
    assert np.mean(mistakes) <= 0.05
    assert max(mistakes) <= 0.08  # of 120 draws


@pytest.mark.statistical
@pytest.mark.parametrize(("kind", "truth"), [("better", 0.0), ("as good", -ALIKE), ("alike", -ALIKE), ("alike", ALIKE)])
def test_a_claim_of_ten_comparisons_is_rarely_called_wrong(kind: Kind, truth: float) -> None:
    """All differences lie just on the side on which a refutation is wrong, or just on the other."""
    for side in (1e-9, -1e-9):
        draws = np.random.default_rng(7).normal(truth + side, 0.013, (60, 10, 10))
        found = []
        for each in draws:
            corrected = correct({place: comparison(values, kind) for place, values in enumerate(each)})
            found.append(overall([verdict_of(kind, one) for one in corrected.values()]))
        assert np.mean([wrong(kind, one, truth + side) for one in found]) <= 0.05


def test_a_difference_within_the_margin_is_not_refuted() -> None:
    """Half a point, seen beyond doubt: the old rule called the claims refuted because p is small."""
    values = np.full(10, -0.005) + np.linspace(-0.001, 0.001, 10)
    for kind in ("as good", "alike"):
        assert verdict_of(kind, correct({0: comparison(values, kind)})[0]) == Verdict.HOLDS
    near = np.full(10, -0.0095) + np.linspace(-0.004, 0.004, 10)  # the interval reaches over the margin
    assert verdict_of("as good", correct({0: comparison(near, "as good")})[0]) == Verdict.OPEN


@pytest.mark.parametrize("truth", [0.3, 0.45, 0.5, 0.55, 0.7])
@pytest.mark.parametrize("count", [5, 10, 30])
def test_simulated_shares_are_seldom_called_wrong(truth: float, count: int) -> None:
    """At most 2.5 % on either side of one half, the error of a t interval; 150 draws of 5 % hold it with a margin."""
    rng = np.random.default_rng([count, round(100 * truth)])
    claim, errors = ShareClaim("x", "y", (CURVE,), ("margin",)), 0
    for _ in range(150):
        shares = np.clip(rng.normal(truth, 0.05, count), 0, 1)
        lines = [watched({"margin": [float(share)]}, seeds=1)[0] for share in shares]
        runs = [replace(line, seed=seed) for seed, line in enumerate(lines)]
        verdict, _ = judge_shares(claim, runs)
        errors += (verdict == Verdict.FAILS) if truth <= 0.5 else (verdict == Verdict.HOLDS)
    assert errors / 150 <= 0.05


@pytest.mark.parametrize("truth", [0.95, 0.98, 1.0, 1.05, 1.1, 1.12, 1.2])
@pytest.mark.parametrize("count", [5, 10, 30])
def test_simulated_times_are_seldom_called_wrong(truth: float, count: int) -> None:
    rng = np.random.default_rng([count, round(100 * truth)])
    names = {"dataset": "there", "classifier": "mlp", "pool": "subset", "accuracy": [0.5]}
    first, second = (replace(CURVE, strategy=name, beside=False) for name in ("ours", "random"))
    lines = [
        {**names, "strategy": c.strategy, "seed": s, "config": {"cycle": {}}}
        for c in (first, second)
        for s in range(count)
    ]
    records, claim = parsed(lines), TimeClaim("x", "y", first, second)
    errors = 0
    for _ in range(150):
        seconds = {r.key: RunTimes(truth * rng.normal(1, 0.03) if r.strategy == "ours" else 1.0) for r in records}
        verdict, found = judge_times(claim, records, seconds)
        assert len(found) == count
        errors += (verdict == Verdict.FAILS) if 1 <= truth <= 1.1 else (verdict == Verdict.HOLDS)
    assert errors / 150 <= 0.05
    few = {record.key: RunTimes(1.0) for record in records if record.seed < 4}
    assert judge_times(claim, records, few)[0] == Verdict.OPEN
