from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image

from iale.classifiers.base import TrainingConfig
from iale.cli import _label
from iale.labeling.forecast._savings import Savings, Terms
from iale.labeling.forecast._savings import savings as savings_on
from iale.labeling.project import Project
from iale.labeling.record._fits import Fit, RandomFits
from iale.labeling.record.config import ProjectConfig

QUICK = TrainingConfig(epochs=5, device="cpu")
Make = Callable[..., Project]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Makes projects of 60 rows with two features each; the class of row i is "even" or "odd", and the first feature
    tells it."""
    opened: list[Project] = []

    def project(name: str = "project", count: int = 60, **config: Any) -> Project:
        data = tmp_path / f"{name}.npz"
        rng = np.random.default_rng(0)
        x = rng.normal(size=(count, 2)).astype(np.float32)
        x[:, 0] = np.where(np.arange(count) % 2, 3, -3) + x[:, 0] / 10
        np.savez(data, x=x)
        values = {"classes": ("even", "odd"), "training": QUICK, **config}
        opened.append(Project.create(tmp_path / name, ProjectConfig(data, **values)))
        return opened[-1]

    yield project
    for one in opened:
        one.close()


def truth(project: Project, sample: str) -> str:
    return "odd" if int(project.name(sample)) % 2 else "even"


def label_some(project: Project, count: int, person: str = "ann") -> list[str]:
    """Labels what the project asks for, truthfully; returns the ids."""
    done = []
    for _ in range(count):
        for ticket in project.next(person, 1):
            project.label(person, ticket.sample, truth(project, ticket.sample))
            done.append(ticket.sample)
    return done


def write_images(folder: Path, count: int, size: tuple[int, int] = (12, 12), mode: str = "L") -> None:
    rng = np.random.default_rng(1)
    folder.mkdir(parents=True, exist_ok=True)
    shape = size if mode == "L" else (*size, 3)
    for number in range(count):
        pixels = rng.integers(0, 255, shape, dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"image-{number:03}.png")


def savings(fits: list[Fit], random: RandomFits, tests: dict[str, str], **terms: Any) -> Savings:
    return savings_on(fits, random, tests, Terms(**terms))


@pytest.fixture
def unserved(monkeypatch: pytest.MonkeyPatch) -> None:
    """``iale label`` makes the project and ends where it would serve it."""
    monkeypatch.setitem(_label.PAGES._entries, "label", lambda *_: nullcontext(Mock()))
    monkeypatch.setattr(Project, "start_fitting", lambda self, _: None)
    monkeypatch.setattr(_label, "warm_process", Mock)
