from __future__ import annotations

import pytest

from iale.benchmark._experiment import Curve, ShareClaim
from iale.benchmark._judge import judge_shares
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
