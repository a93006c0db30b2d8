"""Tasks at random."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from iale.dagger.universal import UniversalConfig
from iale.dagger.universal._family import family_of
from iale.dagger.universal._labels import draw_labels
from iale.dagger.universal._sources import Source
from iale.dagger.universal._tasks import Task, _draw_rows, draw_task
from iale.errors import ConfigError

POINTS = torch.randn(2_400, 20, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(2_400) % 10


def source(name: str) -> Source:
    return Source(name, POINTS, LABELS, 10)


def equal(one: Task, other: Task) -> bool:
    tensors = ("inputs", "geometry", "labels", "first")
    return one.story == other.story and all(torch.equal(getattr(one, n), getattr(other, n)) for n in tensors)


def test_a_task_is_a_function_of_the_seed_and_its_number() -> None:
    config = UniversalConfig()
    assert equal(draw_task(config, 5, source), draw_task(config, 5, source))
    assert not equal(draw_task(config, 5, source), draw_task(config, 6, source))
    assert not equal(draw_task(config, 5, source), draw_task(UniversalConfig(seed=1), 5, source))


def test_tasks_are_as_wide_as_they_should_be() -> None:
    config = UniversalConfig()
    tasks = [draw_task(config, number, source) for number in range(1, 61)]
    for task in tasks:
        assert 2 <= task.classes <= 50
        assert 0 <= int(task.labels.min()) <= int(task.labels.max()) < task.classes
        assert task.size <= task.pool // 8
        assert len(task.first) <= min(100, task.pool // 4)
        assert len(torch.unique(task.first)) == len(task.first)
        assert not len(task.first) or int(task.first.max()) < task.pool
        assert 200 <= task.pool <= 800
        assert len(task.labels) - task.pool >= 190
        assert bool(torch.isfinite(task.inputs).all())
        assert 16 <= task.inputs.shape[1] <= 768
    assert {task.source for task in tasks} == {"synthetic", *config.sources}
    assert min(len(task.first) for task in tasks) == 0
    assert {task.size for task in tasks} == {1, 2, 5, 10, 20, 50}
    assert min(task.classes for task in tasks) < 5
    assert max(task.classes for task in tasks) > 20


def test_a_cnn_reads_images_that_were_shrunk_and_strategies_see_numbers() -> None:
    """The pixels of 28 x 28 images are averaged by twos; data without images has linear heads instead."""
    points = torch.arange(2_400.0)[:, None].expand(-1, 784).clone()
    points[:, 0] += 4  # of the first four pixels
    config = UniversalConfig(sources=("mnist",), synthetic=0.0, mlp=0.0, cnn=1.0)
    task = draw_task(config, 1, lambda name: Source(name, points, LABELS, 10, (1, 28, 28)))
    assert task.classifier == "cnn"
    assert task.inputs.shape[1:] == (1, 14, 14)
    assert task.geometry.shape[1:].numel() == task.geometry.shape[1]
    row = task.inputs[:, 0, 0, 0] - task.inputs[:, 0, 9, 9]
    torch.testing.assert_close(row, torch.ones_like(row), atol=1e-3, rtol=0)
    assert draw_task(config, 1, source).classifier == "linear"


def test_a_task_never_uses_a_family_that_is_held_out() -> None:
    asked = set[str]()

    def watched(name: str) -> Source:
        asked.add(name)
        return source(name)

    config = UniversalConfig(sources=("digits", "mnist", "kmnist-10k"), held_out=("mnist",), synthetic=0.0)
    for number in range(1, 30):
        draw_task(config, number, watched)
    assert asked == {"digits", "kmnist-10k"}


@pytest.mark.parametrize(
    ("name", "family"),
    [("cifar10-jpeg", "cifar"), ("cifar10", "cifar"), ("kmnist-10k", "kmnist"), ("fashion-small", "fashion")],
)
def test_names_of_one_family(name: str, family: str) -> None:
    assert family_of(name) == family


def test_all_sources_may_not_be_held_out() -> None:
    with pytest.raises(ConfigError, match="all sources are held out: name other sources"):
        UniversalConfig(sources=("mnist",), held_out=("mnist",))
    UniversalConfig(sources=("mnist",), held_out=("mnist",), synthetic=1.0)


def test_scoring_samples_are_never_in_the_pool() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        labels = torch.where(torch.rand(2_400) < 0.2, -1, LABELS)
        pool, rows = _draw_rows(labels, np.full(10, 0.1), 1000, rng)
        assert len(torch.unique(rows)) == len(rows)
        assert len(rows) == pool + 1000
        assert int(labels[rows].min()) >= 0


def test_uneven_classes_are_drawn_as_unevenly() -> None:
    shares = np.array([0.5, 0.3, 0.2])
    labels = torch.arange(30_000) % 3
    _, rows = _draw_rows(labels, shares, 1000, np.random.default_rng(0))
    found = torch.bincount(labels[rows]).double() / len(rows)
    assert found.numpy() == pytest.approx(shares, abs=0.05)


def test_merged_and_divided_classes_follow_those_of_the_source() -> None:
    kinds = set[str]()
    for seed in range(40):
        labels, classes, story = draw_labels(source("x"), np.random.default_rng(seed))
        kinds.add(next(word for word in ("merged", "divided", "all", "of") if word in story))
        table = torch.zeros(10, classes, dtype=torch.int64)
        used = labels >= 0
        table.index_put_((LABELS[used], labels[used]), torch.tensor(1), accumulate=True)
        if classes <= 10:
            assert int((table > 0).sum(dim=1).max()) == 1  # a class of the source lies whole in one of the task
        else:
            assert int((table > 0).sum(dim=0).max()) == 1  # a class of the task lies whole in one of the source
        assert bool((table.sum(dim=0) > 0).all())
    assert kinds == {"merged", "divided", "all", "of"}
