"""Rounds of tasks, and the policy learns after each: DAgger for the universal policy.

A task is a function of the configuration, its number, and the policy of the round before. So a resumed run keeps every
whole file, plays the rest, and ends with the same bytes.
"""

from __future__ import annotations

import functools
from pathlib import Path

from tqdm.auto import tqdm

from iale import _storage as storage
from iale.dagger.universal._claim import claim
from iale.dagger.universal._files import Played, has_task, save_task
from iale.dagger.universal._lesson import learn
from iale.dagger.universal._states import play_task
from iale.dagger.universal.config import UniversalConfig
from iale.executors import Executor, as_completed, one_thread, open_executor
from iale.policies._files import CARD
from iale.policies.saved import load_policy, save_policy
from iale.policies.universal import UniversalPolicy, untrained_policy
from iale.seeding import Stream


def train_universal(
    config: UniversalConfig,
    out: Path,
    *,
    workers: int = 1,
    executor: Executor | str | None = None,
    progress: bool = True,
) -> Path:
    """Trains a universal policy, or resumes a stopped run; returns the policy's folder, ``out / "policy"``.

    Args:
        config: everything that decides the result.
        out: the run's folder: the configuration, ``tasks/``, ``rounds/`` and, at the end, ``policy/``.
        workers: tasks that are played side by side; the result does not depend on it.
        executor: where they are played, see `open_executor`.
        progress: show a bar of tasks on stderr.

    Raises:
        ConfigError: the folder holds a run with another configuration.
        DataError: a source cannot be read, or the folder holds a run that learned from other data.
    """
    claim(config, out)
    stream = Stream(config.seed)
    policy = untrained_policy(stream.child("policy"))
    with (
        open_executor(workers, executor) as pool,
        tqdm(total=config.tasks, unit="task", desc="training the policy", disable=not progress) as bar,
    ):
        for number in range(1, config.rounds + 1):
            tasks = config.round_of(number)
            missing = [task for task in tasks if not has_task(out, task)]
            bar.update(len(tasks) - len(missing))
            play = functools.partial(_play, config, policy)
            for played in as_completed(pool, play, missing, ahead=workers):
                save_task(out, played)
                bar.update()
            folder = out / "rounds" / str(number)
            if not (folder / CARD).is_file():
                with one_thread():
                    policy, card = learn(config, out, range(1, tasks[-1] + 1), stream.child("learn", number))
                save_policy(policy, folder, card)
            # Read back even when it was just made, so that a resumed run plays with the very same weights.
            policy = load_policy(folder, UniversalPolicy)
    save_policy(policy, out / "policy", storage.read_json(folder / CARD))
    return out / "policy"


def _play(config: UniversalConfig, policy: UniversalPolicy, number: int) -> Played:
    return play_task(config, policy.network, number)
