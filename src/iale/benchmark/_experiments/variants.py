"""Experiments with many policies: what a policy learns from, what it sees, and how long it learns."""

from __future__ import annotations

from dataclasses import replace

from iale.benchmark._experiment import RANDOM, REFERENCES, Claim, Contest, Experiment
from iale.benchmark._sizes import Size
from iale.dagger.config import EXPERTS, DaggerConfig
from iale.policies.state import StateConfig


def fig5c(size: Size) -> Experiment:
    scale, full = size.wide, size.wide.own(size.mnist)
    fewer = {f"{full}-without-{expert}": scale.policy(size.mnist, experts=_all_but(expert)) for expert in EXPERTS}
    policies = {full: scale.policy(size.mnist), **fewer}
    text = "the full set of experts is as good as every set with one left out"
    against = size.duels(scale, full, list(fewer), size.wide_targets)
    return _bars(
        size,
        name="fig5c",
        title="Figures 5c and 12: policies with one expert left out",
        claim="The full set of experts is consistently among the best.",
        policies=policies,
        claims=(Claim("fig5c", text, "as good", against, method=True),),
    )


def fig13(size: Size) -> Experiment:
    scale, full = size.wide, size.wide.own(size.mnist)
    blind, flat = f"{full}-no-predictions", f"{full}-no-gradients"
    policies = {full: scale.policy(size.mnist)}
    for name, state in ((blind, StateConfig(prediction=False)), (flat, StateConfig(gradient=False))):
        policies[name] = scale.policy(size.mnist, state=state)
        for expert in EXPERTS if size.name == "paper" else ():
            policies[f"{name}-without-{expert}"] = scale.policy(size.mnist, state=state, experts=_all_but(expert))
    unseen = _pair(size, blind, full)
    return _bars(
        size,
        name="fig13",
        title="Figure 13: policies whose state lacks predictions, or gradients",
        claim="Without gradients policies are worse; without predictions hardly.",
        policies=policies,
        claims=(
            Claim("fig13", "without gradients a policy is worse", "better", _pair(size, full, flat), method=True),
            Claim("fig13", "without predictions a policy is hardly worse", "as good", unseen, method=True),
        ),
    )


def schedule(size: Size) -> Experiment:
    scale, fixed = size.wide, size.wide.own(size.mnist)
    exponential = f"{fixed}-exponential"
    policies = {fixed: scale.policy(size.mnist), exponential: scale.policy(size.mnist, schedule="exponential")}
    text = "the fixed schedule is better than the exponential one"
    return _bars(
        size,
        name="schedule",
        title="Section A.2.1: a fixed and an exponential schedule of DAgger",
        claim="The fixed schedule transfers better than the exponential one, by a small margin.",
        policies=policies,
        claims=(Claim("schedule", text, "better", _pair(size, fixed, exponential), method=True),),
    )


def episodes(size: Size) -> Experiment:
    """Not in the paper: how much of a policy's quality depends on how long it learned?

    Other policies learn from a quarter of the usual episodes and from four times as many, with equally many updates.
    """
    scale, usual = size.wide, size.wide.own(size.mnist)
    number, rounds = scale.lessons.episodes, -(-scale.lessons.episodes // scale.lessons.round_size)
    few, many = max(1, number // 4), 4 * number
    fewer, more = (f"{usual}-{count}-episodes" for count in (few, many))
    policies = {
        usual: scale.policy(size.mnist),
        fewer: scale.policy(size.mnist, episodes=few, round_size=-(-few // rounds)),
        more: scale.policy(size.mnist, episodes=many, round_size=-(-many // rounds)),
    }
    contests = (*_pair(size, more, usual), *_pair(size, usual, fewer))
    return _bars(
        size,
        name="episodes",
        title="Controls: policies that learned from fewer and from more episodes",
        claim="nothing, because all of its policies learn from 100 episodes.",
        policies=policies,
        claims=(Claim("episodes", "a policy from more episodes is better", "better", contests, method=True),),
    )


def controls(size: Size) -> Experiment:
    """Not in the paper: does imitation matter, do several experts matter, and what could be gained at most?"""
    scale, own = size.wide, size.wide.own(size.mnist)
    pool_size = scale.shape.pool_size or 50_000  # oracles score on samples outside of the pool
    chance, single = f"{own}-random-expert", f"{own}-one-expert"
    batches, singles = "best-of-random", "greedy-look-ahead"
    policies = {
        own: scale.policy(size.mnist),
        chance: scale.policy(size.mnist, experts=("random",)),
        single: scale.policy(size.mnist, experts=("ensemble",)),
    }
    strategies = (*policies, *REFERENCES, "ensemble", batches, singles)
    pairs = {
        "imitating the best expert is better than imitating a random one": (own, chance),
        "several experts are better than one (Ensemble)": (own, single),
        "the policy is better than Margin": (own, "margin"),
        "the best of ten random batches, by look-ahead with true labels, is better than Random": (batches, RANDOM),
        "greedy look-ahead with true labels is better than the policy": (singles, own),
    }
    return Experiment(
        name="controls",
        title="Controls: a policy of a random expert, of one expert, and look-ahead with true labels",
        claim="nothing, because it has no such controls.",
        figure="factor",
        factor="strategy",
        grids=tuple(replace(scale.runs(t, strategies), pool_size=pool_size) for t in size.wide_targets),
        policies=policies,
        claims=tuple(
            Claim("controls", text, "better", _pair(size, *names), method={chance, single} & set(names) != set())
            for text, names in pairs.items()
        ),
    )


def _bars(
    size: Size, *, name: str, title: str, claim: str, policies: dict[str, DaggerConfig], claims: tuple[Claim, ...]
) -> Experiment:
    """Policies beside the references, drawn as bars."""
    grids = tuple(size.wide.runs(target, (*policies, *REFERENCES)) for target in size.wide_targets)
    return Experiment(name, title, claim, "factor", grids, policies, "strategy", claims)


def _all_but(expert: str) -> tuple[str, ...]:
    return tuple(other for other in EXPERTS if other != expert)


def _pair(size: Size, first: str, second: str) -> tuple[Contest, ...]:
    return size.duels(size.wide, first, [second], size.wide_targets)
