"""How the runs of a panel were made: in words, and as the command that makes them again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from iale.benchmark.config import ExperimentConfig, resolved
from iale.reports._panels import Panel, flat

_ALWAYS = ("dataset", "classifier")
_SKIPPED = ("strategies", "seeds", "first_seed", "pools", "beside", "pool", "device")


def settings(panel: Panel) -> str:
    """Sizes of the loop, the pool, the test and the training."""
    config, cycle, training = panel.config, panel.config["cycle"], panel.config["training"]
    pool, test = config["pool_size"] or "all", config["test_size"] or "all"
    folder = " In the command, a policy that is not shipped is named by its folder."
    return (
        f"Settings: {cycle['initial_size']} first labels, {cycle['acquisition_size']} a step, up to "
        f"{cycle['labeling_budget']}, chosen from the {panel.pool}; {pool} training samples may be labeled, accuracy "
        f"on {test} test samples; {training['epochs']} epochs a fit, batches of {training['batch_size']}, learning "
        f"rate {training['learning_rate']:g}, on {training['device']}."
        f"{folder if any(entry.learned for entry in panel.entries) else ''}"
    )


def question(panel: Panel) -> str:
    """What the panel answers."""
    learned = [entry.display for entry in panel.entries if entry.learned]
    first = panel.entries[0].display if not learned else " or ".join(learned)
    who = "any strategy" if not learned or len(learned) > 3 else first
    return (
        f"Which {panel.config['dataset']} samples are worth a label for the {panel.classifier}, choosing from the "
        f"{panel.pool}: does {who} do better than Random, and than the best single heuristic?"
    )


def command(panel: Panel) -> str:
    """The `iale run` that makes these records; options at their defaults are left out."""
    subset = panel.config["cycle"]["subset_size"]
    own, defaults = flat(panel.config), flat(resolved(ExperimentConfig()))
    if subset is None:
        own["subset_size"] = defaults["subset_size"]
    seeds = sorted({seed for entry in panel.entries for seed in entry.seeds})
    options = {
        **{name: own[name] for name in _ALWAYS},
        "strategies": ",".join(entry.name for entry in panel.entries),
        "seeds": seeds[-1] - seeds[0] + 1,
        **({"first_seed": seeds[0]} if seeds[0] else {}),
        "pools": "whole" if subset is None else "subset",
        **{n: v for n, v in own.items() if n in defaults and n not in (*_ALWAYS, *_SKIPPED) and v != defaults[n]},
    }
    beside = list(dict.fromkeys(name for entry in panel.entries for name in entry.overlap))
    if beside:
        options["beside"] = ",".join(beside)
    words = [f"--{name.replace('_', '-')} {shlex.quote(_typed(value))}" for name, value in options.items()]
    return " ".join(["iale run", *words, "--out results"])


def made_with(panels: Sequence[Panel], machine: Mapping[str, str]) -> str:
    """Versions and machine, in one line."""
    found = {name: version for panel in panels for versions in panel.versions for name, version in versions.items()}
    known = {**found, **{name: value for name, value in machine.items() if name != "command"}}
    return ", ".join(f"{name} {value}" for name, value in known.items())


def _typed(value: Any) -> str:
    return "none" if value is None else {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
