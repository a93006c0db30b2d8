"""How near samples are to one another, in the geometry of a project."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from iale.labeling.reader import ProjectReader
from iale.seeding import Stream

_DRAWN = 2000  # samples that stand for the whole pool


@dataclass(frozen=True, eq=False)
class Reach:
    """What the labels of a project reach.

    Attributes:
        ids: of the labeled samples, R of them.
        labels: their classes.
        points: of theirs, float32 [R, D].
        rows: indices of S samples without a label; a random draw if there are many.
        drawn: points of theirs, float32 [S, D].
        gaps: from each of these to the nearest labeled sample, [S].
        each: how many samples one that was drawn stands for.
    """

    ids: tuple[str, ...]
    labels: tuple[str, ...]
    points: Tensor
    rows: Tensor
    drawn: Tensor
    gaps: Tensor
    each: float


class Near:
    """Compares samples. Threads may share it: what is known is replaced in one step."""

    def __init__(self, project: ProjectReader) -> None:
        self._project = project
        self._known: tuple[int, Reach | None] = (-1, None)

    def distances(self, index: int, rows: list[int]) -> Tensor | None:
        """From the sample at ``index`` to others, [len(rows)]; None while there is no geometry."""
        one, others = self.points([index]), self.points(rows)
        return None if one is None or others is None else torch.cdist(one, others)[0]

    def points(self, rows: list[int]) -> Tensor | None:
        """float32 [len(rows), D], or None while there is no geometry."""
        geometry = self._project.views.geometry()
        return None if geometry is None else geometry.at(torch.tensor(rows, dtype=torch.int64)).read()

    def reach(self) -> Reach | None:
        """What the labels reach now; None without a geometry or a label to learn from."""
        changes = self._project.changes()
        before, reach = self._known
        if changes != before or reach is None:
            reach = self._find()
            self._known = changes, reach
        return reach

    def _find(self) -> Reach | None:
        project = self._project
        labels, index = project.labels_to_learn_from(), project.items.ids.index
        points = self.points([index(sample) for sample in labels])
        if points is None or not labels:
            return None
        done = project.answered()
        draw = Stream(project.config.seed).child("why").numpy().permutation(project.count)
        left = [row for row in draw.tolist() if row not in done]
        rows = left[:_DRAWN]
        drawn = self.points(rows)
        assert drawn is not None
        gaps, each = torch.cdist(drawn, points).amin(dim=1), len(left) / max(1, len(rows))
        return Reach(tuple(labels), tuple(labels.values()), points, torch.tensor(rows), drawn, gaps, each)
