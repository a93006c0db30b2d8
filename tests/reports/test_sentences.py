"""Every number that README, documentation and cards tell about results is in the records; `test_words` does the words.

Sentences with many figures are made by ``make results`` from templates with {placeholders}. No other number stands in
these texts unless it is explained here. Pages that tell few results are checked sentence by sentence.
"""

from __future__ import annotations

import gzip
import json
import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from cards import Setting, card_of, compared_in
from iale.errors import ConfigError
from iale.policies._files import PRETRAINED
from iale.policies.saved import load_card
from iale.strategies.catalog import STRATEGIES
from make_results import BEGIN, END, MADE, RECORDS, ROOT, measured_of, readme_of, speeds_page
from sentences import fill, loose_numbers, speeds
from tests.reports.kept import READING, SIZE, TARGETS, evidence, figures, flat, read

NAMES = ("95 %", "ResNet-18", "CIFAR-10", "figure 5b")
"""A level of confidence, and names."""

TENS, FIFTIES = ("acquisitions of 10", "Acquisitions of 10"), ("acquisitions of 50", "Acquisitions of 50")

EXPLAINED: dict[str, tuple[str, ...]] = {
    "README.md": ("Python 3.11", "2017"),  # what is needed, and a year
    # sizes of sub-pools that figure 5b plays, and a share of power that the rules fix
    READING: (
        *(*NAMES, "400 samples", "against 100", "with 1,000", "8 of 10 cases"),
        "Between 20 and 2,000 samples, no size can be told from 100",
    ),
    "results/standard/readme.md": NAMES,
    # names, the size of a sub-pool, and a target
    "results/geometry/reading.md": (
        *(
            "KMNIST-10k",
            "CIFAR-10",
            "from 100 candidates",
            "from 1,000,",
            "from 1,000.",
            "all 7,000",
        ),
        *("pool of 7,000", "From 1,000, Uncertainty", "From 100, REFINE", "and, from 100, REFINE"),
        *("from 1,000 MaxHerding", "From 1,000 candidates, too", "and from 100 over"),
        *("at least 3.5 points", "interval above 0"),
    ),
    "results/shapes/reading.md": ("KMNIST-10k",),
    # names, sizes, and how many seeds there are to be
    "results/heads/reading.md": (
        *("CIFAR-10", "acquisitions of 5, 10 and 50", "acquisitions of 10", "acquisitions of 5 and of 50"),
        *("acquisitions of 5, which", "of 10 seeds"),
    ),
    "results/averages/reading.md": (
        *TENS,
        "from 20 to 200 labels",
        "as good as Random with 200",
        "is at 20 labels",
        "at most 1,000 of them",
    ),
    # names, sizes and a rule; and how many labels a table elsewhere is about
    "results/networks/reading.md": (
        *("CIFAR-10", "KMNIST-10k", *TENS, *FIFTIES, "rule 7", "is above 0", "([with 200 labels"),
    ),
    # names, sizes, and what the rules of the protocol ask for
    "results/universal/reading.md": (
        *("CIFAR-10", "KMNIST-10k", *TENS, *FIFTIES, "from 20 to 200 labels", "from 20 to 320 labels"),
        *("linear head, 20 to 200 labels", "20 to 100 labels", "pool of 3,000", "the 3,000 that were asked for"),
        *("50 or 100 labels", "gains as much at 50", "sees 32 batches", "up to 1,000 other samples"),
        *("tasks have 200 to 800 samples, these runs 3,000", "1.96 standard errors", "2.4 standard errors"),
        *("interval above 0", "mean is below 0", "a mean below 0", "just below 0", "just above 0", "contains 0"),
        *("all 30 differences", "With 10 seeds", "asks for 10 seeds", "gain of 0.2 points", "more than 0.3 points"),
        *("mean of 0.1 points", "less than 0.2 points", "the +0.1 points", "within 0.2 points", "at least 0.1 points"),
        *("at least 0.5", "below 0.5", "not reach 0.5", "rules 2 and 3", "Rule 2** asks for a mean"),
        *("Rule 3** asks that", "Rule 4** asks for roll-outs", "Rule 5** asks for a mean", "Rule 6** lets"),
        *(
            "[Rule 7 asks whether",
            "[Rule 8 asks how",
            "the families is above 0",
            'says ("labels cover 0.8"',
            'wrong ("U + 0.1"',
        ),
        *('"Labels cover 0.9" has', '"U^0.5"'),
        '"swaps and labels cover 0.9 and U + 0.1"',
        *("for an acquisition of 10", "7,000 candidates, 100 labels", "would have played 20,000 states"),
    ),
    "docs/index.md": ("Python 3.11",),
    "docs/policies.md": ("Eq. 1", "CIFAR-10", "share one width, 128", "reads 128 numbers", "usually 100", "SHA-256"),
    # sizes that the scripts in benchmarks/ measure at, a target, and a figure of the paper
    "benchmarks/performance.md": (
        *("n = 60,000", "D = 128", "C = 10", "100 labeled", "k = 10", "k = 100", "n × C·D", "float64"),
        *("starting from n = 20,000", "n = 10,000, D = 128", "n = 10,000 candidates"),
        *("k = 50", "n = 10,000 / 20,000 / 40,000 / 80,000", "D = 32 / 128 / 512", "C = 10 / 100 / 1,000"),
        *("k = 10 / 50 / 250", "n = 1,000,000", "of 128 numbers", "C = 100", "sub-pool of 1,000", "pool of 1,000,000"),
        *(
            "pool of 10,000",
            "11,014 classes",
            "3,100 candidates",
            "3,000, whose",
            "256 MiB",
            "for 6,000",
            "600 images",
            "2,000 images of 28 × 28",
            "fast as with 500",
        ),
        *("256 × 256", "16 channels", "500 samples", "the paper: 1.055", "500 labels", "of 64", "MLP 784-256-10"),
        *("| 1 | | | | 2 | | | | 3 | | | | 6 | | | | 12 |", "3× and 1.3×", "ResNet-18"),
        *("with 50 labels", "times with 200", "7,000 images", "k = 10, δ = 1", "U = 1", "D = 768", "n = 35,000"),
        *("float32", "float16", "| 20,000 | 32 | 4,000 | 1 |", "| 20,000 | 32 | 4,000 | 0.5 |"),
        *("| 20,000 | 128 | 4,000 | 1 |", "| 50,000 | 32 | 20,000 | 1 |", "100 samples from", "100 [linear"),
        *("100 labels", "0.02 · D", "768 inputs", "for 300", "5,000 photos of 640 × 480", "project of 100,000"),
        *("10,000 images", "100,000 images", "95th percentile"),
    ),
}

