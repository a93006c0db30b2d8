"""What the reading of an experiment may tell of its runs: how many were played, and what one strategy gains."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from figures import spread
from iale.benchmark._experiment import Experiment, records_of, wanted
from iale.benchmark._statistics import Estimate, area, estimate
from iale.benchmark.records import Record
from iale.errors import ConfigError
from iale.learner import CycleConfig
from iale.reports._tables import signed
from sentences import Figure

Place = tuple[str, str, str, str]
"""Classifier, pool, data set, strategy."""
Areas = Mapping[Place, Mapping[int, Sequence[float]]]
"""The AUCs of each seed: more than one if the runs of a place differ in something else."""


def runs_played(experiment: Experiment, records: Sequence[Record]) -> Figure:
    """The figures of an experiment by name.

    - {all}: how many runs there are, all of which must have been played;
    - {seeds CLASSIFIER POOLS DATASETS STRATEGIES}: the fewest and the most seeds;
    - {strategies CLASSIFIER POOLS DATASETS}: the fewest and the most strategies;
    - {gain POINTS CLASSIFIER POOL DATASET FIRST SECOND}: FIRST − SECOND in points of AUC on the seeds of both; it must
      be at least POINTS, with an interval above 0.

    Lists have commas, and * is all that was played. A pool is "whole" or its number of candidates, and behind an @
    there is the size of acquisitions, if it is not the usual one.
    """
    own = records_of(experiment, records)
    areas = areas_of(own)

    def figure(name: str) -> str:
        kind, *of = name.split()
        try:
            if kind == "all":
                return f"{_all(experiment, own, *of):,}"
            if kind == "gain":
                return signed(_gain(areas, *of))
            places = _places(areas, *of)
            counts = {
                "seeds": [len(areas[place]) for place in places],
                "strategies": [*Counter(place[:3] for place in places).values()],
            }
            return spread([float(count) for count in counts[kind]], 0)
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigError(f"the runs have no figure {{{name}}} ({error!r}): check its words.") from error

    return figure


def areas_of(records: Sequence[Record]) -> Areas:
    """The AUCs of all runs by place and seed."""
    found: dict[Place, dict[int, list[float]]] = {}
    for record in records:
        candidates, size = record.config.subset_size, record.config.acquisition_size
        pool = "whole" if candidates is None else str(candidates)
        pool += "" if size == CycleConfig().acquisition_size else f"@{size}"
        place = record.classifier, pool, record.dataset, record.strategy
        found.setdefault(place, {}).setdefault(record.seed, []).append(area(record.accuracy))
    return found


def _all(experiment: Experiment, own: Sequence[Record]) -> int:
    played, count = len({record.key for record in own}), len(set(wanted(experiment)))
    if played != count:
        raise ConfigError(f"{experiment.name}: {played} of {count} runs are played, and a sentence says all of them.")
    return count


def _places(areas: Areas, classifier: str, pools: str, datasets: str, strategies: str = "*") -> list[Place]:
    """Every combination of the lists; what is named must have been played."""
    found: list[tuple[str, ...]] = [(classifier,)]
    for names in (pools, datasets, strategies):
        known = {at: sorted({place[len(at)] for place in areas if place[: len(at)] == at}) for at in found}
        found = [(*at, name) for at in found for name in (known[at] if names == "*" else names.split(","))]
    wrong = [place for place in found if place not in areas]
    if wrong or not found:
        raise KeyError(*wrong)
    return [place for place in areas if place in set(found)]


def _gain(areas: Areas, least: str, classifier: str, pool: str, dataset: str, first: str, second: str) -> Estimate:
    one, other = (areas[classifier, pool, dataset, name] for name in (first, second))
    pairs = [(one[seed], other[seed]) for seed in sorted(one.keys() & other.keys())]
    found = estimate([mine - theirs for (mine,), (theirs,) in pairs])
    if found.low is None or found.low <= 0 or 100 * found.mean < float(least):
        raise ConfigError(f"{first} does not gain {least} points on {second} with an interval above 0: write it anew.")
    return found
