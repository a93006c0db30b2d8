"""Command lines that make runs again, as reports show them."""

from __future__ import annotations

import shlex

from iale.benchmark.grid import GridConfig
from iale.reports._panels import Panel, flat

_ALWAYS = ("dataset", "classifier")
_SKIPPED = ("strategies", "seeds", "first_seed", "pools", "beside", "pool", "device")


def run_command(panel: Panel) -> str:
    """The `iale run` that makes the runs of a panel; options that have their default values are left out."""
    subset = panel.config.subset_size
    own, defaults = flat(panel.config.options), flat(GridConfig().resolved())
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


def _typed(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)
