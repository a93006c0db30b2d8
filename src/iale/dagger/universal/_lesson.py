"""What a policy learns after a round, and what its card says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from iale._storage import JsonObject
from iale.dagger.universal._choice import best_makers, judge_choice
from iale.dagger.universal._examples import plan_examples, value_examples
from iale.dagger.universal._files import State, load_states
from iale.dagger.universal._fit import fit_plan, fit_value, standardize
from iale.dagger.universal._proposals import EXPERTS
from iale.dagger.universal.config import UniversalConfig
from iale.errors import ConfigError
from iale.policies.universal import UniversalPolicy, untrained_policy
from iale.seeding import Stream


def learn(
    config: UniversalConfig, out: Path, tasks: Sequence[int], stream: Stream
) -> tuple[UniversalPolicy, JsonObject]:
    """The policy that learns, from nothing, from the states of ``tasks`` that have been played; and its card.

    Raises:
        ConfigError: there are too few tasks to set some apart.
        StorageError: a task's file is damaged, or of another version.
    """
    policy = untrained_policy(stream.child("network"), config.fit.form)
    learned, apart = _divide(config, tasks)
    most = max(config.proposals, len(EXPERTS) + 1)
    values = [value_examples(_states(out, some), most) for some in (learned, apart)]
    plans = [plan_examples(_states(out, some), stream.child("plan", len(some)).numpy()) for some in (learned, apart)]
    standardize(policy.network, values[0], plans[0])
    value = fit_value(policy.network, values[0], values[1], config.fit, stream.child("value"))
    plan = fit_plan(policy.network, plans[0], plans[1], config.fit, stream.child("herding"))
    card: JsonObject = {
        "source": asdict(config),
        "tasks": len(learned) + len(apart),
        "steps": len(values[0]) + len(values[1]),
        "value": asdict(value),
        "plan": asdict(plan),
        "gates": [round(gate, 4) for gate in policy.network.gates.tolist()],
        "best": best_makers(out, [*learned, *apart]),
        "choice": judge_choice(policy.network, out, apart),
        "transfer": [],
    }
    return policy, card


def _divide(config: UniversalConfig, tasks: Sequence[int]) -> tuple[list[int], list[int]]:
    """The tasks that are learned from, and those that are set apart: always the same ones."""
    every = round(1 / config.fit.apart)
    apart = [task for task in tasks if task % every == 0]
    learned = [task for task in tasks if task % every]
    if not apart or not learned:
        raise ConfigError(f"{len(tasks)} tasks are too few to set some apart: play more states, or raise --apart.")
    return learned, apart


def _states(out: Path, tasks: Sequence[int]) -> Iterator[State]:
    for task in tasks:
        yield from load_states(out, task)
