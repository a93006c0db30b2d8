"""The page docs/universal.md: what was tried for a policy that is better than every heuristic, from records alone."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from iale._storage import read_lines
from iale.benchmark._statistics import area, estimate
from iale.benchmark.records import Record
from iale.reports._markup import Table, markdown
from iale.reports._panels import display_name
from iale.reports._tables import NONE, signed
from iale.strategies.catalog import STRATEGIES
from replay import FAMILIES
from sentences import fill
from strategies_page import points, policies, swaps, values, variance

BASE = "uherding"
FORMS = ("herding", "selector")
"""Of a universal policy."""

OPINIONS = {
    "Folds": "the network and its folds",
    "Head": "the head alone",
    "Mean": "mean of both",
    "Pooled": "sum of both",
    "PooledFolds": "sum of the folds and the head",
    "BothSpaces": "both spaces",
    "HeadAlone": "the head alone",
    "MeanWithHead": "mean of both",
    "SumWithHead": "sum of both",
    "FoldsAndHead": "sum of the folds and the head",
    "JudgedBySum": "judged by the sum",
    "JudgedByHead": "judged by the head",
    "JudgedByFolds": "judged by the sum with the folds",
    "JudgedSoftly": "judged softly",
    "HalfJudged": "half its own, half judged",
    "JudgedFits": "all fits, judged by the sum",
    "JudgedFitsByFolds": "all fits, judged by the sum with the folds",
    "LearnedSum": "judged by the sum, if 95 % right",
    "LearnedFits": "all fits, judged, if 95 % right",
    "TrainedSum": "judged by the sum, if sure of its labels",
    "TrainedFits": "all fits, judged, if sure of its labels",
}
"""What `second_opinions.py` calls the variants."""

_EVERY = 10  # samples of an acquisition of a network
_CONTROLS = {
    "PerfectJudge": "which samples are wrong",
    "HalfPerfect": "the mean of that and of what it believes",
    "labels after every 5": "labels after every 5",
}
"""What `network_ceilings.py` calls what they know."""

_KNOWS = {"perfect judge": "which samples are wrong", "own class": "which samples have one class"}
"""What `ceilings.py` calls what they know."""

Rules = Mapping[str, Mapping[str, Any]]
"""What `universal_rules.py` found for each family."""

Curves = Mapping[tuple[str, int], float]
"""The mean accuracy of a variant by family and seed."""


def universal_page(folder: Path, text: str) -> str:
    """The text with the tables and counts of the records in ``folder`` in place of ``{by hand 10}`` and the like."""
    found = by_hand(folder / "by-hand.jsonl")
    tables = {f"by hand {batch}": hand_table(variants) for batch, variants in found.items()}
    found_rules = json.loads((folder / "rules.json").read_text(encoding="utf-8"))
    rules, found_sight = found_rules["families"], found_rules["sight"]
    tables |= {"correlations": correlations(rules), "choices": choices(rules)}
    tables |= {"sight": sight(found_sight), "roll-outs": roll_outs(folder)}
    tables["costs"] = costs(json.loads((folder / "costs.json").read_text(encoding="utf-8")))
    between = json.loads((folder / "strategies.json").read_text(encoding="utf-8"))
    tables |= {"values": values(between), "policies": policies(between), "variance": variance(between)}
    tables |= {"swaps": swaps(folder / "swaps"), "opinions": hand_table(opinions(folder / "opinions"))}
    tables["luck"] = luck(json.loads((folder / "luck.json").read_text(encoding="utf-8")))
    tables["ablations"] = ablations(json.loads((folder / "ablations.json").read_text(encoding="utf-8")))
    tables["opinions on patches"] = hand_table(opinions(folder / "opinions-patches"))
    tables["opinions, CNN"] = cnn_table(opinions(folder / "opinions-cnn"))
    tables["ceilings"] = ceilings(folder / "ceilings.jsonl")
    tables["ceilings of networks"] = network_ceilings(folder / "network-ceilings")
    found_figures = {name: markdown(table) for name, table in tables.items()}
    found_figures |= {name: str(between[name]) for name in ("states", "tasks")}
    return fill(text, found_figures.__getitem__)


def correlations(rules: Rules) -> Table:
    """Rule 2, a line for each family."""
    header = ["family", "learns from", "learned value", "known families", "weighted coverage alone", "draws with draws"]
    lines = []
    for name, own in rules.items():
        value, *others = (_rank(own["rank"].get(each)) for each in ("value", "coverage", "draws"))
        policy = own["policy"]
        lines.append([name, f"{policy['steps']} states", value, f"{policy['value']['after']:.2f}", *others])
    return Table(header, lines)


def luck(found: Rules) -> Table:
    """How likely the reference finds the true labels, how its draws agree, the same by folds, and what can be told."""
    both = [f"{who}: {what}" for who in ("reference", "folds") for what in ("p of the true label", "draws with draws")]
    columns = ("truth", "draws", "truth apart", "draws apart", "ceiling")
    lines = [[name, *(_rank(own[column]) for column in columns)] for name, own in found.items()]
    return Table(["family", *both, "told at best"], lines)


def ablations(found: Rules) -> Table:
    """The rank correlation of values that learned from less, or see less, on families that they do not know."""

    def told(numbers: Mapping[str, float], sign: str = "") -> str:
        return f"{numbers['mean']:{sign}.3f} ± {numbers['half']:.3f}".replace("-", "−")

    lines = []
    for name, own in found.items():
        less = NONE if name == "all" else told(own["difference"], "+")
        lines.append([name, *(f"{own['families'][family]:.2f}" for family in FAMILIES), told(own["tasks"]), less])
    return Table(["learns and sees", *FAMILIES, "all tasks", "less all"], lines)


def choices(rules: Rules) -> Table:
    """Rule 3, a line for each family."""
    lines = []
    for name, own in rules.items():
        gains = {each: found for each, found in own["gains"].items() if each in STRATEGIES and each != BASE}
        best = max(gains, key=lambda each: gains[each]["mean"])
        shown = [points(own["gains"][each]) for each in ("selector", "best in hindsight")]
        lines.append([name, *shown, f"{display_name(best)} {points(gains[best])}"])
    return Table(["family", "selector", "best in hindsight", "best other strategy"], lines)


def sight(found: Rules) -> Table:
    """What strategies' batches are worth less Uncertainty Herding's, judged at once and later."""
    names = [name for name in found["at once"] if name != BASE]
    names.sort(key=lambda name: -found["at once"][name]["mean"])
    lines = [[display_name(name), *(points(own[name]) for own in found.values())] for name in names]
    return Table(["strategy", "judged at once", "two acquisitions later"], lines)


def roll_outs(folder: Path) -> Table:
    """Rule 4: the differences of both forms from Uncertainty Herding, a line for each family that was played."""
    areas: dict[tuple[str, str], dict[int, float]] = defaultdict(dict)
    for line in read_lines(folder / "roll-outs" / "records.jsonl"):
        record = Record.parse(line)
        form = record.strategy.rpartition("-")[2]
        areas[record.dataset, form][record.seed] = area(record.accuracy)
    lines = []
    for name in dict.fromkeys(dataset for dataset, _ in areas):
        base = areas[name, BASE]
        own = [[areas[name, form][seed] - base[seed] for seed in sorted(base)] for form in FORMS]
        lines.append([name, *(signed(estimate(each)) for each in own), str(len(base))])
    return Table(["family", "learned herding", "selector", "seeds"], lines)


def costs(found: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Table:
    """Seconds of both forms, and how many times those of Uncertainty Herding they are; a line for each classifier."""
    lines = []
    for classifier, own in found.items():
        for what, usual in own[BASE].items():
            forms = [f"{own[form][what]:.2f} ({own[form][what] / usual:.1f} ×)" for form in FORMS]
            lines.append([classifier, what, f"{usual:.2f}", *forms])
    return Table(["classifier", "seconds of", display_name(BASE), "learned herding", "selector"], lines)


def _rank(found: Mapping[str, float] | None) -> str:
    return NONE if found is None else f"{found['mean']:.2f} ± {found['half']:.2f}"


def by_hand(path: Path) -> dict[int, dict[str, Curves]]:
    """The variants of each size of batch."""
    found: dict[int, dict[str, dict[tuple[str, int], float]]] = defaultdict(lambda: defaultdict(dict))
    for line in path.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        mean = sum(record["accuracy"]) / len(record["accuracy"])
        found[record["batch"]][record["variant"]][record["family"], record["seed"]] = mean
    return {batch: dict(variants) for batch, variants in found.items()}


def ceilings(path: Path) -> Table:
    """What controls gain over Uncertainty Herding that know what no strategy knows."""
    means: dict[tuple[int, int, str], dict[tuple[str, int], float]] = defaultdict(dict)
    for own in read_lines(path):
        place = own["last"], own["batch"], own["variant"]
        means[place][own["family"], own["seed"]] = float(np.mean(own["accuracy"]))
    usual = {last: max(batch for other, batch, _ in means if other == last) for last, *_ in means}
    lines = []
    for (last, batch, variant), curves in means.items():
        base = means[last, usual[last], BASE]
        if curves is not base:
            gains = {place: value - base[place] for place, value in curves.items()}
            knows = f"labels after every {batch}" if variant == BASE else _KNOWS[variant]
            lines.append([f"{usual[last]}, to {last}", knows, *_by_family(gains)])
    return Table(["acquisitions", "knows", *FAMILIES, "mean", "seeds"], lines)


def network_ceilings(folder: Path) -> Table:
    """What controls of a network gain over Error Herding that know what no strategy knows."""
    curves: dict[str, dict[tuple[str, int], float]] = defaultdict(dict)
    for line in read_lines(folder / "records.jsonl"):
        record = Record.parse(line)
        often = _EVERY // record.config.acquisition_size  # compared where the longest acquisitions have their fits
        name = record.strategy if often == 1 else f"labels after every {record.config.acquisition_size}"
        curves[name][record.dataset, record.seed] = float(np.mean(record.accuracy[::often]))
    base, lines = curves["eherding"], []
    for name, told in _CONTROLS.items():
        lines.append([told, *_by_family({place: value - base[place] for place, value in curves[name].items()})])
    return Table(["knows", *FAMILIES, "mean", "seeds"], lines)


def opinions(folder: Path) -> dict[str, Curves]:
    """What each second opinion reached with a network, by family and seed."""
    found: dict[str, dict[tuple[str, int], float]] = defaultdict(dict)
    for line in read_lines(folder / "records.jsonl"):
        record = Record.parse(line)
        found[OPINIONS.get(record.strategy, record.strategy)][record.dataset, record.seed] = area(record.accuracy)
    return dict(found)


def cnn_table(variants: Mapping[str, Curves]) -> Table:
    """A line for each second opinion with the CNN, with the seeds of each family in parentheses."""
    lines, families = [], ("digits", "mnist")
    for name, curves in variants.items():
        if name == BASE:
            continue
        cells, base = [], variants[BASE]
        for family in families:
            own = [value - base[place] for place, value in curves.items() if place[0] == family and place in base]
            cells.append(f"{signed(estimate(own))} ({len(own)})" if own else NONE)
        lines.append([name, *cells])
    return Table(["variant", *families], lines)


def hand_table(variants: Mapping[str, Curves]) -> Table:
    """A line for each variant: its differences from Uncertainty Herding, the highest mean over families first."""
    lines = []
    for name, curves in variants.items():
        if name == BASE:
            continue
        differences = {
            place: value - variants[BASE][place] for place, value in curves.items() if place in variants[BASE]
        }
        cells = _by_family(differences)
        place = estimate(_means(differences)).mean if int(cells[-1]) > 1 else -np.inf  # what was soon given up: last
        lines.append((place, [name, *cells]))
    lines.sort(key=lambda line: -line[0])
    return Table(["variant", *FAMILIES, "mean", "seeds"], [cells for _, cells in lines])


def _means(differences: Curves) -> list[float]:
    """The mean over the families of each seed that all of them have."""
    shared = [seed for seed in range(100) if all((family, seed) in differences for family in FAMILIES)]
    return [sum(differences[family, seed] for family in FAMILIES) / len(FAMILIES) for seed in shared]


def _by_family(differences: Curves) -> list[str]:
    """Intervals for each family and for the mean over families, and the number of seeds of that."""
    families = [[d for (own, _), d in differences.items() if own == family] for family in FAMILIES]
    means = _means(differences)
    return [*(signed(estimate(own)) if own else NONE for own in (*families, means)), str(len(means))]
