"""A labeling project in Python: the folder that `iale label` opens in the browser, driven by a script.

Every answer is on the disk before the call returns. People on the page and a script may work on one project at once.

    python examples/labeling_project.py
"""

from pathlib import Path

import numpy as np

from iale import Project, ProjectLearner
from iale.labeling import ProjectConfig, labels_csv

# 200 rows of four numbers; the sign of the first number is the class, and this function is our person.
rows = np.random.default_rng(0).normal(size=(200, 4)).astype("float32")
np.savez("rows.npz", x=rows)


def look(value: float) -> str:
    """What a person would say."""
    return "high" if value > 0 else "low"


project = Project.create("rows-project", ProjectConfig(Path("rows.npz"), ("low", "high")))

# One person answers tickets, as on the page, and takes one answer back.
for ticket in project.next("ann", 20):
    shown = project.show(ticket.sample)  # an image, a text, or a row's cells by column
    project.label("ann", ticket.sample, look(float(shown["0"])))
project.undo("ann")

# A script asks the strategy itself. It is never given samples of the random test share.
learner = ProjectLearner(project)
asked = learner.ask(10)
learner.tell(asked, [project.classes.index(look(rows[index, 0])) for index in asked])
learner.fit()

# Out again: a table with sample, label, person, time and reason.
Path("labels.csv").write_text(labels_csv(project), encoding="utf-8")
print(project.people(), "answers by person")
print(project.status().advice.text)
