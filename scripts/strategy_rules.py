"""Rule 5 of docs/protocol.md ("A universal policy"): can a context choose between strategies?

    python scripts/strategy_values.py results/universal/values.jsonl
    python scripts/strategy_rules.py results/universal/values.jsonl [--out results/universal/strategies.json]

Models predict, from a state's context, what each form is worth less Uncertainty Herding. They learn from two families
and choose on the third. Beside the rule stand the mean value of each form, and where its variance comes from: what
halves of the scoring samples share (no luck of the test), what other folds share, and what twins share (the context).
"""

from __future__ import annotations

import argparse
import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesRegressor

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
BASE = "uherding"
BOOTSTRAPS, ERRORS = 20, 2.4
MODELS = ("batch", "ridge", "trees")
RIDGES = (10.0, 100.0, 1000.0, 10_000.0)

Predict = Callable[[Floats], Floats]
Learn = Callable[[Floats, Floats, Ints], Predict]
"""From contexts [N, F], gains [N, S] and tasks [N], what predicts gains."""


@dataclass(frozen=True, eq=False)
class Table:
    """N states, S forms, F numbers of a context; gains are in points above Uncertainty Herding."""

    forms: list[str]
    context: Floats  # [N, F], without units
    halves: Floats  # [N, S, 2] gains in accuracy on both halves of the scoring samples
    brier: Floats  # [N, S] in half the Brier score
    task: Ints  # [N]
    twin: Ints  # [N]
    batch: Ints  # [N]
    family: NDArray[np.str_]  # [N]

    @property
    def gains(self) -> Floats:
        """[N, S] in accuracy."""
        answer: Floats = self.halves.mean(2)
        return answer

    @property
    def lesson(self) -> Floats:
        """[N, S]: what is learned from."""
        return (self.gains + self.brier) / 2


def table_of(states: list[dict[str, Any]]) -> Table:
    """The numbers of some states."""
    forms = [name for name in states[0]["values"] if name != BASE]
    scores = np.array([[state["values"][name] for name in [BASE, *forms]] for state in states])
    above = 100 * (scores[:, 1:] - scores[:, :1])
    raw = np.array([list(state["context"].values()) for state in states])
    columns = {key: np.array([state[key] for state in states]) for key in ("task", "twin", "batch", "family")}
    scaled = (raw - raw.mean(0)) / np.maximum(raw.std(0), 1e-9)
    return Table(forms, scaled, above[:, :, :2], -above[:, :, 2:].mean(2), **columns)


def interval(values: Floats, tasks: Ints, errors: float = 1.96) -> dict[str, float]:
    """The mean over states, and its interval over tasks."""
    mean = values.mean()
    sums = np.array([(values[tasks == task] - mean).sum() for task in np.unique(tasks)])
    half = errors * np.sqrt((sums**2).sum() * len(sums) / max(1, len(sums) - 1)) / len(values)
    return {"mean": round(float(mean), 4), "half": round(float(half), 4), "count": len(values)}


def of_batch(context: Floats, gains: Floats, tasks: Ints, batch: Ints) -> Callable[[Ints], Floats]:
    """The mean of a size of batch, shrunk toward 0 by its error and the mean squares of all means."""
    found = {}
    for size in np.unique(batch):
        rows = batch == size
        errors = [interval(gains[rows, form], tasks[rows], 1.0)["half"] for form in range(gains.shape[1])]
        means = gains[rows].mean(0)
        spread = max(0.0, float((means**2 - np.array(errors) ** 2).mean()))
        found[int(size)] = means * spread / (spread + np.array(errors) ** 2 + 1e-12)
    return lambda sizes: np.array([found[int(size)] for size in sizes])


