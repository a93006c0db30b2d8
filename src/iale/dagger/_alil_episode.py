"""One episode of ALIL (Liu et al. 2018): one label at a time, the best of a few candidates drawn at random."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from iale.classifiers.base import Classifier
from iale.dagger._demonstrations import StepLog
from iale.dagger._episode import best_expert, look_ahead, open_episode
from iale.dagger.config import AlilConfig
from iale.data.samples import DataSet
from iale.policies.alil import AlilPolicy


@dataclass(frozen=True, eq=False)
class AlilEpisode:
    """The demonstrations and the log of one run of active learning.

    Attributes:
        rows: float32 [S, k, width], the states of `AlilPolicy.rows`, S steps of k candidates.
        targets: int64 [S], the position of the candidate that the policy is to learn.
        log: the S steps.
    """

    rows: Tensor
    targets: Tensor
    log: tuple[StepLog, ...]

    def tensors(self) -> dict[str, Tensor]:
        """The states and the targets."""
        return {"rows": self.rows, "targets": self.targets}


def run_alil_episode(
    config: AlilConfig, data: DataSet, classifier: Classifier, policy: AlilPolicy, number: int
) -> AlilEpisode:
    """Plays one episode.

    The expert of a step is the best of k experts, each of which proposes one candidate: it fits, from the same initial
    weights, the labeled set and that candidate, and is scored on the scoring set. Where a faithful run stores the
    policy's own action, nobody asks the expert and nothing is fitted for it.

    Args:
        config: sizes, variant, coin and seed.
        data: the source.
        classifier: the recipe of M.
        policy: acts where the coin says so.
        number: of the episode, 1, 2, …; it names the streams.
    """
    learner, scoring = open_episode(config, data, classifier, number)
    faithful = config.variant == "faithful"
    coin = learner.stream.child("coin").numpy().random()
    rows, targets, log = [], [], []
    while (labeled := len(learner.pool.labeled)) < config.labeling_budget:
        if (labeled - config.initial_size) % config.retrain_every == 0:
            learner.fit()
        candidates = learner.candidates()
        context = learner.context(candidates, policy.needs)
        if not faithful:
            coin = learner.rng("coin").random()
        own = None
        if coin >= config.expert_probability:
            own = int(policy.query(context, 1, rng=learner.rng("policy")))
        scores: dict[str, float] = {}
        if faithful and own is not None:
            target = own
        else:
            proposals = {str(position): torch.tensor([position]) for position in range(len(candidates))}
            scores = look_ahead(learner, candidates, proposals, data, scoring)
            target = int(best_expert(scores, learner))
        chosen = candidates.indices[[target if own is None else own]]
        rows.append(policy.rows(context))
        targets.append(target)
        actor = "expert" if own is None else "policy"
        log.append(StepLog(labeled, scores, str(target), actor, tuple(chosen.tolist())))
        learner.pool.acquire(chosen, data.train_labels[chosen])
    return AlilEpisode(torch.stack(rows), torch.tensor(targets), tuple(log))
