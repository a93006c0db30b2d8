"""What pages say in words about the results ("nowhere else", "as good") follows from the records.

Each function names a page and phrases that stand there; if a phrase is changed, its check is to be changed as well.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy import stats

from gain_tables import WHOLE, areas, rises_of
from iale.benchmark._evidence import read_evidence
from iale.benchmark._experiment import RANDOM, Claim, records_of
from iale.benchmark._experiments.catalog import EXPERIMENTS
from iale.benchmark._judge import ALIKE, Verdict
from iale.benchmark._power import USUAL
from iale.benchmark._statistics import estimate
from iale.benchmark.records import Record
from iale.strategies.catalog import BASELINES
from make_results import BY_SHAPES, POOL, ROOT
from tests.reports.kept import READING, SIZE, TARGETS, UNSEEN, evidence, figures, flat, read

Check = Callable[[], bool]
SPEED, OF_POOL = "docs/performance.md", "results/geometry/reading.md"
RIVALS = [name for name in BASELINES if name != "random"]
CHECKS: list[tuple[str, str, Check]] = []


def says(page: str, *phrases: str) -> Callable[[Check], Check]:
    """The check decides about these phrases of a page."""

    def noted(check: Check) -> Check:
        CHECKS.extend((page, phrase, check) for phrase in phrases)
        return check

    return noted


def verdicts(kind: str, first: str, model: str = "mlp") -> dict[tuple[str, str], Verdict]:
    """On the data sets that a policy has not seen, by data set and second strategy."""
    return {
        (where.split(",")[0], second): finding.verdict
        for (of, where, one, second), finding in figures().findings.items()
        if of == kind and one == first and where in {f"{target}, {model}" for target in UNSEEN}
    }


def ends(model: str, where: str, first: str, second: str) -> tuple[float, float]:
    """The ends of the interval of a difference."""
    gap = figures().gap(model, where, first, second).difference
    assert gap.low is not None
    assert gap.high is not None
    return gap.low, gap.high


def below_random(name: str, *places: str) -> list[bool]:
    return [ends("mlp", place, name, "random")[1] < 0 for place in places]


@says("README.md", "Margin is as good.** That is our result for the paper's policy, with an MLP")
@says("README.md", "With a CNN, most comparisons are undecided")
@says("docs/index.md", "with an MLP, Margin is as good as a learned policy")
@says("docs/policies.md", "with an MLP Margin is as good")
def margin_is_as_good_with_an_mlp_and_little_is_decided_with_a_cnn() -> bool:
    open_ = [v == Verdict.OPEN for v in verdicts("as good", "mnist-cnn", "cnn").values()]
    return all(ends("mlp", t, "margin", "mnist-mlp")[0] > -ALIKE for t in UNSEEN) and sum(open_) > len(open_) / 2


@says("docs/protocol.md", "A policy is not shown to be as good as Margin; Margin is shown to be as good as a policy")
def the_policy_is_not_shown_to_be_as_good() -> bool:
    one_way = [ends("mlp", t, "mnist-mlp", "margin")[0] > -ALIKE for t in UNSEEN]
    return not any(one_way) and margin_is_as_good_with_an_mlp_and_little_is_decided_with_a_cnn()


@says("README.md", "from the whole pool it chooses worse than at random")
@says(
    "docs/policies.md", "From the whole pool, the policy for the MLP chose worse than at random on all three data sets"
)
def the_policy_is_below_random_on_the_whole_pool() -> bool:
    return all(below_random("mnist-mlp", *(f"{t}@whole" for t in TARGETS)))


@says("docs/strategies/coreset.md", "On whole pools it was worse than Random on all three data sets")
def coreset_is_below_random_on_the_whole_pool() -> bool:
    return all(below_random("coreset", *(f"{t}@whole" for t in TARGETS)))


@says("docs/concepts.md", "it helps Confidence, Entropy, CoreSet and MC-Dropout, and a policy needs it")
def the_sub_pool_helps_those_four_and_the_policy() -> bool:
    return bool(figures()("lift confidence,entropy,coreset,mc-dropout,mnist-mlp"))  # refused unless it holds


@says("README.md", "Without predictions it loses nothing")
def nothing_is_lost_without_predictions() -> bool:
    return set(verdicts("as good", "mnist-mlp-short-no-predictions").values()) == {Verdict.HOLDS}


@says(READING, "a policy without is even ahead")
def on_kmnist_a_policy_without_predictions_is_ahead() -> bool:
    return ends("mlp", "kmnist-10k", "mnist-mlp-short-no-predictions", "mnist-mlp-short")[0] > 0


@says(READING, "it wins where they are weak, Entropy and CoreSet", "and nowhere else")
def the_policy_wins_against_two_heuristics() -> bool:
    found = {place: v for place, v in verdicts("better", "mnist-mlp").items() if place[1] in RIVALS}
    won = {place for place, v in found.items() if v == Verdict.HOLDS}
    return len(found) == 2 * len(RIVALS) and won == {(t, name) for t in UNSEEN for name in ("entropy", "coreset")}


@says(READING, "It resembles Confidence and Margin, the more so the more labels there are")
def shares_grow_and_no_other_is_more_alike() -> bool:
    shares = figures().shares
    grow = [bool(np.all(np.diff(shares[name, t]) > 0)) for name in ("confidence", "margin") for t in TARGETS]
    first = {max(RIVALS, key=lambda name: shares[name, t][part]) for t in TARGETS for part in range(3)}
    return all(grow) and first == {"confidence", "margin"}


@says(READING, "but not visibly on KMNIST", "Margin and BADGE show no such gain")
def some_are_not_lifted() -> bool:
    places = [("ensemble", "kmnist-10k"), *((name, t) for name in ("margin", "badge") for t in TARGETS)]
    return all((figures().lifts[place].difference.low or 0) <= 0 for place in places)


def resized(name: str, pool: int) -> tuple[float, bool]:
    """The mean difference of a sub-pool to the one of 100, and whether its interval includes 0."""
    one, usual = (figures().areas["mlp", "fashion-mnist", str(n), name] for n in (pool, 100))
    gaps = [one[seed] - usual[seed] for seed in one]
    low, high = stats.t.interval(0.95, len(gaps) - 1, np.mean(gaps), stats.sem(gaps))
    return float(np.mean(gaps)), bool(low < 0 < high)


@says(READING, "its mean falls from 400 samples on")
def the_policy_falls_with_the_sub_pool() -> bool:
    means = [resized("mnist-mlp", pool)[0] for pool in (200, 400, 1000, 2000)]
    return bool(np.all(np.diff(means) < 0)) and means[1] < 0 < means[0]


@says(READING, "Between 20 and 2,000 samples, no size can be told from 100 for Margin and BADGE")
def margin_and_badge_do_not() -> bool:
    return all(resized(name, n)[1] for name in ("margin", "badge") for n in (20, 50, 200, 400, 1000, 2000))


@says(READING, "leaving one out is nowhere shown to cost anything")
@says(READING, "On KMNIST a policy that never watched Confidence is ahead")
@says(READING, "the one of twelve comparisons whose interval excludes zero")
def one_expert_left_out_makes_a_difference() -> bool:
    (claim,) = EXPERIMENTS["fig5c"](SIZE).claims
    assert isinstance(claim, Claim)
    found = {(c.where.split(",")[0], c.second): c.first for c in claim.contests}
    intervals = {(where, fewer): ends("mlp", where, full, fewer) for (where, fewer), full in found.items()}
    clear = {place: high < 0 for place, (low, high) in intervals.items() if low > 0 or high < 0}
    return len(intervals) == 12 and clear == {("kmnist-10k", "mnist-mlp-short-without-confidence"): True}


@says(READING, "Six experts are not shown to be better than Ensemble alone")
def several_experts_are_not_shown_to_be_better() -> bool:
    found = verdicts("better", "mnist-mlp-short")
    return Verdict.HOLDS not in {found[t, "mnist-mlp-short-one-expert"] for t in UNSEEN}


@says(READING, "four of these policies were trained twice")
@says("docs/protocol.md", "Four policies were trained twice")
def four_policies_were_trained_twice() -> bool:
    weights = {(r.strategy, r.config.weights) for records in (evidence().records, figures().former) for r in records}
    twice = {name for name, digest in weights if any(n == name and d != digest for n, d in weights)}
    return len(twice) == 4 and {r.strategy for r in figures().former} == twice and len(figures().retrained) == 8


@says(READING, "no single step is decided", "the means rise on both data sets")
def more_episodes_have_higher_means() -> bool:
    chain = [f"mnist-mlp-short{remark}" for remark in ("-32-episodes", "", "-2-episodes")]
    gaps = [figures().gap("mlp", t, *pair).difference for t in UNSEEN for pair in itertools.pairwise(chain)]
    return len(gaps) == 4 and all(gap.mean > 0 for gap in gaps) and bool(figures()("all-open episodes"))


@says(READING, "on the same seeds, a higher mean than that of any heuristic or policy")
def the_oracle_is_on_top() -> bool:
    areas = figures().areas
    for target in UNSEEN:
        best = areas["mlp", target, "100", "best-of-random"]
        others = {name: own for (*place, name), own in areas.items() if place == ["mlp", target, "100"]}
        means = [
            np.mean([own[s] for s in best])
            for name, own in others.items()
            if name not in ("best-of-random", "greedy-look-ahead")
        ]
        if len(means) < 20 or max(means) >= np.mean([*best.values()]):
            return False
    return True


@says(READING, "and nothing is decided")
def nothing_is_decided_with_the_resnet() -> bool:
    place = "fashion-mnist, resnet18-narrow"
    found = [f.verdict for (kind, where, *_), f in figures().findings.items() if kind == "better" and where == place]
    return len(found) == 3 and set(found) == {Verdict.OPEN}


@says(READING, "and below Random, too, but for the published variant on KMNIST")
@says("docs/protocol.md", "On KMNIST, the published variant of ALIL cannot be told from Random")
def alil_is_below_random_but_for_one() -> bool:
    found = [below_random(f"mnist-mlp-alil-{variant}", *UNSEEN) for variant in ("corrected", "faithful")]
    return found == [[True, True], [True, False]]


@says(READING, "With the CNN one of four comparisons with the policy is decided")
def one_comparison_with_alil_is_decided_with_the_cnn() -> bool:
    found = [v for (_, name), v in verdicts("better", "mnist-cnn", "cnn").items() if "alil" in name]
    return sorted(found) == [Verdict.HOLDS, *3 * [Verdict.OPEN]]


@says("docs/protocol.md", "the usual standard deviation of 1.6 points")
def the_usual_deviation_is_the_median_of_the_records() -> bool:
    """Of each experiment first: half the interval is t · s / √n."""
    medians = []
    for own in figures().judged.values():
        gaps = [f.comparison.difference for _, f in own if f.comparison is not None]
        halves = [(gap.high - gap.mean, gap.count) for gap in gaps if gap.high is not None]
        medians += [np.median([half * np.sqrt(n) / stats.t.ppf(0.975, n - 1) for half, n in halves])] if halves else []
    return round(float(np.median(medians)), 3) == USUAL == 0.016


@says("docs/labeling.md", "A folder of 100,000 images opens within 7 s")
def a_large_folder_opens_in_time() -> bool:
    return bool(json.loads(read("benchmarks/results/label.json"))["results"]["start_s_100k"] <= 7)


@cache
def pool_records() -> tuple[Record, ...]:
    """The runs that the experiment has now, without those of shapes."""
    return tuple(records_of(EXPERIMENTS["geometry"](SIZE), read_evidence([POOL]).records))


@cache
def of_pixels() -> dict[tuple[str, str], dict[str, dict[int, float]]]:
    """AUCs from the whole pool by data set and classifier, strategy and seed; the geometry is that of pixels."""
    own = records_of(EXPERIMENTS["geometry"](SIZE), read_evidence([POOL, BY_SHAPES]).records)
    found: dict[tuple[str, str], dict[str, dict[int, float]]] = {}
    for (classifier, pool, dataset, name), seeds in areas(own).items():
        if pool == WHOLE:
            found.setdefault((dataset, classifier), {})[name] = dict(seeds)
    return found


def behind(place: tuple[str, str]) -> dict[str, float]:
    """How far the mean of each other strategy is below Uncertainty Herding, on the seeds of both, its variant aside."""
    found = dict(of_pixels()[place])
    best = found.pop("uherding")
    found.pop("eherding", None)
    return {
        name: float(np.mean([best[seed] - value for seed, value in own.items() if seed in best]))
        for name, own in found.items()
    }


@says(OF_POOL, "Uncertainty Herding has the highest mean in all six of these settings, but for its later variant")
@says("docs/strategies/uherding.md", "It had the highest mean in all six settings that [decided the default]")
def it_leads_where_the_default_is_decided() -> bool:
    places = itertools.product(("digits", "mnist", "cifar10-mobilenetv2"), ("linear", "mlp"))
    return all(min(behind(place).values()) > 0 for place in places)


@says(OF_POOL, "It also leads on the other sets, which only check the choice")
@says(OF_POOL, "has the highest mean on each set when it sees the whole pool")
@says(OF_POOL, "From the whole pool, Uncertainty Herding, or its variant, has the highest mean on each set")
def it_leads_on_all_sets() -> bool:
    least = {place: min(behind(place).values()) for place in of_pixels() if place[1] != "cnn"}
    return len(least) == 12 and min(least.values()) > 0


HERDING = ("uherding", "eherding")
Gains = dict[str, dict[str, float]]
"""What strategies gain over Random, by data set and strategy."""


@cache
def gains() -> dict[tuple[str, str], Gains]:
    """By classifier and pool."""
    found = areas(pool_records())
    means: dict[tuple[str, str], Gains] = {}
    for classifier, pool, dataset, name in found:
        if name != RANDOM:
            gain = float(np.mean(rises_of(found, (classifier, pool, dataset), name, RANDOM)))
            means.setdefault((classifier, pool), {}).setdefault(dataset, {})[name] = gain
    return means


def over_sets(classifier: str, pool: str) -> dict[str, float]:
    """The mean gain of each strategy over the data sets."""
    sets = gains()[classifier, pool]
    return {name: float(np.mean([own[name] for own in sets.values()])) for name in sets["digits"]}


def first(own: dict[str, float]) -> str:
    """The strategy with the highest gain."""
    return max(own, key=own.__getitem__)


CNN_POOLS = {"100": 22, "1000": 19, WHOLE: 19}
"""And how many strategies of the CNN choose from them."""


@says(OF_POOL, "**All runs are played.**", "from 100 candidates, on the five sets of images")
def the_cnn_has_played_all() -> bool:
    counts: dict[tuple[str, str], list[int]] = {}
    for (classifier, pool, dataset, _), own in areas(pool_records()).items():
        if classifier == "cnn":
            counts.setdefault((pool, dataset), []).append(len(own))
    sets = {dataset for _, dataset in counts}
    return len(sets) == 5 and all(
        counts[pool, name] == [10] * many for pool, many in CNN_POOLS.items() for name in sets
    )


@says(OF_POOL, "Here, too, Uncertainty Herding, or its variant, has the highest mean on each set when it chooses")
@says(OF_POOL, "From 1,000, Uncertainty Herding, or its variant, has the highest mean over the sets")
@says(OF_POOL, "REFINE has, whose last step is Uncertainty Herding, and the two follow closely")
@says(
    OF_POOL,
    "From these sub-pools, others have a higher mean on single sets: DropQuery on the digits, from both",
    "and, from 100, REFINE on MNIST and Fashion-MNIST, and MaxHerding on KMNIST",
)
def herding_leads_over_the_sets_of_the_cnn() -> bool:
    """From 100 by less than 0.1 points."""
    few = over_sets("cnn", "100")
    near = few["refine"] - min(few["uherding"], few["eherding"]) < 0.001
    ahead = {(pool, name): first(own) for pool in CNN_POOLS for name, own in gains()["cnn", pool].items()}
    led = {place: name for place, name in ahead.items() if name not in HERDING}
    told = {(pool, "digits"): "dropquery" for pool in ("100", "1000")} | {("100", "kmnist-10k"): "maxherding"}
    told |= {("100", dataset): "refine" for dataset in ("mnist", "fashion-mnist")}
    return first(over_sets("cnn", "1000")) in HERDING and first(few) == "refine" and near and led == told


@says(OF_POOL, "from 100 candidates the full BAIT over the sets", "and from 1,000 MaxHerding on the CIFAR-10 features")
@says(
    OF_POOL, "From 1,000 candidates, too, one of the two has the highest mean on each set", "and from 100 over the sets"
)
def others_lead_from_sub_pools() -> bool:
    led = {dataset: first(own) for dataset, own in gains()["linear", "1000"].items()}
    return (
        [first(over_sets("linear", pool)) for pool in ("100", "1000")] == ["bait-full", "uherding"]
        and {dataset: name for dataset, name in led.items() if name != "uherding"}
        == {"cifar10-mobilenetv2": "maxherding"}
        and first(over_sets("mlp", "100")) in HERDING
        and all(first(own) in HERDING for own in gains()["mlp", "1000"].values())
    )


@says(OF_POOL, "On the digits, DropQuery cannot be told from it")
def dropquery_is_close_on_the_digits_of_the_cnn() -> bool:
    lead = estimate(rises_of(areas(pool_records()), ("cnn", WHOLE, "digits"), "uherding", "dropquery"))
    return lead.low is not None and lead.low < 0 < lead.mean


@says(OF_POOL, "**All runs are played.** The linear head has", "The MLP has")
def six_sets_have_all() -> bool:
    """Ten seeds of as many strategies on each; the full BAIT, BatchBALD and REFINE choose from 100 only."""
    counts: dict[tuple[str, str], list[int]] = {}
    for (classifier, pool, _, _), seeds in areas(pool_records()).items():
        counts.setdefault((classifier, pool), []).append(len(seeds))
    many = {
        ("mlp", "100"): 22,
        ("mlp", "1000"): 19,
        ("linear", "100"): 17,
        ("linear", "1000"): 15,
        ("linear", WHOLE): 15,
    }
    return all(len(counts[place]) == 6 * each and min(counts[place]) >= 10 for place, each in many.items())


MEASURED_PAGE = "docs/labeling-measured.md"


@says(MEASURED_PAGE, "Up to 400 labels, the head has the higher mean on each set")
@says(MEASURED_PAGE, "At 800 the two are about level, and on KMNIST the network is ahead")
def a_network_needs_more_labels_than_a_head() -> bool:
    lines = [json.loads(line) for line in read("results/heads-and-networks.jsonl").splitlines()]
    gains: dict[str, list[list[float]]] = {}
    for line in lines:
        gained = [cnn - head for head, cnn in zip(line["linear"], line["cnn"], strict=True)]
        gains.setdefault(line["dataset"], []).append(gained)
    means = {name: np.mean(of, axis=0) for name, of in gains.items()}
    last = {name: float(mean[-1]) for name, mean in means.items()}
    few = all(bool((mean[:-1] < 0).all()) for mean in means.values())
    ahead = [name for name, of in gains.items() if (low := estimate([each[-1] for each in of]).low) and low > 0]
    return few and ahead == ["kmnist-10k"] and max(map(abs, last.values())) < 0.01


def recorded(name: str) -> Any:
    return json.loads(read(f"benchmarks/results/{name}.json"))


@says(SPEED, "two cores of an AMD EPYC")
@says(SPEED, "the second opinion, the linear heads and the budgets on two cores of an Intel Xeon")
@says(SPEED, "an MLP, 7,000 images, on an Intel Xeon", "in a loop, on an Intel Xeon")
def some_benchmarks_ran_on_another_machine() -> bool:
    places = {path.stem: recorded(path.stem)["machine"] for path in (ROOT / "benchmarks" / "results").iterdir()}
    intel = {name for name, place in places.items() if "Intel" in place["cpu"] and "Xeon" in place["cpu"]}
    others = {place["cpu"] for name, place in places.items() if name not in intel}
    cores = {place["cores"] for place in places.values()}
    return intel == {"opinion", "heads", "budgets"} and others == {"AMD EPYC"} and cores == {2}


@says(SPEED, "With the slower of the two medians, the first ratio would be just below its target")
@says(SPEED, "In float64, where its gains have enough digits, it chooses the same samples as iale")
@says(
    "docs/strategies/maxherding.md",
    "the whole matrix chooses the same samples, and [takes longer]",
)
def herding_is_faster_and_chooses_the_same_samples() -> bool:
    found = recorded("herding")["details"]["peer"]
    slower = {
        name: each["peer"]["wall_s"] / max(each["ours"]["wall_s"], each["ours_again"]["wall_s"])
        for name, each in found.items()
    }
    return 9.5 < slower["uherding_k10"] < 10 < slower["uherding_k100"] and all(e["same_picks"] for e in found.values())


@says("docs/strategies/maxherding.md", "a million rows on disk need less than 1 GB", "always more than a random batch")
def a_sketch_needs_little_memory_and_beats_chance() -> bool:
    found = recorded("herding")
    covered = found["details"]["sketch"].values()
    return bool(found["results"]["herding_1m_mb"] < 1000 and all(e["sketch"] > e["random"] for e in covered))


@says(SPEED, "Both choose the same samples.")
@says("docs/strategies/bait.md", "with the same choices")
def bait_equals_the_dense_version() -> bool:
    details = recorded("information")["details"]
    return bool(details["bait_k10"]["equal"] and details["bait_k100"]["equal"])


@says(SPEED, "**The target was not reached**: at the default strength, iale reaches only about half of it")
@says(SPEED, "With a strong penalty iale takes less time and scikit-learn more, and the ratio comes near the target")
@says(SPEED, "its losses are within a ten-thousandth of ours")
def heads_miss_their_target() -> bool:
    found = recorded("heads")
    details = found["details"].values()
    ours, peers = ([each["times"][side]["cpu_s"] for each in details] for side in ("ours", "peer"))
    near = 0.45 < found["results"]["heads_100"] / 20 < 0.55 and 18 < found["results"]["heads_100_l2_100x"] < 20
    monotone = sorted(ours, reverse=True) == ours and sorted(peers) == peers
    return near and monotone and all(each["losses_apart"] <= 1e-4 for each in details)


@pytest.mark.parametrize(("page", "phrase", "check"), CHECKS, ids=[phrase for _, phrase, _ in CHECKS])
def test_words_are_true(page: str, phrase: str, check: Check) -> None:
    assert phrase in flat(read(page)), f"{check.__name__} decided about these words: what do the new ones say?"
    assert check()
