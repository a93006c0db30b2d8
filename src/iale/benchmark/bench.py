"""A bench: one experiment of the paper as policies to train and runs to play, named and ready.

Legend of sizes: "smoke" proves that an experiment works, "standard" fits a night on two cores, "paper" is the published
scale. A `Scale` says how large runs with one classifier are; an experiment says which runs there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from iale import _storage as storage
from iale.benchmark.config import ExperimentConfig, PoolName
from iale.benchmark.records import describe_run
from iale.classifiers.base import TrainingConfig
from iale.dagger.config import AlilConfig, DaggerConfig, UpdateConfig
from iale.learner import CycleConfig

PolicyConfig = DaggerConfig | AlilConfig
Figure = Literal["curves", "overlap", "factor", "times"]


@dataclass(frozen=True)
class Bench:
    """One experiment.

    Attributes:
        name: as it is typed, "fig3".
        title: as people read it.
        claim: what the paper says comes out, one sentence.
        figure: how it is drawn: learning curves, overlap of choices, AUC against a factor, or times.
        factor: for "factor": the dotted path in a record's configuration of what varies, or "strategy".
        policies: how the policies are trained that the runs name.
        grids: the runs.
    """

    name: str
    title: str
    claim: str
    figure: Figure
    grids: tuple[ExperimentConfig, ...]
    policies: Mapping[str, PolicyConfig] = field(default_factory=dict)
    factor: str | None = None


@dataclass(frozen=True)
class Scale:
    """How large the runs with one classifier are.

    Attributes:
        classifier: its name.
        cycle: labels, acquisitions, sub-pool.
        training: how it is fitted.
        seeds: paired repetitions.
        pool_size: training samples that may be labeled; None takes all.
        test_size: test samples; None takes all.
        lessons: of a policy; its data set, classifier and training are filled in by `policy`.
        alil: of an ALIL policy, the same way.
        remark: behind the names of its policies, where others with the same classifier have other lessons.
    """

    classifier: str
    cycle: CycleConfig
    training: TrainingConfig
    seeds: int
    pool_size: int | None
    test_size: int | None
    lessons: DaggerConfig
    alil: AlilConfig
    remark: str = ""

    def runs(
        self,
        dataset: str,
        strategies: Sequence[str],
        *,
        pools: tuple[PoolName, ...] = ("subset",),
        beside: tuple[str, ...] = (),
        seeds: int | None = None,
        **cycle: Any,
    ) -> ExperimentConfig:
        """Runs on one data set; ``cycle`` changes sizes of the loop."""
        return ExperimentConfig(
            dataset=dataset,
            classifier=self.classifier,
            strategies=tuple(strategies),
            seeds=min(seeds or self.seeds, self.seeds),
            pools=pools,
            pool_size=self.pool_size,
            test_size=self.test_size,
            beside=beside,
            cycle=replace(self.cycle, **cycle),
            training=self.training,
        )

    def policy(self, dataset: str, **changes: Any) -> DaggerConfig:
        """How a policy is trained on ``dataset``; ``changes`` are fields of `DaggerConfig`."""
        return replace(self.lessons, dataset=dataset, classifier=self.classifier, training=self.training, **changes)

    def own(self, source: str) -> str:
        """What the policy from ``source`` is called that watched this classifier."""
        return f"{source}-{self.classifier}{self.remark}"

    def alil_policy(self, dataset: str, variant: Literal["faithful", "corrected"]) -> AlilConfig:
        """How an ALIL policy is trained on ``dataset``."""
        return replace(self.alil, dataset=dataset, classifier=self.classifier, training=self.training, variant=variant)


def wanted(bench: Bench) -> Iterator[str]:
    """What identifies each run of a bench, but for the weights of policies, which are known once they are trained."""
    for config in bench.grids:
        for name, pool, seed in config.runs():
            yield _identity(describe_run(config, name, None, pool, seed))


def records_of(bench: Bench, records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of ``records`` that are runs of ``bench``, in its order, wherever and whenever they were computed."""
    places: dict[str, int] = {}
    for identity in wanted(bench):
        places.setdefault(identity, len(places))
    found = [(places.get(_identity(record["config"])), record["key"], record) for record in records]
    known = [(place, key, record) for place, key, record in found if place is not None]
    return [record for _, _, record in sorted(known, key=lambda each: each[:2])]


def _identity(described: dict[str, Any]) -> str:
    training = {name: value for name, value in described["training"].items() if name != "device"}
    return storage.to_json({**described, "policy": None, "training": training})


PAPER_UPDATE = UpdateConfig(policy_epochs=30, states_per_batch=1, permute=False)
"""Section 4.2, to the letter."""
