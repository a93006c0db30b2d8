"""The figure of an experiment, as a whole and in parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from matplotlib.figure import Figure

from iale.benchmark._experiment import Experiment
from iale.benchmark._times import Times
from iale.errors import ConfigError, StorageError
from iale.reports._curves import draw_curves
from iale.reports._factor import STRATEGY, Series, draw_factor, series
from iale.reports._overlap import draw_overlap, watched
from iale.reports._palette import Look
from iale.reports._panels import Panel
from iale.reports._times import draw_times, timed


def draw(experiment: Experiment, found: Sequence[Panel], looks: Mapping[str, Look], times: Times) -> Figure:
    """The figure, of the kind that the experiment names.

    Raises:
        StorageError: the records or the times lack what it shows.
        ConfigError: it varies a factor that the experiment does not name.
    """
    name = f"the experiment {experiment.name}"
    if experiment.figure == "overlap":
        if not watched(found):
            raise StorageError(f"no run of {name} has asked other strategies beside its own: run it again.")
        return draw_overlap(found, looks)
    if experiment.figure == "factor":
        if experiment.factor is None:
            raise ConfigError(f"{name} names no factor: name what varies along the axis.")
        return draw_factor(found, looks, experiment.factor)
    if experiment.figure == "times":
        if not timed(found, times):
            raise StorageError(f"no run of {name} has been timed together with a run of Random: run it again.")
        return draw_times(found, looks, times)
    return draw_curves(found, looks)


def draw_parts(experiment: Experiment, found: Sequence[Panel], looks: Mapping[str, Look], times: Times) -> list[Figure]:
    """The plots of the figure one by one, as a narrow page needs them."""
    groups: list[list[Panel]] = [list(each.panels.values()) for each in varied(experiment, found)]
    if experiment.figure == "overlap":
        groups = [[replace(panel, entries=(entry,))] for panel, entry in watched(found)]
    elif not groups:
        known = [panel for panel, _ in timed(found, times)] if experiment.figure == "times" else found
        groups = [[panel] for panel in known]
    return [draw(experiment, group, looks, times) for group in groups]


def varied(experiment: Experiment, found: Sequence[Panel]) -> list[Series]:
    """The panels by the value of the experiment's factor; empty if it varies strategies or nothing."""
    if experiment.figure != "factor" or experiment.factor in (None, STRATEGY):
        return []
    return series(found, str(experiment.factor))
