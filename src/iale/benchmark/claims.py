"""What the paper claims, as comparisons that decide it; docs/protocol.md states the rules.

A comparison is between two sides, each a sum of curves with signs: mostly one curve, sometimes a gain over Random. Its
values are AUCs, paired by seed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from iale.benchmark.config import PoolName
from iale.benchmark.experiments import ACQUISITIONS, HEURISTICS, lengths
from iale.benchmark.metrics import area
from iale.benchmark.records import policy_weights
from iale.benchmark.sizes import Size
from iale.benchmark.statistics import Comparison, compare, correct, verdict
from iale.dagger.config import EXPERTS
from iale.errors import StorageError

Kind = Literal["better", "as good", "alike"]
HOLDS, FAILS, OPEN = "holds", "does not hold", "undecided"
ALIKE = 0.01
"""Two sides are alike where their difference in AUC is surely below one point."""


@dataclass(frozen=True)
class Curve:
    """Which runs one curve is made of.

    Attributes:
        dataset: the target.
        classifier: its name.
        strategy: the label in the records.
        pool: subset or whole.
        acquisition_size: labels a step.
        subset_size: of the sub-pool; None for the whole pool.
        beside: whether other strategies were asked beside.
    """

    dataset: str
    classifier: str
    strategy: str
    acquisition_size: int
    subset_size: int | None
    pool: PoolName = "subset"
    beside: bool = False


Side = tuple[tuple[int, Curve], ...]


@dataclass(frozen=True)
class Contest:
    """One comparison.

    Attributes:
        where: data set and classifier, for people.
        first: what should be better, in words.
        second: than this.
        sides: the curves of both, with signs.
        counts: False for one that is listed and decides nothing.
    """

    where: str
    first: str
    second: str
    sides: tuple[Side, Side]
    counts: bool = True


@dataclass(frozen=True)
class Claim:
    """One claim of the paper.

    Attributes:
        experiment: the bench whose runs decide it.
        text: what is claimed.
        kind: "better": each first side is better than the second; "as good": it is not worse by a point or more;
            "alike": neither is.
        contests: the comparisons.
    """

    experiment: str
    text: str
    kind: Kind
    contests: tuple[Contest, ...]


@dataclass(frozen=True)
class Finding:
    """How a contest came out; ``comparison`` is None where runs are missing."""

    contest: Contest
    comparison: Comparison | None
    verdict: str


def judge(claim: Claim, records: Sequence[dict[str, Any]]) -> tuple[str, list[Finding]]:
    """The verdict on a claim, and on each of its comparisons; p is corrected by Holm for those that count.

    Raises:
        StorageError: the records hold runs of two policies of one name.
    """
    areas = _areas(records)
    found = {c: compare(_values(areas, c.sides[0]), _values(areas, c.sides[1])) for c in claim.contests}
    corrected = correct({c: comparison for c, comparison in found.items() if c.counts})
    corrected |= correct({c: comparison for c, comparison in found.items() if not c.counts})
    findings = [Finding(c, corrected.get(c), _verdict(claim.kind, corrected.get(c))) for c in claim.contests]
    return _overall([finding.verdict for finding in findings if finding.contest.counts]), findings


def claims(size: Size) -> list[Claim]:
    """Every claim that AUCs decide, for the experiments of a size."""
    main, grid, wide, mlp, resnet = size.main, size.grid, size.wide, size.mlp, size.resnet
    policy, rivals = main.own(size.mnist), HEURISTICS[1:]
    alil = [f"{policy}-alil-{variant}" for variant in ("faithful", "corrected")]
    away = size.targets[1:]

    def curve(scale: Any, target: str, strategy: str, **changes: Any) -> Curve:
        sizes = {"acquisition_size": scale.cycle.acquisition_size, "subset_size": scale.cycle.subset_size}
        return Curve(target, scale.classifier, strategy, **{**sizes, **changes})

    def duel(scale: Any, target: str, first: str, second: str, *, counts: bool = True, **changes: Any) -> Contest:
        sides = ((1, curve(scale, target, first, **changes)),), ((1, curve(scale, target, second, **changes)),)
        return Contest(f"{target}, {scale.classifier}", first, second, sides, counts)

    def duels(
        scale: Any, first: str, seconds: Sequence[str], targets: Sequence[str] = size.targets
    ) -> Iterator[Contest]:
        for target in targets:
            for second in seconds:
                yield duel(scale, target, first, second, counts=target != size.mnist)

    def gain(k: int) -> Side:
        own, random = (curve(grid, size.fashion, name, acquisition_size=k) for name in (grid.own(size.mnist), "random"))
        return (1, own), (-1, random)

    def smaller(n: int) -> Contest:
        own = grid.own(size.mnist)
        sides = ((1, curve(grid, size.fashion, own)),), ((1, curve(grid, size.fashion, own, subset_size=n)),)
        return Contest(f"{size.fashion}, {grid.classifier}", "sub-pool of 100", f"sub-pool of {n}", sides)

    def pair(first: str, second: str) -> Iterator[Contest]:
        return duels(wide, first, [second], size.wide_targets)

    full, large, small, simple = wide.own(size.mnist), resnet.own(size.mnist), main.own(size.mnist), mlp.own(size.mnist)
    sources = [main.own(source) for source in size.targets]
    residual = away if size.name == "paper" else (size.fashion,)
    colored = (resnet,) if size.name == "paper" else (resnet, main)
    exchanged = [
        duel(main, target, first, second)
        for target in size.targets
        for place, first in enumerate(sources)
        for second in sources[place + 1 :]
    ]
    gains = [
        Contest(f"{size.fashion}, {grid.classifier}", f"gain with {k}", "gain with 10", (gain(k), gain(10)))
        for k in ACQUISITIONS
        if k < 10
    ]
    larger = [smaller(n) for n in (1000, 2000, 10_000) if n <= (grid.pool_size or n)]
    without = [f"{full}-without-{expert}" for expert in EXPERTS]
    fewer, more = lengths(size)
    table: Mapping[tuple[str, str], tuple[Kind, Iterable[Contest]]] = {
        ("fig3", "IALE is better than Random"): ("better", duels(main, policy, ["random"])),
        ("fig3", "IALE is as good as every heuristic"): ("as good", duels(main, policy, rivals)),
        ("fig3", "IALE is better than every heuristic"): ("better", duels(main, policy, rivals)),
        ("fig3", "IALE is better than ALIL"): ("better", duels(main, policy, alil)),
        ("fig5a", "below acquisitions of 10 the size makes no clear difference to the gain over Random"): (
            "alike",
            gains,
        ),
        ("fig5b", "the policy chooses better from 100 samples than from 1,000 and more"): ("better", larger),
        ("fig5c", "the full set of experts is as good as every set with one left out"): (
            "as good",
            duels(wide, full, without, size.wide_targets),
        ),
        ("fig7", "the source makes no difference"): ("alike", exchanged),
        ("fig8", "with an MLP, IALE is better than Random"): ("better", duels(mlp, simple, ["random"])),
        ("fig8", "with an MLP, IALE is better than every heuristic"): ("better", duels(mlp, simple, rivals)),
        ("fig8", "with a ResNet-18, IALE is better than Random and Confidence"): (
            "better",
            duels(resnet, large, ["random", "confidence"], residual),
        ),
        ("fig9", "a policy that watched a ResNet-18 is better than Random on a CNN"): (
            "better",
            duels(main, large, ["random"]),
        ),
        ("fig9", "a policy that watched a CNN is better than Random on a ResNet-18"): (
            "better",
            duels(resnet, small, ["random"], residual),
        ),
        ("fig10", "on CIFAR-10, IALE is as good as Random or better"): (
            "as good",
            [duel(scale, size.cifar, name, "random") for scale in colored for name in (small, large)],
        ),
        ("fig13", "without gradients a policy is worse"): ("better", pair(full, f"{full}-no-gradients")),
        ("fig13", "without predictions a policy is hardly worse"): ("alike", pair(full, f"{full}-no-predictions")),
        ("schedule", "the fixed schedule is better than the exponential one"): (
            "better",
            pair(full, f"{full}-exponential"),
        ),
        ("controls", "imitating the best expert is better than imitating a random one"): (
            "better",
            pair(full, f"{full}-random-expert"),
        ),
        ("controls", "several experts are better than one (Ensemble)"): ("better", pair(full, f"{full}-one-expert")),
        ("controls", "the policy is better than Margin"): ("better", pair(full, "margin")),
        ("controls", "the best of ten random batches, by look-ahead with true labels, is better than Random"): (
            "better",
            pair("best-of-random", "random"),
        ),
        ("controls", "greedy look-ahead with true labels is better than the policy"): (
            "better",
            pair("greedy-look-ahead", full),
        ),
        ("episodes", "a policy from more episodes is better"): (
            "better",
            [*pair(f"{full}-{more}-episodes", full), *pair(full, f"{full}-{fewer}-episodes")],
        ),
    }
    return [Claim(*name, kind, tuple(contests)) for name, (kind, contests) in table.items()]


def _areas(records: Sequence[dict[str, Any]]) -> Mapping[Curve, dict[int, float]]:
    """The AUC of each seed; a policy that was trained again is another one, and a curve of both would be of none."""
    found: dict[Curve, dict[int, float]] = {}
    weights: dict[str, str | None] = {}
    for record in records:
        name, digest = record["strategy"], policy_weights(record)
        if weights.setdefault(name, digest) != digest:
            raise StorageError(
                f"the records hold runs of two policies called {name} (by their weights {str(weights[name])[:12]} and "
                f"{str(digest)[:12]}): keep those of one."
            )
        cycle = record["config"]["cycle"]
        key = Curve(
            record["dataset"],
            record["classifier"],
            name,
            cycle["acquisition_size"],
            cycle["subset_size"],
            record["pool"],
            bool(record["config"].get("beside")),
        )
        found.setdefault(key, {})[record["seed"]] = area(record["accuracy"])
    return found


def _values(areas: Mapping[Curve, dict[int, float]], side: Side) -> dict[int, float]:
    """The value of each seed that all curves of a side have."""
    curves = [areas.get(curve, {}) for _, curve in side]
    shared = set.intersection(*(set(curve) for curve in curves))
    return {seed: sum(sign * curve[seed] for (sign, _), curve in zip(side, curves, strict=True)) for seed in shared}


def _verdict(kind: str, comparison: Comparison | None) -> str:
    if comparison is None:
        return "not run"
    if kind == "better":
        return verdict(comparison)
    low, high, p = comparison.difference.low, comparison.difference.high, comparison.p_holm
    if low is None or high is None:
        return OPEN
    if low > -ALIKE and (high < ALIKE or kind == "as good"):
        return HOLDS
    different = p is not None and p < 0.05 and (high < 0 or kind == "alike")
    return FAILS if different else OPEN


def _overall(verdicts: Sequence[str]) -> str:
    decided = set(verdicts)
    if not decided or "not run" in decided:
        return "not run" if decided <= {"not run"} else OPEN
    if decided == {HOLDS}:
        return HOLDS
    if FAILS in decided or all(each.startswith("no gain") for each in decided):
        return FAILS
    return OPEN
