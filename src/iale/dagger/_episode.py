"""One episode of Algorithm 1: a run of active learning in which the best expert demonstrates every step."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from iale.classifiers.base import Classifier
from iale.dagger._demonstrations import Episode, StepLog, stack
from iale.dagger._rounds import AnyConfig
from iale.dagger.config import DaggerConfig
from iale.data.pool import Candidates, class_balanced
from iale.data.samples import DataSet
from iale.errors import ConfigError
from iale.learner import Learner, accuracy, start
from iale.policies.state import observe
from iale.seeding import Stream
from iale.strategies.base import Need, QueryStrategy


def split_source(config: AnyConfig, data: DataSet) -> tuple[Tensor, Tensor]:
    """The scoring set and the rest of the source's training split: two int64 tensors without a common index.

    The scoring set is class-balanced and the same for every episode. The test split is never read.
    """
    everything = torch.arange(len(data.train))
    size = max(config.scoring_size, data.num_classes)  # a balanced draw needs one of each class; cut below
    scoring = class_balanced(
        everything, data.train_labels, size, data.num_classes, Stream(config.seed).child("scoring")
    )[: config.scoring_size]
    rest = torch.ones(len(data.train), dtype=torch.bool)
    rest[scoring] = False
    return scoring, everything[rest]


def open_episode(config: AnyConfig, data: DataSet, classifier: Classifier, number: int) -> tuple[Learner, Tensor]:
    """A learner with its first labels, and the indices of the scoring set, int64 [scoring_size].

    Raises:
        ConfigError: the pool is smaller than the budget plus one last sub-pool.
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
    # Episodes whose fits had a last batch of few samples also kept the order of the labels.
    as_told = config.training.batches == "remainder"
    return start(classifier, data, config.cycle, stream, universe=rest, as_told=as_told), scoring


def run_episode(
    config: DaggerConfig,
    data: DataSet,
    classifier: Classifier,
    experts: Mapping[str, QueryStrategy],
    policy: QueryStrategy,
    number: int,
) -> Episode:
    """Algorithm 1 of the paper, whose numbered lines stand beside the code.

    ``data`` is D, ``classifier`` makes M, ``experts`` are E, ``policy`` is π and ``number`` is e (1, 2, …).
    """
    needs = frozenset[Need]().union(policy.needs, *(expert.needs for expert in experts.values()))
    demonstrations, log = [], []
    # 2   for e = 1 … episodes_max do: `play_rounds` loops over the episodes; this is episode number
    learner, scoring = open_episode(config, data, classifier, number)  # 3   D_lab, D_pool ← split(D)
    while (labeled := len(learner.pool.labeled)) < config.cycle.labeling_budget:  # 4   while |D_lab| < B do
        acq = min(config.cycle.acquisition_size, config.cycle.labeling_budget - labeled)
        learner.fit(needs)  # 5   M ← initAndTrain(M, D_lab)
        candidates = learner.candidates()  # 6   D_sub ← sample(D_pool, n)
        # 7   e* ← bestExpert(E, M, D_sub, D_test)
        context = learner.context(candidates, needs)
        proposals = {name: e.query(context, acq, rng=learner.rng("expert", name)) for name, e in experts.items()}
        scores = look_ahead(learner, candidates, proposals, data, scoring)
        best = best_expert(scores, learner)
        selected = proposals[best]  # 8   D_sel ← e*.SelectQuery(M, D_sub, acq)
        action = torch.zeros(len(candidates), dtype=torch.bool)
        action[selected] = True
        demonstrations.append((observe(context), action))  # 9   S, A ← toState(D_sub, D_lab), toAction(D_sel)
        actor = "expert"
        if learner.rng("coin").random() >= config.expert_chance(number):  # 10   if Rnd(0, 1) ≥ p then
            actor = "policy"  # 11   we may choose π's selection; the expert's stays the action that is learned
            selected = policy.query(context, acq, rng=learner.rng("policy"))  # 12   D_sel ← π.SelectQuery(…)
        chosen = candidates.indices[selected]
        log.append(StepLog(labeled, scores, best, actor, tuple(chosen.tolist())))
        # 13, 14   D_lab ← D_lab ∪ D_sel, D_pool ← D_pool \ D_sel
        learner.pool.acquire(chosen, data.train_labels[chosen])
    # 15   Update policy using {S, A}: `Lesson.update`, when all episodes of the round are played
    return Episode(stack(demonstrations), tuple(log))


def look_ahead(
    learner: Learner, candidates: Candidates, proposals: Mapping[str, Tensor], data: DataSet, scoring: Tensor
) -> dict[str, float]:
    """Each expert's accuracy on the scoring set after one fit with its proposal (section 3.3).

    ``proposals`` are positions (int64) in ``candidates``, which are D_sub; ``scoring`` are data-set indices (int64).
    """
    # Sorted, so that experts that propose the same samples in another order share one fit.
    chosen = {name: torch.sort(candidates.indices[positions]).values for name, positions in proposals.items()}
    distinct = {tuple(indices.tolist()): indices for indices in chosen.values()}
    # One name for all: every fit starts from equal initial weights, so the scores differ by the samples alone.
    jobs = [learner.job("look-ahead", extra=(indices, data.train_labels[indices])) for indices in distinct.values()]
    fits = dict(zip(distinct, learner.classifier.fit_many(data.train, jobs), strict=True))
    labels = data.train_labels[scoring]
    values = {key: accuracy(fitted, data.train, scoring, labels) for key, fitted in fits.items()}
    return {name: values[tuple(indices.tolist())] for name, indices in chosen.items()}


def best_expert(scores: Mapping[str, float], learner: Learner) -> str:
    """The expert with the highest score; a seeded draw breaks ties."""
    highest = max(scores.values())
    tied = [name for name, score in scores.items() if score == highest]
    return tied[int(learner.rng("tie").integers(len(tied)))]
