"""Learning is real: a trained policy beats Random on `digits`, one trained on shuffled demonstrations does not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats

from iale.classifiers.base import TrainingConfig, resolve_device
from iale.classifiers.build import build_classifier
from iale.dagger._demonstrations import Demonstrations, concatenate, load_demonstrations
from iale.dagger._update import update_policy
from iale.dagger.config import DaggerConfig
from iale.dagger.trainer import train_policy
from iale.data.catalog import load_dataset
from iale.learner import CycleConfig, accuracy, run_cycle, start
from iale.policies.catalog import find_strategy
from iale.policies.iale import IalePolicy
from iale.policies.saved import load_policy
from iale.seeding import Stream
from iale.strategies.base import QueryStrategy

CONFIG = DaggerConfig(
    dataset="digits",
    classifier="mlp",
    experts=("mc-dropout", "coreset", "badge", "confidence", "entropy"),  # without the costly Ensemble
    episodes=4,
    scoring_size=300,
    cycle=CycleConfig(labeling_budget=100),
    training=TrainingConfig(epochs=50, device="cpu"),
)
SEEDS = range(1000, 1010)
LEVEL, CONTROL_LEVEL = 0.05, 0.01


def shuffled(demonstrations: Demonstrations) -> Demonstrations:
    """Targets with as many ones, on other candidates."""
    rng = np.random.default_rng(0)
    targets = torch.stack([row[torch.from_numpy(rng.permutation(len(row)))] for row in demonstrations.targets])
    return replace(demonstrations, targets=targets)


def curves(strategy: QueryStrategy) -> np.ndarray:
    """AUC for each seed, float64 [10]."""
    data = load_dataset("digits")
    classifier = build_classifier("mlp", data.train, data.num_classes, CONFIG.training)
    everything = torch.arange(len(data.test))
    values = []
    for seed in SEEDS:
        learner = start(classifier, data, CONFIG.cycle, Stream(seed))
        steps = run_cycle(
            learner,
            strategy,
            data.train_labels,
            lambda fitted: accuracy(fitted, data.test, everything, data.test_labels),
        )
        values.append(np.mean([step.accuracy for step in steps]))
    return np.array(values)


@pytest.fixture(scope="module")
def policies(tmp_path_factory: pytest.TempPathFactory) -> tuple[IalePolicy, IalePolicy]:
    out: Path = tmp_path_factory.mktemp("learning")
    learned = load_policy(train_policy(CONFIG, out, workers=1, progress=False), IalePolicy)
    shown = concatenate([load_demonstrations(out, episode) for episode in range(1, CONFIG.episodes + 1)])
    control = update_policy(learned, shuffled(shown), CONFIG.update, Stream(7), resolve_device("cpu"))
    return learned, control


@pytest.mark.slow
@pytest.mark.statistical
@pytest.mark.timeout(900)
def test_a_trained_policy_beats_random_and_a_shuffled_one_does_not(policies: tuple[IalePolicy, IalePolicy]) -> None:
    """Paired t-tests of the AUC over 10 seeds, one-sided: the policy at level 5 %, its control at 1 %.

    Seeds are fixed, so the outcome repeats on one platform; where rounding differs, it is drawn anew. The control is
    as good as Random by construction, so it fails the test by chance with probability 1 %. Over 30 seeds, the policy
    was measured 0.025 above Random with a standard deviation of 0.017; with that effect it misses its level with
    probability 1 %.
    """
    random = curves(find_strategy("random"))
    learned, control = (curves(policy) - random for policy in policies)
    assert stats.ttest_1samp(learned, 0, alternative="greater").pvalue < LEVEL
    assert stats.ttest_1samp(control, 0, alternative="greater").pvalue > CONTROL_LEVEL
