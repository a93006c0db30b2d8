"""Every figure that a sentence about the results may tell, computed from the records.

A figure has a name of several words, as in ``better mlp fashion-mnist mnist-mlp margin``; the first says what is told,
and words with commas are lists, whose lowest and highest mean are told. Words that name a verdict are a promise: if the
records give another verdict, the page cannot be made, and the sentence must be written anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

import numpy as np

from iale.benchmark._evidence import Evidence
from iale.benchmark._experiment import Claim, Experiment, records_of
from iale.benchmark._experiments.catalog import EXPERIMENTS
from iale.benchmark._judge import Finding, Verdict, judge, verdict
from iale.benchmark._power import USUAL
from iale.benchmark._sizes import SIZES, Size
from iale.benchmark._statistics import Comparison, area, compare, detectable
from iale.benchmark.records import Record
from iale.classifiers.base import TrainingConfig
from iale.errors import ConfigError
from iale.reports._panels import panels
from iale.reports._summary import Cost, costs
from results_page import pool_gains

PUBLISHED = {"random": "1.055", "mc-dropout": "1.48", "ensemble": "5.05"}
"""Seconds of IALE, MC-Dropout and Ensemble relative to Random in section A.3.3 of the paper."""

Place = tuple[str, str, str, str]
"""Classifier, data set, size of the sub-pool or "whole", strategy."""


class Figures:
    """The figures by name; each group is computed when the first of them is asked for."""

    def __init__(self, evidence: Evidence, size: Size, former: Sequence[Record] = ()) -> None:
        """The figures of the records of one size; ``former`` holds runs of policies that were trained again since."""
        self.evidence, self.size, self.former = evidence, size, former
        self.kinds: dict[str, Callable[..., str]] = {
            "better": lambda *of: self._judged("better", Verdict.HOLDS, *of),
            "won": lambda *of: self._judged("better", Verdict.HOLDS, *of, signed=False),
            "beaten": lambda *of: self._judged("better", Verdict.FAILS, *of, signed=False, turned=True),
            "level": lambda *of: self._judged("better", Verdict.NO_GAIN, *of),
            "open": lambda *of: self._judged("better", Verdict.OPEN, *of),
            "as-good": lambda *of: self._judged("as good", Verdict.HOLDS, *of),
            "all-open": self._all_open,
            "gap": lambda *of: told(self._gaps(*of)),
            "lead": self._lead,
            "lift": self._lift,
            "shift": lambda names, *places: told(self._lifts(names, *places)),
            "lift-p": lambda name, place: f"{self._lifts(name, place)[0].p_holm:.4f}",
            "resized": self._resized,
            "former": self._former,
            "retrained": lambda: told(self.retrained),
            "share": self._share,
            "final": self._final,
            "half-widths": self._half_widths,
            "time": lambda name: number(self._times[name].seconds_ratio or np.nan, 2),
            "times": lambda name: spread(self._times[name].span or (), 2),
            "timed": lambda: str(EXPERIMENTS["runtime"](size).grids[0].seeds),
            "published": PUBLISHED.__getitem__,
            "learned": self._learned,
            "seeds": self._seeds,
            "seen": lambda seeds: number(100 * (detectable(int(seeds), USUAL) or np.nan), 1),
            "recorded": self._recorded,
            "paper": paper,
            "size": lambda what: str(getattr(size.mlp.shape.cycle, what)),
            "chance": self._chance,
        }

    def __call__(self, name: str) -> str:
        """The figure called ``name``; raises ConfigError if there is none, or if the records contradict the name."""
        kind, *of = name.split()
        try:
            return self.kinds[kind](*of)
        except (KeyError, TypeError, StopIteration) as error:
            raise ConfigError(f"the records have no figure {{{name}}} ({error!r}): check its words.") from error

    @cached_property
    def _own(self) -> dict[str, tuple[Experiment, list[Record]]]:
        made = {name: make(self.size) for name, make in EXPERIMENTS.items()}
        return {name: (each, records_of(each, self.evidence.records)) for name, each in made.items()}

    @cached_property
    def judged(self) -> dict[str, list[tuple[Claim, Finding]]]:
        """By experiment."""
        claims = {n: [c for c in each.claims if isinstance(c, Claim)] for n, (each, _) in self._own.items()}
        return {n: [(c, f) for c in own for f in judge(c, self._own[n][1])[1]] for n, own in claims.items()}

    @cached_property
    def findings(self) -> dict[tuple[str, str, str, str], Finding]:
        """By kind of claim, place and both sides."""
        every = ((claim, f, f.contest) for own in self.judged.values() for claim, f in own)
        return {(claim.kind, contest.where, contest.first, contest.second): f for claim, f, contest in every}

    @cached_property
    def areas(self) -> dict[Place, dict[int, float]]:
        """AUCs by seed, of all runs with the usual acquisition size."""
        return self._areas(self.evidence.records)

    def _areas(self, records: Sequence[Record]) -> dict[Place, dict[int, float]]:
        found: dict[Place, dict[int, float]] = {}
        shapes = [scale.shape for scale in (self.size.mlp, self.size.main, self.size.resnet)]
        usual = {shape.classifier: shape.cycle.acquisition_size for shape in shapes}
        for record in records:
            if record.config.acquisition_size == usual[record.classifier] and not record.overlap:
                pool = "whole" if record.pool == "whole" else str(record.config.subset_size)
                place = record.classifier, record.dataset, pool, record.strategy
                found.setdefault(place, {})[record.seed] = area(record.accuracy)
        return found

    def gap(self, model: str, where: str, first: str, second: str) -> Comparison:
        """One strategy against another; ``where`` is a data set, or DATASET@POOL for another pool than the usual."""
        dataset, _, pool = where.partition("@")
        pool = pool or str(self.size.mlp.shape.cycle.subset_size)
        found = compare(self.areas[model, dataset, pool, first], self.areas[model, dataset, pool, second])
        if found is None:
            raise KeyError(first)
        return found

    def _gaps(self, model: str, places: str, firsts: str, seconds: str) -> list[Comparison]:
        return [self.gap(model, *each) for each in product(places, firsts, seconds)]

    def _lead(self, *of: str) -> str:
        """Differences whose intervals lie above 0, without signs."""
        found = self._gaps(*of)
        if any((gap.difference.low or 0) <= 0 for gap in found):
            raise ConfigError(f"{' '.join(of)}: an interval includes 0, so this is no lead: write the sentence anew.")
        return told(found, signed=False)

    def _judged(
        self, kind: str, needed: Verdict, model: str, *lists: str, signed: bool = True, turned: bool = False
    ) -> str:
        """Comparisons that the page of results judges and that all have one verdict; turned, the second one leads."""
        found = [self.findings[kind, f"{p}, {model}", a, b] for p, a, b in product(*lists)]
        return told(checked(found, needed), signed, turned)

    def _all_open(self, experiment: str) -> str:
        """Every comparison of an experiment."""
        return told(checked([finding for _, finding in self.judged[experiment]], Verdict.OPEN))

    @cached_property
    def lifts(self) -> dict[tuple[str, str], Comparison]:
        """What the sub-pool alone gives with the MLP, by strategy and data set."""
        found = pool_gains(self._own["fig8"][1])
        return {(name, dataset): c for (dataset, _), gains in found.items() for name, c in gains.items()}

    def _lift(self, names: str, places: str = "") -> str:
        """Gains that hold, each of them."""
        found = self._lifts(names, places)
        if {verdict(each) for each in found} != {Verdict.HOLDS}:
            raise ConfigError(f"the sub-pool does not lift {names} beyond doubt on every data set: write it anew.")
        return told(found)

    def _lifts(self, names: str, places: str = "") -> list[Comparison]:
        """Gains of strategies on some data sets, or on all three."""
        chosen = places.split(",") if places else self.size.targets
        return [self.lifts[name, dataset] for name in names.split(",") for dataset in chosen]

    def _resized(self, pool: str, strategy: str) -> str:
        """Another sub-pool against the usual one, on Fashion-MNIST with the MLP."""
        usual = str(self.size.mlp.shape.cycle.subset_size)
        mine, theirs = (self.areas["mlp", self.size.fashion, n, strategy] for n in (pool, usual))
        return told([c for c in [compare(mine, theirs)] if c is not None])

    @cached_property
    def retrained(self) -> list[Comparison]:
        """The second training of each policy against its first one, on each data set."""
        pairs = ((self.areas[place], own) for place, own in self._areas(self.former).items())
        return [found for found in (compare(*pair) for pair in pairs) if found is not None]

    def _former(self, model: str, dataset: str, first: str, second: str) -> str:
        """A difference of policies from the first training."""
        areas, subset = self._areas(self.former), str(self.size.mlp.shape.cycle.subset_size)
        found = compare(areas[model, dataset, subset, first], areas[model, dataset, subset, second])
        return told([found] if found else [])

    @cached_property
    def shares(self) -> dict[tuple[str, str], list[float]]:
        """By strategy and data set: the share of the policy's choices that it would have made too, in each third."""
        found: dict[tuple[str, str], list[np.ndarray[tuple[int], np.dtype[np.float64]]]] = {}
        for record in self._own["fig4"][1]:
            for name, shares in record.overlap.items():
                found.setdefault((name, record.dataset), []).append(np.asarray(shares, dtype=np.float64))
        return {of: [float(p.mean()) for p in np.array_split(np.stack(runs), 3, axis=1)] for of, runs in found.items()}

    def _share(self, names: str, part: str = "whole") -> str:
        """Percent of choices shared on each data set: of whole runs, in the first or last third, or in any third."""
        parts: dict[str, Callable[[list[float]], list[float]]] = {
            "whole": lambda thirds: [float(np.mean(thirds))],
            "first": lambda thirds: thirds[:1],
            "last": lambda thirds: thirds[-1:],
            "thirds": lambda thirds: thirds,
        }
        found = [self.shares[name, dataset] for name in names.split(",") for dataset in self.size.targets]
        return spread([100 * value for thirds in found for value in parts[part](thirds)], 0)

    def _chance(self) -> str:
        """Percent of choices that a random draw from the usual sub-pool shares with any other."""
        cycle = self.size.mlp.shape.cycle
        return number(100 * cycle.acquisition_size / (cycle.subset_size or np.nan), 0)

    def _final(self, model: str, dataset: str) -> str:
        """Percent right with the whole budget: means over seeds of all strategies."""
        last: dict[str, list[float]] = {}
        for record in self.evidence.records:
            if (record.classifier, record.dataset) == (model, dataset):
                last.setdefault(record.strategy, []).append(100 * record.accuracy[-1])
        return spread([float(np.mean(values)) for values in last.values()], 0)

    def _half_widths(self, *of: str) -> str:
        gaps = [gap.difference for gap in self._gaps(*of)]
        return spread([100 * (each.high - each.mean) for each in gaps if each.high is not None], 1)

    @cached_property
    def _times(self) -> dict[str, Cost]:
        return {c.name: c for p in panels(self._own["runtime"][1]) for c in costs(p, self.evidence.times)}

    def _learned(self, names: str, what: str) -> str:
        """Episodes or steps that policies learned from; ``iale`` and ``alil`` name all of their kind."""
        known = self.evidence.costs
        found = [c for n in names.split(",") for name, c in known.items() if n in (name, c.kind)]
        return spread([float(getattr(cost, what)) for cost in found], 0)

    def _seeds(self, model: str) -> str:
        """Seeds of every heuristic on the usual sub-pool and, if it was played, on the whole pool."""
        names = {name for name, _ in self.lifts}
        usual = ("whole", str(self.size.mlp.shape.cycle.subset_size))
        own = [a for (m, _, pool, name), a in self.areas.items() if m == model and pool in usual and name in names]
        return spread([float(len(areas)) for areas in own], 0)

    def _recorded(self, what: str, *models: str) -> str:
        """An option of all records, or of those with one of the classifiers."""
        records = [r for r in self.evidence.records if not models or r.classifier in models]
        values = [float(getattr(r.config, what)) for r in records if getattr(r.config, what) is not None]
        return spread(values, 0)


