"""How the runs of a panel were made, in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from iale.reports._panels import Panel

RunCommand = Callable[[Panel], str]
"""Gives the command line that makes the runs of a panel again; reports know no command line of their own."""


def settings(panel: Panel) -> str:
    """Sizes of the loop, the pool, the test and the config."""
    config = panel.config
    pool, test = config.pool_size or "all", config.test_size or "all"
    return (
        f"Settings: {config.initial_size} first labels, {config.acquisition_size} a step, up to "
        f"{config.labeling_budget}, chosen from the {panel.pool}; {pool} training samples may be labeled, accuracy on "
        f"{test} test samples; {config.epochs} epochs a fit, batches of {config.batch_size}, learning rate "
        f"{config.learning_rate:g}, on {config.device}."
    )


def question(panel: Panel) -> str:
    """What the panel answers."""
    learned = [entry.display for entry in panel.entries if entry.learned]
    first = panel.entries[0].display if not learned else " or ".join(learned)
    who = "any strategy" if not learned or len(learned) > 3 else first
    return (
        f"Which {panel.dataset} samples are worth a label for the {panel.classifier}, choosing from the {panel.pool}: "
        f"does {who} do better than Random, and than the best single heuristic?"
    )


def reproduction(panel: Panel, command: RunCommand | None) -> tuple[str, str]:
    """The settings, with a hint that some commands need; and the command, or ""."""
    line = "" if command is None else command(panel)
    learned = any(entry.learned for entry in panel.entries)
    hint = " In the command, a policy that is not shipped is named by its folder." if line and learned else ""
    return settings(panel) + hint, line


def made_with(panels: Sequence[Panel], machine: Mapping[str, str]) -> str:
    """Versions and machine, in one line."""
    found = {name: version for panel in panels for versions in panel.versions for name, version in versions.items()}
    known = {**found, **{name: value for name, value in machine.items() if name != "command"}}
    return ", ".join(f"{name} {value}" for name, value in known.items())
