"""What the reading of an experiment may tell of its runs: how many were played, and what one strategy gains."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache

from figures import spread
from gain_tables import Areas, Place, areas, mean_rises
from iale.benchmark._experiment import Experiment, records_of, wanted
from iale.benchmark._statistics import Estimate, estimate
from iale.benchmark.records import Record
from iale.errors import ConfigError
from iale.reports._tables import signed
from sentences import Figure


def runs_played(experiment: Experiment, records: Sequence[Record]) -> Figure:
    """The figures of an experiment by name.

    - {all}: how many runs there are, all of which must have been played;
    - {seeds CLASSIFIER POOLS DATASETS STRATEGIES}: the fewest and the most seeds;
    - {strategies CLASSIFIER POOLS DATASETS}: the fewest and the most strategies;
    - {gain POINTS CLASSIFIER POOL DATASETS FIRST SECOND}: FIRST − SECOND in points of AUC, the mean over data sets on
      the seeds that both have on each; it must be at least POINTS, with an interval above 0.

    Lists have commas, and * is all that was played. `pool_of` says what pools are called.
    """
    own = records_of(experiment, records)
    played = cache(lambda: areas(own))  # a sentence on all runs needs none, whatever they differ in

    def figure(name: str) -> str:
        kind, *of = name.split()
        try:
            if kind == "all":
                return f"{_all(experiment, own, *of):,}"
            if kind == "gain":
                return signed(_gain(played(), *of))
            places = _places(played(), *of)
            counts = {
                "seeds": [len(played()[place]) for place in places],
                "strategies": [*Counter(place[:3] for place in places).values()],
            }
            return spread([float(count) for count in counts[kind]], 0)
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigError(f"the runs have no figure {{{name}}} ({error!r}): check its words.") from error

    return figure


def _all(experiment: Experiment, own: Sequence[Record]) -> int:
    played, count = len({record.key for record in own}), len(set(wanted(experiment)))
    if played != count:
        raise ConfigError(f"{experiment.name}: {played} of {count} runs are played, and a sentence says all of them.")
    return count


def _places(played: Areas, classifier: str, pools: str, datasets: str, strategies: str = "*") -> list[Place]:
    """Every combination of the lists; what is named must have been played."""
    found: list[tuple[str, ...]] = [(classifier,)]
    for names in (pools, datasets, strategies):
        known = {at: sorted({place[len(at)] for place in played if place[: len(at)] == at}) for at in found}
        found = [(*at, name) for at in found for name in (known[at] if names == "*" else names.split(","))]
    wrong = [place for place in found if place not in played]
    if wrong or not found:
        raise KeyError(*wrong)
    return [place for place in played if place in set(found)]


def _gain(played: Areas, least: str, classifier: str, pool: str, datasets: str, *pair: str) -> Estimate:
    first, second = pair
    sets = dict.fromkeys(place[2] for place in _places(played, classifier, pool, datasets, f"{first},{second}"))
    found = estimate([*mean_rises(played, (classifier, pool), [*sets], first, second).values()])
    if found.low is None or found.low <= 0 or 100 * found.mean < float(least):
        raise ConfigError(f"{first} does not gain {least} points on {second} with an interval above 0: write it anew.")
    return found