def paper(what: str) -> str:
    """What the paper's own size has: labels, epochs of a fit, episodes of a policy, or steps in them."""
    scale = SIZES["paper"](TrainingConfig(device="cpu")).main
    cycle = scale.lessons.cycle
    steps = scale.lessons.episodes * ((cycle.labeling_budget - cycle.initial_size) // cycle.acquisition_size)
    known = {"labels": cycle.labeling_budget, "epochs": scale.shape.training.epochs, "steps": steps}
    return f"{({**known, 'episodes': scale.lessons.episodes})[what]:,}"


def checked(findings: Sequence[Finding], needed: Verdict) -> list[Comparison]:
    """The comparisons of findings that all have the verdict ``needed``."""
    for finding in findings:
        if finding.verdict != needed:
            contest = finding.contest
            raise ConfigError(
                f"{contest.first} against {contest.second} on {contest.where}: the verdict is {finding.verdict!s}, and "
                f"a sentence says {needed!s}: write it anew."
            )
    return [finding.comparison for finding in findings if finding.comparison is not None]


def product(places: str, firsts: str, seconds: str) -> Iterator[tuple[str, str, str]]:
    """Every combination of three lists."""
    return ((p, a, b) for p in places.split(",") for a in firsts.split(",") for b in seconds.split(","))


def told(comparisons: Sequence[Comparison], signed: bool = True, turned: bool = False) -> str:
    """A difference in points with half its interval, or the lowest and the highest of several means."""
    means = [100 * (-1 if turned else 1) * c.difference.mean for c in comparisons]
    if len(means) > 1:
        return spread(means, 1)
    (gap,) = (c.difference for c in comparisons)
    half = "" if gap.high is None else f" ± {number(100 * (gap.high - gap.mean), 1)}"
    return number(means[0], 1, "+" if signed else "") + half


def spread(values: Sequence[float], digits: int) -> str:
    """The lowest and the highest value, or the one that both round to; with signs if one is negative."""
    sign = "+" if min(values) < 0 else ""
    ends = dict.fromkeys(number(value, digits, sign) for value in (min(values), max(values)))
    return " to ".join(ends)


def number(value: float, digits: int, sign: str = "") -> str:
    """A number; halves round alike on every machine, because what lies beyond nine digits comes from floating point."""
    return f"{round(value, 9):{sign},.{digits}f}".replace("-", "−")
