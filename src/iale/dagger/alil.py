"""Training of an ALIL policy (Liu et al. 2018), the learned baseline of the paper."""

from __future__ import annotations

from pathlib import Path

from iale.dagger._alil_lesson import AlilLesson
from iale.dagger._episode import open_episode
from iale.dagger._lesson import Workers
from iale.dagger._rounds import claim, on_this_device, play_rounds, prepare
from iale.dagger.config import AlilConfig
from iale.policies.alil import random_alil_policy
from iale.seeding import Stream


def train_alil(config: AlilConfig, out: Path, *, progress: bool = True) -> Path:
    """Trains an ALIL policy, or resumes a stopped run.

    Args:
        config: everything that decides the result.
        out: the run's folder: the configuration, ``episodes/``, ``rounds/`` and, at the end, ``policy/``.
        progress: show a bar of episodes on stderr.

    Returns:
        The folder of the trained policy, ``out / "policy"``.

    Raises:
        ConfigError: the sizes do not fit the source, or the folder holds a run with another configuration.
    """
    placed = on_this_device(config)
    data, classifier = prepare(placed)
    open_episode(placed, data, classifier, 1)  # what cannot be started raises before anything is written
    claim(config, out)
    stream = Stream(config.seed).child("policy")
    classes, width = classifier.num_classes, classifier.embedding_dim
    policy = random_alil_policy(config.pooling, config.choices, classes, width, stream)
    return play_rounds(AlilLesson(placed), policy, config, out, Workers(progress=progress))