def ridge(context: Floats, gains: Floats, tasks: Ints) -> Predict:
    """Toward 0, with the strength that does best when tasks are left out in turn."""
    inputs = np.concatenate([context, np.ones((len(context), 1))], 1)

    def solve(rows: NDArray[np.bool_], strength: float) -> Floats:
        held = inputs[rows]
        found: Floats = np.linalg.solve(held.T @ held + strength * np.eye(inputs.shape[1]), held.T @ gains[rows])
        return found

    def loss(strength: float) -> float:
        parts = [tasks % 5 == part for part in range(5)]
        return float(sum(((inputs[p] @ solve(~p, strength) - gains[p]) ** 2).sum() for p in parts))

    weights = solve(np.ones(len(inputs), bool), min(RIDGES, key=loss))
    return lambda seen: np.concatenate([seen, np.ones((len(seen), 1))], 1) @ weights


def trees(context: Floats, gains: Floats, tasks: Ints) -> Predict:
    """Extremely randomized trees with large leaves, halved."""
    model = ExtraTreesRegressor(50, min_samples_leaf=10, max_features=0.5, random_state=0)
    model.fit(context, gains if gains.shape[1] > 1 else gains[:, 0])
    return lambda seen: 0.5 * model.predict(seen).reshape(len(seen), -1)


def bootstraps(tasks: Ints, rng: np.random.Generator) -> Iterator[Ints]:
    """Rows of tasks that were drawn with replacement."""
    own = np.unique(tasks)
    for _ in range(BOOTSTRAPS):
        yield np.concatenate([np.flatnonzero(tasks == task) for task in rng.choice(own, len(own))])


def chosen(table: Table, model: str, parts: NDArray[Any]) -> Ints:
    """[N]: the form that a policy takes in each state of a part that it has not learned from; −1 is the base."""
    found = np.full(len(table.task), -1)
    for part in np.unique(parts):
        known, apart = np.flatnonzero(parts != part), np.flatnonzero(parts == part)
        bounds = []
        for rows in bootstraps(table.task[known], np.random.default_rng(0)):
            own = known[rows]
            lesson = table.context[own], table.lesson[own], table.task[own]
            if model == "batch":
                bounds.append(of_batch(*lesson, table.batch[own])(table.batch[apart]))
            else:
                learn: Learn = {"ridge": ridge, "trees": trees}[model]
                bounds.append(learn(*lesson)(table.context[apart]))
        low = np.mean(bounds, 0) - np.std(bounds, 0)
        found[apart] = np.where(low.max(1) > 0, low.argmax(1), -1)
    return found


def judged(table: Table, choice: Ints) -> dict[str, Any]:
    """What the choices gain, over all and on each family, and what was chosen how often."""
    gains = np.where(choice < 0, 0, table.gains[np.arange(len(choice)), choice])
    names = [BASE if each < 0 else table.forms[each] for each in choice]
    return {
        "all": interval(gains, table.task, ERRORS),
        **{str(f): interval(gains[r], table.task[r]) for f in np.unique(table.family) for r in [table.family == f]},
        "chosen": {name: names.count(name) for name in sorted({*names}, key=lambda name: (-names.count(name), name))},
    }


def shared(one: Floats, other: Floats) -> float:
    """The mean product of deviations from the mean of both."""
    middle = (one.mean() + other.mean()) / 2
    return float(((one - middle) * (other - middle)).mean())


def twins(table: Table) -> dict[str, dict[str, float]]:
    """Of each form: the variance of a state's value, without the luck of the test, and what runs of twins share.

    States of twins have other numbers of labels, so each run is the mean of its states; so is its variance.
    """
    found = {}
    for form, name in enumerate(table.forms):
        runs: dict[tuple[int, int], Floats] = {}
        for task, twin in {*zip(table.task.tolist(), table.twin.tolist(), strict=True)}:
            runs[task, twin] = table.halves[(table.task == task) & (table.twin == twin), form].mean(0)
        pairs = np.array([[runs[t, 0], runs[t, 1]] for t, twin in runs if twin == 0 and (t, 1) in runs])  # [P, 2, 2]
        means, every = pairs.mean(2), pairs.reshape(-1, 2)
        found[name] = {
            "state": round(float(table.gains[:, form].var()), 3),
            "state, no luck of the test": round(shared(table.halves[:, form, 0], table.halves[:, form, 1]), 3),
            "run": round(float(means.var()), 3),
            "run, no luck of the test": round(shared(every[:, 0], every[:, 1]), 3),
            "shared by twins": round(shared(means[:, 0], means[:, 1]), 3),
            "pairs": len(pairs),
        }
    return found


