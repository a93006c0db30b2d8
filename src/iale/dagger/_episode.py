"""One episode of Algorithm 1: a run of active learning in which every step is demonstrated by its best expert."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from iale.classifiers.base import Classifier
from iale.dagger._demonstrations import Episode, StepLog, stack
from iale.dagger.config import AlilConfig, DaggerConfig
from iale.data.pool import Candidates, class_balanced
from iale.data.samples import DataSet
from iale.errors import ConfigError
from iale.learner import Learner, accuracy, start
from iale.policies.state import observe
from iale.seeding import Stream
from iale.strategies.base import Need, QueryStrategy


def split_source(config: DaggerConfig | AlilConfig, data: DataSet) -> tuple[Tensor, Tensor]:
    """The scoring set and what is left of the source's training split: two int64 tensors that never meet.

    The scoring set is class-balanced and the same for every episode; the test split is not touched.
    """
    everything = torch.arange(len(data.train))
    size = max(config.scoring_size, data.num_classes)
    scoring = class_balanced(
        everything, data.train_labels, size, data.num_classes, Stream(config.seed).child("scoring")
    )[: config.scoring_size]
    rest = torch.ones(len(data.train), dtype=torch.bool)
    rest[scoring] = False
    return scoring, everything[rest]


def open_episode(
    config: DaggerConfig | AlilConfig, data: DataSet, classifier: Classifier, number: int
) -> tuple[Learner, Tensor]:
    """A learner with its first labels, and the scoring set, int64.

    Raises:
        ConfigError: the budget and a last sub-pool are larger than the pool.
        DataError: a class has too few samples.
    """
    scoring, rest = split_source(config, data)
    stream = Stream(config.seed).child("episode", number)
    if config.pool_size is not None and config.pool_size < len(rest):
        rest = rest[torch.from_numpy(stream.child("pool").numpy().permutation(len(rest))[: config.pool_size])]
    subset = config.cycle.subset_size or 0
    if config.cycle.labeling_budget + subset > len(rest):
        raise ConfigError(
            f"the labeling budget {config.cycle.labeling_budget} and a last sub-pool of {subset} are larger than the "
            f"pool of {len(rest)} samples: lower the budget."
        )
    return start(classifier, data, config.cycle, stream, universe=rest), scoring


def run_episode(
    config: DaggerConfig,
    data: DataSet,
    classifier: Classifier,
    experts: Mapping[str, QueryStrategy],
    policy: QueryStrategy,
    number: int,
) -> Episode:
    """Plays one episode (Algorithm 1, lines 3 to 14).

    Args:
        config: sizes, coin and seed.
        data: the source.
        classifier: the recipe of M.
        experts: the strategies to imitate, by name.
        policy: acts where the coin says so.
        number: of the episode, 1, 2, …; it names the streams.
    """
    learner, scoring = open_episode(config, data, classifier, number)
    needs = frozenset[Need]().union(policy.needs, *(expert.needs for expert in experts.values()))
    pairs, log = [], []
    while (left := config.cycle.labeling_budget - len(learner.pool.labeled)) > 0:
        k = min(config.cycle.acquisition_size, left)
        learner.fit(needs)
        candidates = learner.candidates()
        context = learner.context(candidates, needs)
        proposals = {
            name: expert.query(context, k, rng=learner.rng("expert", name)) for name, expert in experts.items()
        }
        scores = look_ahead(learner, candidates, proposals, data, scoring)
        best = best_expert(scores, learner)
        target = torch.zeros(len(candidates), dtype=torch.bool)
        target[proposals[best]] = True
        pairs.append((observe(context), target))
        policy_acts = float(learner.rng("coin").random()) >= config.expert_chance(number)
        positions = policy.query(context, k, rng=learner.rng("policy")) if policy_acts else proposals[best]
        chosen = candidates.indices[positions]
        log.append(
            StepLog(
                len(learner.pool.labeled), scores, best, "policy" if policy_acts else "expert", tuple(chosen.tolist())
            )
        )
        learner.pool.acquire(chosen, data.train_labels[chosen])
    return Episode(stack(pairs), tuple(log))


def look_ahead(
    learner: Learner, candidates: Candidates, proposals: Mapping[str, Tensor], data: DataSet, scoring: Tensor
) -> dict[str, float]:
    """Each expert's accuracy on the scoring set after one fit with its proposal (section 3.3).

    All fits start from equal initial weights; experts that propose the same samples share one fit.
    """
    chosen = {name: torch.sort(candidates.indices[positions]).values for name, positions in proposals.items()}
    distinct = {tuple(indices.tolist()): indices for indices in chosen.values()}
    jobs = [learner.job("look-ahead", extra=(indices, data.train_labels[indices])) for indices in distinct.values()]
    fits = dict(zip(distinct, learner.classifier.fit_many(data.train, jobs), strict=True))
    labels = data.train_labels[scoring]
    values = {key: accuracy(fitted, data.train, scoring, labels) for key, fitted in fits.items()}
    return {name: values[tuple(indices.tolist())] for name, indices in chosen.items()}


def best_expert(scores: Mapping[str, float], learner: Learner) -> str:
    """The expert with the highest score, ties broken by a seeded draw."""
    highest = max(scores.values())
    tied = [name for name, score in scores.items() if score == highest]
    return tied[int(learner.rng("tie").integers(len(tied)))]