SENTENCES = {
    "docs/protocol.md": (
        "{recorded pool_size} samples may be labeled",
        "{recorded epochs mlp} epochs, {size initial_size} to {recorded labeling_budget mlp} labels, {seeds cnn} seeds "
        "({seeds mlp} in figure 8), {recorded test_size mlp} test images",
        "{recorded epochs cnn} epochs, {size initial_size} to {recorded labeling_budget cnn} labels, {seeds cnn} "
        "seeds, {recorded test_size cnn} test images",
        "{recorded epochs resnet18-narrow} epochs, batches of {recorded batch_size resnet18-narrow}, "
        "{size initial_size} to {recorded labeling_budget resnet18-narrow} labels in acquisitions of "
        "{recorded acquisition_size resnet18-narrow}, {seeds cnn} seeds, "
        "{recorded test_size resnet18-narrow} test images",
        "{learned mnist-mlp,mnist-cnn episodes} episodes; if many are compared, and for the ResNet-18, "
        "{learned mnist-mlp-short,mnist-resnet18-narrow episodes}",
        "10 seeds see {seen 10} points and 20 seeds {seen 20}",
        "shares {share confidence,margin first} % of its choices with Confidence and Margin in the first third of a "
        "run and {share confidence,margin last} % in the last, not {share confidence,margin} %",
        "on another, p after Holm is {lift-p ensemble fashion-mnist}",
    ),
    "docs/benchmark.md": ("lifts CoreSet by {lift coreset} points of AUC",),
    "docs/strategies/coreset.md": ("lifts it by {lift coreset} points of AUC",),
    "docs/strategies/bait.md": (
        "[{information results.bait_k10 .0f} times as fast as dense NumPy](../performance.md) at k = 10, and "
        "{information results.bait_k100 .0f} times at k = 100",
    ),
    "docs/strategies/maxherding.md": ("covers at most {herding results.sketch_loss_percent .1f} % less of the pool",),
    "docs/strategies/typiclust.md": ("[about {clusters details.peer.k10.ours.cpu_s .1f} seconds](../performance.md)",),
    "docs/strategies/eherding.md": ("[about {opinion results.eherding_over_uherding_50 .1f} times as long]",),
    "docs/labeling.md": ("drawn within {label results.key_ms_p95 .1f} ms",),
    "docs/labeling-measured.md": ("| with sheets | {label_grid results.grid_labels_per_minute .0f} (",),
}
"""Sentences of pages that tell few results, by page."""


