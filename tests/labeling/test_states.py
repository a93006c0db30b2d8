"""A table of states: what a project says is so in each of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.labeling.conftest import Make, truth

from iale.labeling.forecast._maker import StatusMaker
from iale.labeling.project import Project

Step = Callable[[Project], object]


def learned(project: Project, *labels: str) -> None:
    """Labels samples outside of the test share."""
    free = [s for index, s in enumerate(project.items.ids) if not project.shares.reserved[index]]
    free = [s for s in free if project.decision(s) is None]
    for sample, label in zip(free, labels, strict=False):
        project.label("ann", sample, label)


def in_test_share(project: Project, *labels: str) -> None:
    """Labels samples of the test share."""
    for index, label in zip(project.shares.order.tolist(), labels, strict=False):
        project.hold("ann", [project.items.ids[index]], "test")
        project.label("ann", project.items.ids[index], label)


def five_classes(project: Project) -> None:
    for name in ("a", "b", "c"):
        project.add_class("ann", name)
    learned(project, "even", "odd", "a", "b", "c")


def two_classes(project: Project) -> None:
    learned(project, "even", "odd")


def undone(project: Project) -> None:
    two_classes(project)
    project.undo("ann")


def everything(project: Project) -> None:
    for sample in project.items.ids:
        project.label("ann", sample, truth(project, sample))


NONE, SOON = "no model yet: label samples of at least two classes.", "the first one is fitted while people go on"
TEST_ALONE, FULL = "never learns from the random test share", "the disk is full."
STATES: list[tuple[str, Step, bool, str, str]] = [
    ("nothing", lambda p: None, False, "", NONE),
    ("one class", lambda p: learned(p, "even", "even"), False, "", NONE),
    ("two classes", two_classes, False, "", SOON),
    ("five classes", five_classes, False, "", SOON),
    ("test share alone", lambda p: in_test_share(p, "even", "odd"), False, "", TEST_ALONE),
    ("undone", undone, False, "", NONE),
    ("fitting", two_classes, True, "", "the first one is being fitted."),
    ("failed", two_classes, False, FULL, "could not be fitted: the disk is full."),
]


@pytest.mark.parametrize(
    ("step", "fitting", "problem", "sentence"), [s[1:] for s in STATES], ids=[s[0] for s in STATES]
)
def test_why_there_is_no_model(make: Make, step: Step, fitting: bool, problem: str, sentence: str) -> None:
    project = make(test_share=0.3)
    step(project)
    status = StatusMaker(project.reader).make(fitting=fitting, problem=problem)
    told = status.cannot_tell["accuracy"]
    assert sentence in told
    assert told[1:] in status.advice.reason
    assert ("two classes" in told) == (len([n for n in status.by_class.values() if n]) < 2 or "outside" in told)


def test_the_end_is_told_as_it_is(make: Make) -> None:
    project = make(count=12, test_share=0.0)
    everything(project)
    assert project.status().advice.text == "Stop: there is nothing left to label."
    project.undo("ann")
    assert project.status().advice.stop is None
    (sample,) = (s for s in project.items.ids if project.decision(s) is None)
    project.reader.pass_over(sample, "it cannot be decoded.")
    status = project.status()
    assert (status.labeled, status.unshown, status.samples) == (11, 1, 12)
    assert status.advice.reason == "Every sample that can be shown has been answered."
