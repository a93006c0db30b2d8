"""The experiments by name, and the same experiments with other seeds, strategies or data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from iale.benchmark._experiment import Experiment
from iale.benchmark._experiments.figures import fig3, fig4, fig5a, fig5b, fig7, fig8, fig9, fig10, runtime
from iale.benchmark._experiments.geometry import geometry
from iale.benchmark._experiments.heads import heads
from iale.benchmark._experiments.networks import networks
from iale.benchmark._experiments.shapes import shapes
from iale.benchmark._experiments.universal import universal
from iale.benchmark._experiments.variants import controls, episodes, fig5c, fig13, schedule
from iale.benchmark._sizes import Size

EXPERIMENTS: dict[str, Callable[[Size], Experiment]] = {
    make.__name__: make
    for make in (
        fig3,
        fig4,
        fig5a,
        fig5b,
        fig5c,
        fig7,
        fig8,
        fig9,
        fig10,
        fig13,
        schedule,
        runtime,
        controls,
        episodes,
        geometry,
        shapes,
        heads,
        networks,
        universal,
    )
}
"""Functions of a size."""


def with_changes(experiment: Experiment, *, seeds: int | None = None, add: tuple[str, ...] = ()) -> Experiment:
    """The same experiment with another number of seeds, or with more strategies in every comparison."""
    grids = tuple(
        replace(grid, seeds=seeds or grid.seeds, strategies=tuple(dict.fromkeys((*grid.strategies, *add))))
        for grid in experiment.grids
    )
    return replace(experiment, grids=grids)


def on_datasets(
    experiment: Experiment, sizes: Mapping[str, tuple[int, int]], resize: tuple[int, ...] = ()
) -> Experiment:
    """The same comparisons on other data sets, with the same policies and without the paper's claims.

    ``sizes`` gives for each data set the number of its training and of its test samples; ``resize`` is the height and
    the width of the images of folders. Of a small data set, four
    fifths of the training samples may be labeled, so that oracles have samples to judge by.
    """
    shapes = dict.fromkeys(replace(grid, dataset="") for grid in experiment.grids)
    grids = []
    for name, (train, test) in sizes.items():
        for shape in shapes:
            pool_size = None if shape.pool_size is None else min(shape.pool_size, train * 4 // 5)
            test_size = None if shape.test_size is None else min(shape.test_size, test)
            grids.append(replace(shape, dataset=name, pool_size=pool_size, test_size=test_size, resize=resize))
    return replace(experiment, grids=tuple(grids), claims=())