@cache
def made_readme() -> str:
    return readme_of(read("README.md"), figures())


@cache
def compared() -> list[Setting]:
    return compared_in(evidence().records, SIZE)


def problems(page: str, text: str, made: str | None = None) -> list[str]:
    """What is wrong with the text of a page: unexplained numbers, and made parts that are not as they are made."""
    between = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    wrong = [] if made is None or between.findall(text) == between.findall(made) else ["run `make results`"]
    return wrong + loose_numbers(between.sub("", text), EXPLAINED[page])


@pytest.mark.parametrize("page", EXPLAINED)
def test_every_number_is_made_from_records_or_is_no_result(page: str) -> None:
    assert not problems(page, read(page), made_readme() if page == "README.md" else None)


@pytest.mark.parametrize("page", EXPLAINED)
def test_a_changed_digit_is_noticed(page: str) -> None:
    """Of every digit that is not code, a link or part of a placeholder."""
    text, made = read(page), made_readme() if page == "README.md" else None
    hidden = re.compile(r"^```.*?^```|`[^`\n]*`|\]\([^)\n]*\)|\{[^{}\n]*\}|[A-Za-z]\d+", re.MULTILINE | re.DOTALL)
    covered = {place for found in hidden.finditer(text) for place in range(*found.span())}
    digits = [m.start() for m in re.finditer(r"\d", text) if m.start() not in covered]
    assert digits
    for place in digits:
        changed = f"{text[:place]}{(int(text[place]) + 1) % 10}{text[place + 1 :]}"
        assert problems(page, changed, made), text[max(0, place - 40) : place + 20]


def test_a_number_more_is_noticed() -> None:
    for page in EXPLAINED:
        assert problems(page, read(page) + "\nIt gains 1.7 points and 42 %.\n") == ["1.7", "42"]


def test_the_reading_in_the_page_of_results_is_as_it_is_made() -> None:
    """To the digit; `test_results` compares the tables."""
    reading = fill(read(READING), figures())
    assert reading.strip("\n") in read("docs/results.md"), "run `make results`"
    assert not re.search(r"[{}]", reading)


def test_speeds_are_as_they_were_recorded() -> None:
    assert read("docs/performance.md") == speeds_page(), "run `make results`"
    assert speeds_page().startswith(MADE)


def test_the_page_on_labeling_holds_what_was_measured() -> None:
    text = read("docs/labeling-measured.md")
    assert text == measured_of(text), "run `make results`"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("speed results.ratio .1f", "10.0"),
        ("speed results.ratio >=10", "at least 10: reached"),
        ("speed results.ratio >=10.1", "at least 10.1: not reached"),
        ("speed results.ratio <10", "below 10: not reached"),
        ("speed details.n=5, δ=0.5.memory_mb <=1000", "at most 1,000: reached"),
        ("speed details.n=5, δ=0.5.memory_mb <999.5", "below 999.5: not reached"),
    ],
)
def test_a_target_is_reached_or_not(name: str, told: str, tmp_path: Path) -> None:
    """Keys of a record may hold dots and spaces."""
    content = {"results": {"ratio": 10.0}, "details": {"n=5, δ=0.5": {"memory_mb": 1000}, "n=5, δ=0": {}}}
    (tmp_path / "speed.json").write_text(json.dumps(content))
    assert speeds(tmp_path)(name) == told


@pytest.mark.parametrize("page", SENTENCES)
def test_a_sentence_tells_what_was_measured(page: str) -> None:
    text, measured = flat(read(page)), ROOT / "benchmarks" / "results"

    def figure(name: str) -> str:
        benchmark = (measured / f"{name.split()[0]}.json").exists()
        return speeds(measured)(name) if benchmark else figures()(name)

    for sentence in SENTENCES[page]:
        assert fill(sentence, figure) in text


@pytest.mark.parametrize("folder", sorted(PRETRAINED.iterdir()), ids=lambda folder: folder.name)
def test_a_card_tells_what_the_records_say(folder: Path) -> None:
    card, cost = load_card(folder), evidence().costs[folder.name]
    made = card_of(folder, compared())
    assert card == made, "run `make results`"
    digests = {record.config.weights for record in evidence().records if record.strategy == folder.name}
    assert digests == {card["weights_sha256"]} == {cost.weights_sha256}
    assert (card["steps"], card["episodes"]) == (cost.steps, cost.episodes)
    altered = json.loads(json.dumps(made))
    altered["transfer"][0]["against_best"]["difference"]["mean"] += 0.0001
    assert altered != made


