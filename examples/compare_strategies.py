"""Compare strategies fairly: paired seeds, intervals, tests, and a report.

Three seeds and 60 labels take seconds and decide nothing; use ten seeds or more for a result that you report.
Run the same command again to continue after a stop. Finished runs are not repeated.

    python examples/compare_strategies.py
"""

from pathlib import Path

from iale import TrainingConfig
from iale.benchmark import GridConfig, run_grids
from iale.learner import CycleConfig
from iale.reports import write_report

config = GridConfig(
    dataset="digits",  # or the path of your own data: an .npz file, or a folder with a sub-folder for each class
    classifier="mlp",
    strategies=("random", "margin", "badge"),  # or "package.module:YourStrategy", or the folder of a policy
    seeds=3,
    cycle=CycleConfig(labeling_budget=60, acquisition_size=10, subset_size=100, initial_size=20),
    training=TrainingConfig(epochs=15, device="cpu"),
)

# For one seed, all strategies share the split, the first labels, the initial weights and the sub-pools. So the
# difference between two strategies on one seed holds much less noise than either accuracy.
run_grids(config, Path("runs"), progress=False)

# The report reads the records alone: paired differences with their intervals, Wilcoxon tests with Holm's correction.
print(write_report(Path("runs"), Path("report")))
print("report/report.html shows the curves.")
