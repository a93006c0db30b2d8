"""One episode of ALIL (Liu et al. 2018): one label at a time, the best of a few candidates drawn at random.

The expert looks one label ahead: for each of the k candidates it fits the labeled set and that candidate, from the same
initial weights, and scores the fit on the scoring set.
"""

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
        targets: int64 [S], the position of the candidate that the policy should learn.
        log: the S steps.
    """

    rows: Tensor
    targets: Tensor
    log: tuple[StepLog, ...]

    def tensors(self) -> dict[str, Tensor]:
        return {"rows": self.rows, "targets": self.targets}


def run_alil_episode(
    config: AlilConfig, data: DataSet, classifier: Classifier, policy: AlilPolicy, number: int
) -> AlilEpisode:
    """Plays the episode ``number`` (1, 2, …), which names the streams.

    In a faithful run the policy's own action is the target whenever the policy acts, so the expert is not asked then.
    """
    learner, scoring = open_episode(config, data, classifier, number)
    faithful = config.variant == "faithful"
    episode_coin = learner.stream.child("coin").numpy().random()
    rows, targets, log = [], [], []
    while (labeled := len(learner.pool.labeled)) < config.labeling_budget:
        if (labeled - config.initial_size) % config.retrain_every == 0:
            learner.fit()
        candidates = learner.candidates()
        context = learner.context(candidates, policy.needs)
        coin = episode_coin if faithful else learner.rng("coin").random()
        policy_acts = coin >= config.expert_probability
        own = int(policy.query(context, 1, rng=learner.rng("policy"))) if policy_acts else None
        if faithful and own is not None:
            scores, target = dict[str, float](), own
        else:
            # Every candidate is an expert that proposes itself; its position is its name.
            proposals = {str(position): torch.tensor([position]) for position in range(len(candidates))}
            scores = look_ahead(learner, candidates, proposals, data, scoring)
            target = int(best_expert(scores, learner))
        rows.append(policy.rows(context))
        targets.append(target)
        chosen = candidates.indices[[target if own is None else own]]
        actor = "policy" if policy_acts else "expert"
        log.append(StepLog(labeled, scores, str(target), actor, tuple(chosen.tolist())))
        learner.pool.acquire(chosen, data.train_labels[chosen])
    return AlilEpisode(torch.stack(rows), torch.tensor(targets), tuple(log))