def test_the_best_heuristic_of_a_card_is_the_best_of_all() -> None:
    """Of all heuristics that ran with the same configuration in any experiment, from the lines of the records."""
    for folder in PRETRAINED.iterdir():
        for entry in load_card(folder)["transfer"]:
            dataset, classifier, pool = str(entry["on"]).split(", ")
            model = {"CNN": "cnn", "MLP": "mlp", "narrow ResNet-18": "resnet18-narrow"}[classifier]
            place = model, dataset, "whole" if pool == "whole pool" else "100"
            areas = figures().areas
            means = {n: np.mean([*areas[*place, n].values()]) for n in STRATEGIES if (*place, n) in areas}
            means.pop("random")
            assert entry["best_heuristic"] == max(means, key=lambda name: means[name])
            assert entry["seeds"] == len(areas[*place, folder.name])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("better mlp kmnist-10k mnist-mlp random", "the verdict is undecided, and a sentence says holds"),
        ("lift ensemble", "does not lift ensemble beyond doubt on every data set"),
        ("lead mlp kmnist-10k random mnist-mlp-alil-faithful", "an interval includes 0"),
        ("all-open fig13", "the verdict is holds, and a sentence says undecided"),
        ("better mlp mnist nobody random", "have no figure"),
        ("worse mlp mnist mnist-mlp random", "have no figure"),
    ],
)
def test_a_sentence_that_the_records_contradict_is_not_made(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        fill(f"It is {{{name}}}.", figures())


def test_figures_agree_with_the_lines_of_the_records() -> None:
    """The same numbers from the JSON lines, with NumPy and SciPy and nothing of iale."""
    with gzip.open(RECORDS / "records.jsonl.gz", "rt") as file:
        lines = [json.loads(line) for line in file]
    mlp = [r for r in lines if r["classifier"] == "mlp" and r["config"]["cycle"]["acquisition_size"] == 10]

    def aucs(dataset: str, name: str, pool: str = "subset") -> dict[int, float]:
        own = [r for r in mlp if (r["dataset"], r["strategy"], r["pool"]) == (dataset, name, pool)]
        own = [r for r in own if pool == "whole" or r["config"]["cycle"]["subset_size"] == 100]
        return {r["seed"]: sum(r["accuracy"]) / len(r["accuracy"]) for r in own}

    def gaps(one: dict[int, float], other: dict[int, float]) -> list[float]:
        return [100 * (one[seed] - other[seed]) for seed in sorted(one.keys() & other.keys())]

    lead = gaps(aucs("fashion-mnist", "mnist-mlp"), aucs("fashion-mnist", "random"))
    half = stats.t.ppf(0.975, len(lead) - 1) * stats.sem(lead)
    assert figures()("better mlp fashion-mnist mnist-mlp random") == f"+{np.mean(lead):.1f} ± {half:.1f}"
    lifts = [np.mean(gaps(aucs(t, "confidence"), aucs(t, "confidence", "whole"))) for t in TARGETS]
    assert figures()("lift confidence") == f"{min(lifts):.1f} to {max(lifts):.1f}"
    first = []
    for target in TARGETS:
        for name in ("confidence", "margin"):
            runs = [r["overlap"][name] for r in lines if r["dataset"] == target and r.get("overlap")]
            first.append(100 * np.mean([run[: len(run) // 3] for run in runs]))
    assert figures()("share confidence,margin first") == f"{min(first):.0f} to {max(first):.0f}"
    assert figures()("recorded labeling_budget") == "80 to 200"


def test_the_error_rates_of_the_former_rule_are_those_that_the_protocol_tells() -> None:
    """A difference was refuted as soon as Wilcoxon's p against 0 was below 0.05: 4,000 draws of a fixed stream each."""
    text, rng = flat(read("docs/protocol.md")), np.random.default_rng(0)
    for true, told in ((0.5, 19), (0.8, 40)):
        draws = rng.normal(true, 1.3, size=(4000, 10))
        refuted = 100 * np.mean(stats.wilcoxon(draws, axis=1, method="exact").pvalue < 0.05)
        assert abs(refuted - told) < 2
        assert f"{true} points" in text
        assert f"{told} %" in text
