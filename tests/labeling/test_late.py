"""An act belongs to the person who did it: undo takes back what was meant, and who comes late overrides nobody."""

from __future__ import annotations

import time

import pytest
from tests.labeling.conftest import Make

from iale.labeling.project import Project
from iale.labeling.queue._late import late_opinions


def test_an_undo_takes_back_the_act_that_was_meant_or_nothing(make: Make) -> None:
    project = make()
    one, two = (ticket.sample for ticket in project.next("ann", 2))
    project.label("ann", one, "even", key="k1")
    project.label("ann", one, "odd", key="k2")
    project.label("ann", two, "odd", key="k3")
    assert project.undo("ann", one, act="never recorded", key="u1") is None
    assert project.undo("bo", one, act="k2", key="u1") is None
    assert project.undo("ann", two, act="k2", key="u2").of == project.history(one)[1].number  # type: ignore[union-attr]
    assert project.labels() == {one: "even", two: "odd"}
    assert project.undo("ann", one, act="k2", key="u3") is None  # it is taken back already
    assert project.labels() == {one: "even", two: "odd"}
    added = project.add_class("ann", "prime", key="k4")
    assert added is not None
    assert project.undo("ann", act="k4") is None


@pytest.mark.parametrize("first", ["odd", None])
def test_who_comes_late_gives_a_second_opinion(make: Make, monkeypatch: pytest.MonkeyPatch, first: str | None) -> None:
    project = make(count=5, test_share=0.0, twice_share=0.0)
    sample = project.next("ann", 1, tab="a")[0].sample
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3600)  # lunch
    assert sample in {ticket.sample for ticket in project.next("bo", 5, tab="b")}
    said = project.skip("bo", sample) if first is None else project.label("bo", sample, first)
    late = project.label("ann", sample, "even", asked=True, key="1")
    assert late.reason == "second"
    assert project.decision(sample) == said
    assert project.label("ann", sample, "even", asked=True, key="1") == late  # sent again
    for each in (project, Project.open(project.folder)):
        assert [(each.first.person, each.second) for each in late_opinions(each.reader, "bo")] == [("bo", late)]
        assert late_opinions(each.reader, "ann") == []
        assert late_opinions(each.reader, "bo", since=late.number) == []
    corrected = project.label("ann", sample, "even", key="2")  # on purpose, from the review
    assert project.decision(sample) == corrected


def test_who_answers_what_nobody_else_has_answered_is_not_late(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    project = make(count=5, test_share=0.0, twice_share=0.0)
    ann = [ticket.sample for ticket in project.next("ann", 5, tab="a")]
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3600)
    assert len(project.next("bo", 2, tab="b")) == 2  # who has not answered yet
    project.add_labels("import", {ann[4]: "odd"}, "imported")  # a file is no colleague
    for sample in ann:
        event = project.label("ann", sample, "even", asked=True)
        assert event.reason != "second"
        assert project.decision(sample) == event
    held = next(iter(project.reader.decisions()))
    second = project.label("bo", held, "odd", asked=True)
    assert second.reason == "second"
    assert project.undo("ann", held) is not None  # then nobody contradicts
    assert project.decision(held) == second