def oracle(table: Table) -> dict[str, Any]:
    """What it gains to follow the twin: the form that was best in its run; and the best in hindsight of the state."""
    gains, choice = table.gains, np.full(len(table.task), -1)
    for task in np.unique(table.task):
        for twin in range(2):
            theirs = gains[(table.task == task) & (table.twin != twin)]
            if len(theirs) and theirs.mean(0).max() > 0:
                choice[(table.task == task) & (table.twin == twin)] = int(theirs.mean(0).argmax())
    hindsight = np.maximum(gains, 0).max(1)
    honest = np.where(table.halves[:, :, 0].max(1) > 0, table.halves[:, :, 0].argmax(1), -1)
    other = np.where(honest < 0, 0, table.halves[np.arange(len(honest)), honest, 1])
    return {
        "the twin's best": judged(table, choice),
        "best in hindsight": interval(hindsight, table.task),
        "best on one half, judged on the other": interval(other, table.task),
    }


def told(table: Table) -> dict[str, dict[str, float]]:
    """The share of the squared values of each form that other tasks, of all families, predict from the context."""
    parts, found = table.task // 6 % 4, defaultdict[str, dict[str, float]](dict)
    learners: dict[str, Learn] = {"ridge": ridge, "trees": trees}
    for model, learn in learners.items():
        left = np.empty_like(table.gains)
        for part in np.unique(parts):
            known, apart = parts != part, parts == part
            predict = learn(table.context[known], table.lesson[known], table.task[known])
            left[apart] = table.gains[apart] - predict(table.context[apart])
        for form, name in enumerate(table.forms):
            share = 1 - (left[:, form] ** 2).sum() / (table.gains[:, form] ** 2).sum()
            found[name][model] = round(float(share), 3)
    return found


def folds_again(states: list[dict[str, Any]]) -> dict[str, float]:
    """How values of the same states agree that were played with other folds."""
    first = {(s["task"], s["twin"], s["labels"]): s for s in states if "salt" not in s}
    pairs = [(first[s["task"], s["twin"], s["labels"]], s) for s in states if "salt" in s]
    if not pairs:
        return {}
    one, other = table_of([a for a, _ in pairs]).gains, table_of([b for _, b in pairs]).gains
    products = [shared(one[:, form], other[:, form]) for form in range(one.shape[1])]
    variances = [float(np.concatenate([one[:, form], other[:, form]]).var()) for form in range(one.shape[1])]
    return {"states": len(pairs), "share": round(float(np.sum(products) / np.sum(variances)), 3)}


def rules(states: list[dict[str, Any]]) -> dict[str, Any]:
    """All that is reported."""
    table = table_of([state for state in states if "salt" not in state])
    means: dict[str, Any] = defaultdict(dict)
    for form, name in enumerate(table.forms):
        for size in np.unique(table.batch):
            rows = table.batch == size
            means[name][f"batches of {size}"] = interval(table.gains[rows, form], table.task[rows])
        for family in np.unique(table.family):
            rows = table.family == family
            means[name][str(family)] = interval(table.gains[rows, form], table.task[rows])
    return {
        "states": len(table.task),
        "tasks": len(np.unique(table.task)),
        "means": means,
        "policies": {name: judged(table, chosen(table, name, table.family)) for name in MODELS},
        "other tasks": {name: judged(table, chosen(table, name, table.task // 6 % 4)) for name in MODELS},
        "variance": twins(table),
        "told": told(table),
        "oracle": oracle(table),
        "other folds": folds_again(states),
    }


def main() -> None:
    """Judges the states that are there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("values", type=Path)
    parser.add_argument("--out", type=Path, default=Path("results/universal/strategies.json"))
    options = parser.parse_args()
    states = [json.loads(line) for line in options.values.read_text(encoding="utf-8").splitlines()]
    found = rules(states)
    options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
