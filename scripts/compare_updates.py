"""Which way of fitting a policy predicts unseen demonstrations best?

    python scripts/compare_updates.py RUN          RUN: a folder that `iale train` made

Fits policies to the first three quarters of a run's episodes, each way with three streams, and measures two numbers on
the other episodes: the share of a policy's k choices that are among the best expert's k (by chance k/n), and the mean
binary cross-entropy (Eq. 2, unweighted, per state; predicting the base rate k/n everywhere gives n·H(k/n)).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from iale import _storage as storage
from iale.dagger._demonstrations import Demonstrations, concatenate, has_episode, load_demonstrations
from iale.dagger._update import demonstration_loss, update_policy
from iale.dagger.config import UpdateConfig
from iale.policies.iale import IalePolicy, random_policy
from iale.policies.state import StateConfig, encode
from iale.seeding import Stream

WAYS = {
    "default": UpdateConfig(),
    "default, 30 epochs": UpdateConfig(policy_epochs=30),
    "default, positives 0.9": UpdateConfig(positive_weight=0.9),
    "no permutations": UpdateConfig(permute=False),
    "paper (30 epochs, no permutations)": UpdateConfig(policy_epochs=30, permute=False),
    "paper, positives 0.9": UpdateConfig(policy_epochs=30, permute=False, positive_weight=0.9),
}


def measure(policy: IalePolicy, shown: Demonstrations) -> tuple[float, float]:
    """Overlap with the best expert and loss."""
    with torch.no_grad():
        logits = policy.network(encode(shown.states, policy.state)).squeeze(-1)
    k = int(shown.targets[0].sum())
    hits = shown.targets.gather(1, logits.topk(k, dim=1).indices).double().mean()
    return float(hits), float(demonstration_loss(logits, shown.targets, None))


def main(out: Path) -> None:
    """Prints a Markdown table."""
    torch.set_num_threads(1)
    episodes = [number for number in range(1, 10_000) if has_episode(out, number)]
    cut = len(episodes) * 3 // 4
    learned, unseen = (
        concatenate([load_demonstrations(out, number) for number in part]) for part in (episodes[:cut], episodes[cut:])
    )
    state = StateConfig(**storage.read_json(out / "config.json")["config"]["state"])
    classes, width = learned.states.logits.shape[-1], learned.states.embeddings.shape[-1]
    n, k = unseen.targets.shape[1], int(unseen.targets[0].sum())
    rate = k / n
    base = -n * (rate * np.log(rate) + (1 - rate) * np.log(1 - rate))
    print(f"{len(learned)} states learned, {len(unseen)} unseen; chance: overlap {rate:.3f}, loss {base:.1f}\n")
    print("| way | overlap, learned | overlap, unseen | loss, unseen |\n| --- | --- | --- | --- |")
    for name, config in WAYS.items():
        rows = []
        for seed in range(3):
            policy = random_policy(state, classes, width, Stream(seed))
            policy = update_policy(policy, learned, config, Stream(seed), torch.device("cpu"))
            rows.append((measure(policy, learned)[0], *measure(policy, unseen)))
        seen, overlap, loss = np.mean(rows, axis=0)
        print(f"| {name} | {seen:.3f} | {overlap:.3f} | {loss:.1f} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    main(parser.parse_args().run)
