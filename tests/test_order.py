"""The same labels in another order give the same answer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from iale.active_learner import ActiveLearner
from iale.classifiers.base import FitJob, FittedClassifier, Outputs, TrainingConfig
from iale.cli._main import main
from iale.data.samples import Samples
from iale.labeling.learner import ProjectLearner
from iale.labeling.project import Project
from iale.labeling.record.config import ProjectConfig
from iale.strategies.base import Need, QueryContext, QueryStrategy

ROWS = np.random.default_rng(0).normal(size=(120, 10)).astype("f4")
NET = nn.Sequential(nn.Linear(10, 16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 3))
TRAINING = TrainingConfig(epochs=3, batch_size=16, device="cpu")
STRATEGIES = ("margin", "badge", "coreset", "mc-dropout", "ensemble")


class LooksAtLabeled(QueryStrategy):
    """Its answer depends on the first labeled sample that it sees."""

    name = "looks"
    needs = frozenset({Need.LABELED})

    def select(self, context: QueryContext, k: int, *, rng: np.random.Generator) -> Tensor:
        assert context.labeled is not None
        assert context.labels is not None
        near = torch.cdist(context.candidates.embeddings, context.labeled.embeddings[:1])[:, 0]
        return near.argsort()[int(context.labels[0]) :][:k]


def ask(order: Sequence[int], strategy: str | QueryStrategy, parts: int = 1) -> list[int]:
    learner = ActiveLearner(NET, ROWS, strategy, training=TRAINING)
    for part in np.array_split(np.asarray(order), parts):
        learner.tell(part.tolist(), [int(i) % 3 for i in part])
    return learner.ask(5)


@settings(max_examples=8, deadline=None)
@given(order=st.permutations(range(0, 70, 2)), parts=st.integers(1, 3))
def test_labels_in_any_order_and_in_any_number_of_parts(order: list[int], parts: int) -> None:
    for strategy in (*STRATEGIES, LooksAtLabeled()):
        assert ask(order, strategy, parts) == ask(sorted(order), strategy)


class Own:
    """A classifier of one's own, whose outputs depend on the order of its job."""

    num_classes, embedding_dim, has_dropout = 3, 1, False

    def fit_many(self, samples: Samples, jobs: Sequence[FitJob]) -> list[FittedClassifier]:
        return [_First(int(job.indices[0]), int(job.labels[-1])) for job in jobs]


class _First:
    def __init__(self, first: int, last: int) -> None:
        self.numbers = first, last

    def outputs(self, samples: Samples, indices: Tensor) -> Outputs:
        values = ((indices * (7 + self.numbers[0]) + self.numbers[1]) % 11).float()
        return Outputs(torch.stack([values, -values, values / 2], dim=1), values[:, None])

    def monte_carlo(self, samples: Samples, indices: Tensor, passes: int, seed: int) -> Tensor:
        raise NotImplementedError


def test_a_classifier_of_ones_own_is_given_one_order() -> None:
    answers = set()
    for order in ([3, 9, 40, 7], [40, 7, 3, 9], [3, 7, 9, 40]):
        learner = ActiveLearner(Own(), ROWS, "margin")
        learner.tell(order, [i % 3 for i in order])
        assert learner.labeled == order
        answers.add(tuple(learner.ask(5)))
    assert len(answers) == 1


def test_a_project_whose_labels_came_in_another_order(tmp_path: Path) -> None:
    table = tmp_path / "rows.csv"
    table.write_text("\n".join(["a,b", *(f"{x:.6f},{y:.6f}" for x, y in ROWS[:, :2])]) + "\n")
    answers = []
    for name, order in (("one", range(30)), ("two", reversed(range(30)))):
        config = ProjectConfig(data=table, classes=("x", "y", "z"), test_share=0, training=TRAINING)
        project = Project.create(tmp_path / name, config)
        learner = ProjectLearner(project, strategy="margin")
        listed = list(order)
        learner.tell(listed, [i % 3 for i in listed])
        answers.append(learner.ask(5))
        project.close()
    assert answers[0] == answers[1]


def test_a_sorted_file_of_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "rows.npy", ROWS)
    answers = []
    for name, order in (("one", list(range(30))), ("two", sorted(range(30), key=lambda i: (i % 3, -i)))):
        labels = tmp_path / f"{name}.csv"
        labels.write_text("\n".join(["sample,label", *(f"{i},c{i % 3}" for i in order)]) + "\n")
        options = ["--images", str(tmp_path / "rows.npy"), "--labels", str(labels), "--k", "5", "--epochs", "3"]
        assert main(["query", *options, "--device", "cpu", "--classes", "c0,c1,c2"]) == 0
        answers.append(capsys.readouterr().out)
    assert answers[0] == answers[1]
    assert answers[0].count("\n") == 6
