"""Classes that are renamed, merged, removed and described; each act is a line in the journal and can be undone."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.labeling.conftest import Make, label_some

from iale.errors import ConfigError, DataError
from iale.labeling.classes._editing import (
    describe_class,
    merge_class,
    remove_class,
    rename_class,
    take_back_class,
    undo_class_act,
)
from iale.labeling.export import labels_csv
from iale.labeling.importing import offers
from iale.labeling.project import Project
from iale.labeling.record._class_book import ClassBook
from iale.labeling.record._fits import Fit, Latest, save_fit
from iale.labeling.record._journal import Event


def exported(project: Project) -> dict[str, tuple[str, str]]:
    return {row["id"]: (row["label"], row["set_aside"]) for row in csv.DictReader(io.StringIO(labels_csv(project)))}


@pytest.mark.parametrize(
    "variant",
    ["Café", unicodedata.normalize("NFD", "café"), "  café ", "ca\u200bfé", "caf\u00ade\u0301", "CAFÉ", "ca\u200dfé"],
)
def test_a_name_that_people_cannot_tell_apart_is_the_same_name(make: Make, variant: str) -> None:
    project = make(classes=("café", "red  wine"))
    assert project.classes == ("café", "red wine")
    assert project.add_class("ann", variant) is None
    sample = project.items.ids[0]
    assert project.label("ann", sample, variant).label == "café"
    assert project.add_labels("ann", {project.items.ids[1]: variant}, "imported") == 1
    assert set(project.labels().values()) == {"café"}
    with pytest.raises(ConfigError, match="one name"):
        make("other", classes=("café", variant))


def test_no_name_is_written_backwards_to_look_like_another(make: Make) -> None:
    project = make(classes=("café", "tea"))
    project.add_class("ann", "\u202eéfac")  # looks like café
    assert project.classes == ("café", "tea", "éfac")


def test_two_alike_classes_of_an_earlier_version_stay_two(make: Make) -> None:
    project = make(classes=("a", "b"))
    config = json.loads((project.folder / "project.json").read_text())
    config["classes"] = ["a", "A"]
    (project.folder / "project.json").write_text(json.dumps(config))
    again = Project.open(project.folder)
    assert again.classes == ("a", "A")
    again.label("ann", again.items.ids[0], "A")
    again.label("ann", again.items.ids[1], "a")
    assert list(again.labels().values()) == ["A", "a"]


def test_a_renamed_class_has_its_labels_under_the_new_name_everywhere(make: Make) -> None:
    project = make(test_share=0.0)
    samples = label_some(project, 8)
    before = project.labels()
    event = rename_class(project, "bob", "even", "straight")
    assert event is not None
    assert project.classes == ("straight", "odd")
    expected = {sample: "straight" if label == "even" else label for sample, label in before.items()}
    for found in (project, Project.open(project.folder)):
        assert found.labels() == expected
        assert list(found.labels()) == list(before)  # the latest decision is still the last
        assert {sample: label for sample, (label, _) in exported(found).items()} == expected
        assert found.status().by_class == Counter(expected.values())
        assert {found.history(sample)[0].label for sample in samples} == {"straight", "odd"}
    # An outbox that was offline, or a file of that time, still says "even".
    assert project.label("ann", project.items.ids[0], "even").label == "straight"
    assert project.add_labels("ann", {project.items.ids[2]: "even"}, "imported") in (0, 1)
    assert project.classes == ("straight", "odd")


def test_an_earlier_name_stands_for_its_class_for_ever(make: Make) -> None:
    project = make()
    rename_class(project, "ann", "even", "straight")
    assert project.add_class("ann", "Even") is None
    with pytest.raises(DataError, match="means the class 'straight'"):
        rename_class(project, "ann", "odd", "even")
    with pytest.raises(DataError, match="merge the two"):
        rename_class(project, "ann", "odd", "straight")
    assert rename_class(project, "ann", "straight", "straight") is None
    assert rename_class(project, "ann", "straight", "even") is not None  # back again
    assert project.classes == ("even", "odd")
    assert rename_class(project, "ann", "even", "EVEN") is not None  # another way of writing it
    assert project.classes == ("EVEN", "odd")


def test_undo_takes_back_exactly_one_act(make: Make) -> None:
    project = make(test_share=0.0)
    label_some(project, 8)
    before = project.labels()
    renamed = rename_class(project, "ann", "even", "straight")
    merged = merge_class(project, "bob", "odd", "straight")
    assert renamed is not None
    assert merged is not None
    assert project.classes == ("straight",)
    assert set(project.labels().values()) == {"straight"}
    late = project.items.ids[59]
    project.label("ann", late, "odd")  # said while the two were one
    assert undo_class_act(project, "cid", renamed.number) is not None
    assert set(project.labels().values()) == {"even"}
    assert undo_class_act(project, "cid", merged.number) is not None
    assert undo_class_act(project, "cid", merged.number) is None
    assert {sample: label for sample, label in project.labels().items() if sample != late} == before
    assert project.labels()[late] == "even"
    assert Project.open(project.folder).labels() == project.labels()


def test_a_removed_class_stays_removed_when_the_same_command_goes_on(make: Make) -> None:
    project = make()
    remove_class(project, "ann", "odd")
    again = Project.create_or_open(project.folder, replace(project.config, classes=("even", "odd", "new")))
    assert again.classes == ("even", "new")


def test_a_removed_class_sets_its_labels_aside_and_undo_brings_them_back(make: Make) -> None:
    project = make(test_share=0.0)
    label_some(project, 8)
    before = project.labels()
    odd = {sample for sample, label in before.items() if label == "odd"}
    event = remove_class(project, "ann", "odd")
    assert event is not None
    assert project.classes == ("even",)
    assert set(project.labels()) == set(before) - odd
    assert {e.sample for e in project.set_aside()} == odd
    assert {sample for sample, (label, aside) in exported(project).items() if (label, aside) == ("odd", "yes")} == odd
    assert (project.missing(), project.status().labeled, project.people()) == (0, 8 - len(odd), {"ann": 8 - len(odd)})
    assert offers(project, "content") == offers(project, "name") == []
    with pytest.raises(DataError, match="not a class"):
        project.label("ann", project.items.ids[0], "odd")
    with pytest.raises(DataError, match="was removed"):
        project.add_labels("ann", {project.items.ids[0]: "odd"}, "imported")
    asked = {ticket.sample for ticket in project.next("bob", 60)}
    assert odd <= asked
    assert undo_class_act(project, "ann", event.number) is not None
    assert project.labels() == before
    remove_class(project, "ann", "odd")
    assert project.add_class("ann", "ODD") is not None  # brings it back, too
    assert set(project.classes) == {"even", "odd"}
    assert project.labels() == before


def test_what_fits_said_follows_the_names(make: Make) -> None:
    project = make()
    sample = project.items.ids[0]
    fit = Fit(1.0, 2, 2, ("even", "odd"), "margin", {sample: "even"}, 0.1)
    guesses = {sample: (("even", 0.6), ("odd", 0.4))}
    save_fit(project.folder, fit, Latest(1, (), (), guesses, 0.6, "w", "d", (2,)))
    assert project.reader.guess(sample) == guesses[sample]
    renamed = rename_class(project, "ann", "odd", "uneven")
    assert project.fits.all[0].classes == ("even", "uneven")
    assert project.reader.guess(sample) == (("even", 0.6), ("uneven", 0.4))
    merged = merge_class(project, "ann", "even", "uneven")
    assert project.fits.all[0].tests == {sample: "uneven"}
    assert project.reader.guess(sample) == (("uneven", 1.0),)
    assert merged is not None
    assert renamed is not None
    undo_class_act(project, "ann", merged.number)
    remove_class(project, "ann", "uneven")
    assert project.reader.guess(sample) == (("even", 0.6),)


def test_what_is_written_about_a_class(make: Make) -> None:
    project = make()
    describe_class(
        project, "ann", "even", {"text": "# Even\nends in 0, 2, 4, 6, 8", "color": "#1E834C", "shortcut": "V"}
    )
    describe_class(project, "ann", "", {"text": "Look at the *last* digit."})
    assert describe_class(project, "ann", "even", {"color": "#1e834c"}) is None
    rename_class(project, "ann", "even", "straight")
    last = describe_class(project, "bob", "straight", {"shortcut": ""})
    assert last is not None
    book = Project.open(project.folder).reader.ledger.answers.classes
    about = book.about("straight")
    assert (about.text[:6], about.color, about.shortcut) == ("# Even", "#1e834c", "")
    assert book.about("").text == "Look at the *last* digit."
    undo_class_act(project, "ann", last.number)
    assert project.reader.ledger.answers.classes.about("straight").shortcut == "v"
    for wrong in ({"color": "red"}, {"color": "url(x)"}, {"shortcut": "ab"}, {"shortcut": "."}, {"text": "a\x00"}):
        with pytest.raises(DataError):
            describe_class(project, "ann", "straight", wrong)
    with pytest.raises(DataError, match="at most"):
        describe_class(project, "ann", "straight", {"text": "x" * 10_001})


def test_a_request_that_comes_twice_counts_once(make: Make) -> None:
    project = make()
    first = rename_class(project, "ann", "even", "straight", key="k")
    assert rename_class(project, "ann", "even", "straight", key="k") == first
    with pytest.raises(DataError, match="this key was used for something else"):
        rename_class(project, "ann", "even", "other", key="k")
    assert project.classes == ("straight", "odd")


def test_an_added_class_is_taken_back_if_nobody_used_it(make: Make) -> None:
    project = make()
    project.add_class("ann", "third", key="1")
    assert take_back_class(project, "bob", "1") is None  # the key is ann's
    assert take_back_class(project, "ann", "2") is None
    event = take_back_class(project, "ann", "1", key="3")
    assert event is not None
    assert take_back_class(project, "ann", "1", key="3") == event
    assert take_back_class(project, "ann", "1") is None  # there is nothing left to take back
    for found in (project, Project.open(project.folder)):
        assert found.classes == ("even", "odd")
        with pytest.raises(DataError, match="not a class"):
            found.label("ann", found.items.ids[0], "third")
    project.add_class("ann", "Third", key="4")
    assert project.classes == ("even", "odd", "third")


def test_an_added_class_that_was_used_or_changed_is_not_taken_back(make: Make) -> None:
    project = make()
    project.add_class("ann", "third", key="1")
    project.label("bob", project.items.ids[0], "third")
    with pytest.raises(DataError, match="used or changed since"):
        take_back_class(project, "ann", "1")
    project.undo("bob")
    described = describe_class(project, "bob", "third", {"text": "the rest"})
    with pytest.raises(DataError, match="used or changed since"):
        take_back_class(project, "ann", "1")
    assert described is not None
    undo_class_act(project, "bob", described.number)
    assert take_back_class(project, "ann", "1") is not None
    assert project.classes == ("even", "odd")
    with pytest.raises(DataError):
        project.label("bob", project.items.ids[0], "third")


def test_random_acts_agree_with_a_slow_reference() -> None:
    """The reference keeps sets of names for each class, and plays the acts that were not undone from the beginning."""
    rng = np.random.default_rng(0)
    for _ in range(60):
        book, number = ClassBook(("a", "b", "c", "d")), 0
        acts: list[Event] = []
        undone: set[int] = set()
        for step in range(12):
            number += 1
            names = list(book.names)
            kind = str(rng.choice(["rename", "merge", "remove", "undo", "class"]))
            values: dict[str, Any] = {}
            if kind == "undo" and (found := [*book.acts(), *filter(book.added, acts)]):
                of = found[int(rng.integers(len(found)))].number
                undone.add(of)
                values = {"of": of}
            elif kind == "class":
                values = {"label": f"new {step}"}
            elif kind in ("rename", "remove") and names:
                values = {"label": str(rng.choice(names)), "into": f"name {step}" if kind == "rename" else None}
            elif kind == "merge" and len(names) > 1:
                one, two = rng.choice(names, 2, replace=False)
                values = {"label": str(one), "into": str(two)}
            else:
                continue
            event = Event(number=number, time=0.0, kind=kind, person="ann", **values)  # type: ignore[arg-type]
            acts.append(event)
            book.apply(event)
            assert (book.names, {n: book.now(n) for n in every(acts)}) == reference(acts, undone)


def every(acts: list[Event]) -> list[str]:
    return ["a", "b", "c", "d", *(name for act in acts for name in (act.label, act.into) if name)]


def reference(acts: list[Event], undone: set[int]) -> tuple[tuple[str, ...], dict[str, str | None]]:
    groups: list[set[str]] = [{name} for name in "abcd"]
    for act in acts:  # which names are whose never changes
        if act.kind == "class" and not any(act.label in group for group in groups):
            groups.append({str(act.label)})
        if act.kind == "rename":
            next(group for group in groups if act.label in group).add(str(act.into))
    firsts = [next(n for n in every(acts) if n in group) for group in groups]
    now: dict[int, str] = {at: firsts[at] for at in range(len(groups))}
    goes: dict[int, int] = {}
    gone: set[int] = set()

    def where(name: str | None) -> int:
        return next(at for at, group in enumerate(groups) if name in group)

    for act in acts:
        if act.kind == "class" and act.number in undone:
            gone.add(where(act.label))
        if act.number in undone or act.kind == "undo":
            continue
        at = where(act.label)
        if act.kind == "rename":
            now[at] = str(act.into)
        elif act.kind == "merge":
            goes[at] = where(act.into)
        elif act.kind == "remove":
            gone.add(at)
        elif act.kind == "class":
            gone.discard(at)

    def end(at: int) -> str | None:
        for _ in groups:
            at = goes.get(at, at)
        return None if at in gone else now[at]

    names = tuple(now[at] for at in range(len(groups)) if at not in goes and at not in gone)
    return names, {name: end(where(name)) for name in every(acts)}


def test_a_journal_of_before_is_read_as_it_was(make: Make) -> None:
    project = make(test_share=0.0)
    label_some(project, 6)
    project.add_class("ann", "third")
    project.label("ann", project.items.ids[5], "third")
    kinds = {json.loads(line)["kind"] for line in (project.folder / "journal.jsonl").read_text().splitlines()}
    assert kinds == {"lease", "label", "class"}
    assert Project.open(project.folder).labels() == project.labels()
