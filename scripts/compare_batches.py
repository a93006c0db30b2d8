"""What do batches of equal size change? Draws docs/images/batches.svg and prints how deep the curves dip.

    python scripts/compare_batches.py

The setting of the demo: an MLP on clothes, ten paired seeds, from 20 to 200 labels in steps of 5. With 65 labels, the
last of two batches holds one sample in the way "remainder"; with 130 labels, the last of three holds two. A dip is the
accuracy there minus the mean of the accuracies 5 labels before and after 10 labels more, seed by seed. A few minutes.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from iale import _storage as storage
from iale.benchmark._statistics import Floats, estimate, half_width
from iale.benchmark.grid import GridConfig
from iale.benchmark.runner import run_one
from iale.cli._demo import EXAM
from iale.data.catalog import load_dataset
from iale.learner import CycleConfig
from iale.reports._figures import STYLE, new_figure, svg
from iale.reports._palette import HEURISTICS

STRATEGIES, SEEDS, DIPS = ("random", "margin"), range(10), (65, 130)
CYCLE = CycleConfig(labeling_budget=200, acquisition_size=5)
Way = Literal["equal", "remainder"]
IMAGE = Path(__file__).parents[1] / "docs" / "images" / "batches.svg"
TITLES: dict[Way, str] = {
    "remainder": "Before: full batches, and one of what remains",
    "equal": "Now: batches of equal size",
}


def main() -> None:
    """Plays the runs, prints the dips and writes the picture."""
    curves = {(way, name): _curves(name, way) for way in TITLES for name in STRATEGIES}
    labeled = np.arange(CYCLE.initial_size, CYCLE.labeling_budget + 1, CYCLE.acquisition_size)
    for dip in DIPS:
        at = int(np.flatnonzero(labeled == dip)[0])
        for (way, name), values in curves.items():
            depth = estimate(100 * (values[:, at] - (values[:, at - 1] + values[:, at + 2]) / 2))
            print(f"{dip} labels, {name}, {way}: {depth.mean:+.2f} points ({depth.low:+.2f} to {depth.high:+.2f})")
    for name in STRATEGIES:
        gain = estimate(100 * (curves["equal", name] - curves["remainder", name]).mean(axis=1))
        print(
            f"{name}: equal minus remainder, mean of the curve: {gain.mean:+.2f} ({gain.low:+.2f} to {gain.high:+.2f})"
        )
    storage.write_bytes(IMAGE, svg(_draw(labeled, curves)))


def _curves(name: str, way: Way) -> Floats:
    """[S, P], accuracies of a strategy with one way to divide an epoch."""
    config: GridConfig = replace(EXAM, cycle=CYCLE, training=replace(EXAM.training, batches=way))
    data = load_dataset(config.dataset)
    return np.array([run_one(config, data, name, "subset", seed).accuracy for seed in SEEDS])


def _draw(labeled: np.ndarray, curves: dict[tuple[Way, str], Floats]) -> Figure:
    with rc_context(STYLE):
        figure = new_figure(9.6, 4.2)
        for place, (way, title) in enumerate(TITLES.items()):
            axes = figure.add_axes((0.07 + 0.48 * place, 0.19, 0.43, 0.68))
            for name in STRATEGIES:
                values, look = 100 * curves[way, name], HEURISTICS[name]
                mean, half = values.mean(axis=0), half_width(values)
                axes.fill_between(labeled, mean - half, mean + half, color=look.color, alpha=0.15, linewidth=0)
                axes.plot(labeled, mean, color=look.color, linestyle=look.dash, label=name.capitalize())
            for dip in DIPS:
                axes.axvline(dip, color="#656b77", linewidth=0.7, linestyle=":")
            axes.set_title(title, loc="left")
            axes.set_xlabel("labels")
            axes.set_ylim(48, 78)
            axes.set_xticks([20, *DIPS, 200])
            axes.legend(loc="lower right", frameon=False)
        figure.axes[0].set_ylabel("test accuracy, %")
        text = "Means of 10 paired seeds with pointwise 95 % t intervals; MLP on fashion-small, 5 labels a step."
        figure.text(0.07, 0.03, text, fontsize=8)
    return figure


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    main()
