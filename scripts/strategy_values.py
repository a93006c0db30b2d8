"""What strategies are worth over several acquisitions, from the same states (docs/universal.md).

    python scripts/strategy_values.py OUT [--tasks 48] [--minutes 60]

Uncertainty Herding labels up to 300 samples of a task. From up to three states of its run, each form is played on for
about 50 labels, or for 100 in batches of 50. A line of OUT is a state: its context, and of each form the mean accuracy
and half the Brier score after these acquisitions, each on both halves of the scoring samples. Tasks that are there are
not played again. The first states of some runs are played twice with other folds ("salt").
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from herding_variants import FORMS, Variant
from replay import STRENGTH, Fitted, Floats, Ints, State, fitted, softmax, unsure
from strategy_tasks import STEPS, Task, shape_of, task_of

FIRST, LAST, STATES = 20, 300, 3
BASE = "uherding"


@dataclass(frozen=True, eq=False)
class Replay:
    """A task, the cosines of its pool, and the salt of the folds."""

    task: Task
    same: Floats  # [n, n]
    salt: int = 0

    def after(self, known: Ints) -> Fitted:
        """The head of these labels."""
        task = self.task
        return fitted(task.seen, known, task.labels[known], task.shape.classes, task.rows.shape[1], self.salt)

    def state(self, known: Ints, now: Fitted) -> State:
        """What a form may see."""
        task, free = self.task, np.ones(len(self.same), bool)
        free[known] = False
        rng = np.random.default_rng([task.shape.number, len(known), self.salt])
        logits, others = task.seen @ now.heads[0], task.seen @ now.heads[1:]
        return State(
            self.same, known, task.labels[known], task.shape.classes, logits, now.held_out, now.heat, free, rng,
            task.seen, STRENGTH * task.rows.shape[1], now.folds, others, task.labels,
        )  # fmt: skip

    def score(self, now: Fitted) -> Floats:
        """Accuracy and half the Brier score, each on both halves: [4]."""
        logits, truth = self.task.exam @ now.heads[0], self.task.truth
        probs = softmax(logits / now.heat)
        right = logits.argmax(1) == truth
        brier = ((probs**2).sum(1) - 2 * probs[np.arange(len(truth)), truth] + 1) / 2
        return np.array([right[::2].mean(), right[1::2].mean(), brier[::2].mean(), brier[1::2].mean()])

    def play(self, choose: Variant, known: Ints, now: Fitted, steps: int) -> Floats:
        """The mean score over the next acquisitions."""
        scores = []
        for _ in range(steps):
            known = np.concatenate([known, choose(self.state(known, now), self.task.shape.k)])
            now = self.after(known)
            scores.append(self.score(now))
        return _mean(scores)


def context(state: State, task: Task) -> dict[str, float]:
    """What a policy may know of a state besides its candidates."""
    count, classes, probs = len(state.labeled), state.classes, state.probs()
    own = state.same[np.ix_(state.labeled, state.labeled)].copy()
    np.fill_diagonal(own, -9)
    doubt, covered = unsure(probs), state.kernel()[state.labeled].max(0)
    likely = softmax(state.held_out / state.heat)[np.arange(count), state.labels]
    shares = (np.bincount(state.labels, minlength=classes) / count).astype(np.float32)
    return {
        "log labels": np.log(count),
        "log labels per class": np.log(count / classes),
        "log batch": np.log(task.shape.k),
        "log batch per label": np.log(task.shape.k / count),
        "log pool": np.log(state.n),
        "log classes": np.log(classes),
        "log width": np.log(task.rows.shape[1]),
        "log effective dimension": np.log(task.spread),
        "held-out accuracy": (state.held_out.argmax(1) == state.labels).mean(),
        "held-out likelihood": -np.log(np.maximum(likely, 1e-12)).mean() / np.log(classes),
        "log temperature": np.log(state.heat),
        "classes seen": (shares > 0).mean(),
        "balance": _entropy(shares),
        "predicted balance": _entropy(probs.mean(0)),
        "neighbors' accuracy": (state.labels[own.argmax(1)] == state.labels).mean(),
        "log bandwidth": np.log(state.bandwidth()),
        "coverage": covered.mean(),
        "coverage of doubt": (covered * doubt).sum() / doubt.sum(),
        "doubt": doubt.mean(),
        "doubt and coverage": np.corrcoef(doubt, covered)[0, 1] if doubt.std() > 0 else 0.0,
    }


def _entropy(shares: Floats) -> float:
    """As a share of its most."""
    return float(-(shares * np.log(shares + 1e-12)).sum() / np.log(len(shares)))


def first_labels(task: Task, same: Floats, rng: np.random.Generator) -> Ints:
    """20 samples: the choice of herding before the first label, or random ones."""
    if not task.shape.cold:
        return rng.choice(len(same), FIRST, replace=False)
    near, covered, chosen = np.exp(2 * (same - 1)), np.zeros(len(same), np.float32), list[int]()
    for _ in range(FIRST):
        chosen.append(int(np.maximum(near - covered, 0).sum(1).argmax()))
        covered = np.maximum(covered, near[chosen[-1]])
    return np.array(chosen)


def play(number: int, twin: int) -> list[dict[str, object]]:
    """The states of a task."""
    task = task_of(shape_of(number), twin)
    shape, rng = task.shape, np.random.default_rng([10, number, twin])
    run, steps = Replay(task, task.rows @ task.rows.T), STEPS[shape.k]
    known = first_labels(task, run.same, rng)
    nodes, path, scores = max(0, min(LAST, len(run.same) // 2) - FIRST) // shape.k, [known], list[Floats]()
    wanted = np.exp(rng.uniform(np.log(FIRST), np.log(LAST), STATES))
    at = sorted({int(np.clip(np.rint((each - FIRST) / shape.k), 0, nodes)) for each in wanted})
    heads = [run.after(known)]
    for _ in range(at[-1] + steps):
        chosen = FORMS[BASE](run.state(path[-1], heads[-1]), shape.k)
        path.append(np.concatenate([path[-1], chosen]))
        heads.append(run.after(path[-1]))
        scores.append(run.score(heads[-1]))
    found = list[dict[str, object]]()
    for place in at:
        known, now = path[place], heads[place]
        about = {"task": number, "twin": twin, "family": shape.family, "batch": shape.k, "labels": len(known)}
        about["classes"] = shape.classes
        values = {BASE: _mean(scores[place : place + steps])}
        values |= {name: run.play(form, known, now, steps) for name, form in FORMS.items() if name != BASE}
        seen = {key: round(float(value), 4) for key, value in context(run.state(known, now), task).items()}
        found.append({**about, "context": seen, "values": rounded(values)})
        if place == at[0] and twin == 0 and number // 6 % 2 == 0:
            other = replace(run, salt=1)
            values = {name: other.play(form, known, other.after(known), steps) for name, form in FORMS.items()}
            found.append({**about, "salt": 1, "context": seen, "values": rounded(values)})
    return found


def _mean(scores: list[Floats]) -> Floats:
    """Of each part of the score."""
    found: Floats = np.mean(scores, axis=0)
    return found


def rounded(values: dict[str, Floats]) -> dict[str, list[float]]:
    """With five digits."""
    return {name: [round(float(each), 5) for each in value] for name, value in values.items()}


def main() -> None:
    """Plays what is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--tasks", type=int, default=48)
    parser.add_argument("--minutes", type=float, default=1e9)
    options = parser.parse_args()
    lines = options.out.read_text(encoding="utf-8").splitlines() if options.out.exists() else []
    there, end = (
        {(line["task"], line["twin"]) for line in map(json.loads, lines)},
        time.monotonic() + 60 * options.minutes,
    )
    for number in range(options.tasks):
        for twin in range(2):
            if (number, twin) not in there and time.monotonic() < end:
                states = "".join(json.dumps(state) + "\n" for state in play(number, twin))
                with open(options.out, "a", encoding="utf-8") as file:
                    file.write(states)


if __name__ == "__main__":
    main()
