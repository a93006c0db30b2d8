"""Labels that are looked at again: doubtful ones come first, disagreements are decided, and agreement is counted."""

from __future__ import annotations

import itertools
import json
from collections import Counter

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.metrics import cohen_kappa_score
from tests.labeling.conftest import Make, label_some, truth

from iale.errors import DataError
from iale.labeling.export import labels_jsonl
from iale.labeling.project import Project
from iale.labeling.record._journal import Reason
from iale.labeling.reviewing._agreement import agreement, krippendorffs_alpha
from iale.labeling.reviewing._deciding import decide, note, notes_for
from iale.labeling.reviewing._doubts import Doubter, Doubts
from iale.labeling.reviewing._left_out import _left_out, left_out_probabilities
from iale.labeling.reviewing._rows import Wish, rows


def ids(project: Project, wish: Wish, doubts: Doubts | None = None) -> list[str]:
    return [row.decision.sample or "" for row in rows(project.reader, wish, doubts or Doubts())]


def seen(project: Project, sample: str) -> int:
    event = project.decision(sample)
    assert event is not None
    return event.number


def two_opinions(project: Project, index: int, first: str, second: str) -> str:
    sample = project.items.ids[index]
    project.label("ann", sample, first)
    project.hold("bob", [sample], "second")
    project.label("bob", sample, second)
    return sample


def test_the_scores_of_left_out_samples_are_those_of_fits_without_them() -> None:
    """Against as many ridge regressions as there are samples, each solved without one of them."""
    rng = np.random.default_rng(0)
    features, hot = rng.normal(size=(30, 4)), np.eye(3)[rng.integers(0, 3, 30)]
    found = _left_out(features, hot)
    whole = np.column_stack([features, np.ones(30)])
    errors = []
    for ridge in np.logspace(-6, 2, 17) * np.linalg.eigvalsh(whole.T @ whole).mean():
        slow = np.empty_like(hot)
        for row in range(30):
            rest = np.arange(30) != row
            gram = whole[rest].T @ whole[rest] + ridge * np.eye(5)
            slow[row] = whole[row] @ np.linalg.solve(gram, whole[rest].T @ hot[rest])
        errors.append((float(np.square(slow - hot).mean()), slow))
    assert np.allclose(found, min(errors, key=lambda pair: pair[0])[1])


def test_most_planted_errors_are_among_the_first_fifty() -> None:
    """1,000 handwritten digits with 50 wrong labels: 5 of the first 50 would be wrong by chance, 47 to 49 are."""
    images, truths = load_digits(return_X_y=True)
    for seed in range(2):
        rng = np.random.default_rng(seed)
        some = rng.permutation(len(images))[:1000]
        labels, wrong = truths[some].copy(), rng.permutation(1000)[:50]
        labels[wrong] = (labels[wrong] + rng.integers(1, 10, 50)) % 10
        found = left_out_probabilities(images[some] / 16, labels, 10)
        assert np.allclose(found.sum(axis=1), 1)
        first = np.argsort(found[np.arange(1000), labels])[:50]
        assert len(set(first) & set(wrong)) >= 44


def test_what_the_model_doubts_comes_first_and_what_was_confirmed_is_left_out(make: Make) -> None:
    project = make(test_share=0.0)
    every = label_some(project, 40)
    wrong = every[::10]
    for sample in wrong:
        project.label("ann", sample, "odd" if truth(project, sample) == "even" else "even")
    doubter = Doubter(project.reader)
    found = ids(project, Wish("model"), doubter.doubts())
    assert set(found) == set(wrong)
    row = rows(project.reader, Wish("model"), doubter.doubts())[0]
    assert row.guess[0][0] == truth(project, found[0])
    assert row.given is not None
    assert row.given < 0.5
    event = decide(project, "bob", found[0], row.decision.label, seen=row.decision.number)
    assert event is not None
    assert event.kind == "confirm"
    assert project.labels()[found[0]] == row.decision.label
    assert ids(project, Wish("model"), doubter.doubts()) == found[1:]
    assert project.undo("bob") is not None  # the last act of bob
    assert ids(project, Wish("model"), doubter.doubts()) == found
    decide(project, "bob", found[0], truth(project, found[0]), seen=row.decision.number)
    assert ids(project, Wish("model"), doubter.doubts()) == found[1:]
    unsure = rows(project.reader, Wish("confidence"), doubter.doubts())
    best = [row.guess[0][1] for row in unsure]
    assert best == sorted(best)
    assert len(best) == 40


def test_the_test_share_is_never_doubted(make: Make) -> None:
    project = make(test_share=0.3)
    label_some(project, 40)
    doubts = Doubter(project.reader).doubts()
    assert doubts.guesses.keys() == project.labels_to_learn_from().keys()
    assert not doubts.guesses.keys() & project.labels_to_test_on().keys()


def test_too_few_labels_are_no_ground_for_doubts(make: Make) -> None:
    project = make()
    label_some(project, 3)
    assert "10 or more" in Doubter(project.reader).doubts().why_not


def test_filters_and_search(make: Make) -> None:
    project = make(test_share=0.0)
    one, two, three = project.items.ids[10], project.items.ids[11], project.items.ids[12]
    first = project.label("ann", one, "even")
    project.label("bob", two, "odd")
    third = project.skip("bob", three)
    note(project, "cid", two, "Straße, blurred", "look")
    assert third is not None
    assert ids(project, Wish()) == [three, two, one]
    assert ids(project, Wish(label="even")) == [one]
    assert ids(project, Wish(label="")) == [three]
    assert ids(project, Wish(person="bob")) == [three, two]
    assert ids(project, Wish(since=first.time, until=third.time)) == [two, one]
    assert ids(project, Wish(words="BLURRED strasse")) == [two]
    name = project.name(two)
    assert two in ids(project, Wish(words=name))
    assert ids(project, Wish(words=f"{name} nowhere")) == []
    assert ids(project, Wish(flag="look")) == [two]
    assert ids(project, Wish(flag="example")) == []
    for wrong in ({"order": "best"}, {"flag": "red"}):
        with pytest.raises(DataError, match="must be one of"):
            Wish(**wrong)  # type: ignore[arg-type]


def test_a_disagreement_is_decided_for_a_reason_of_its_own(make: Make) -> None:
    project = make()
    agreed = two_opinions(project, 0, "even", "even")
    sample = two_opinions(project, 1, "even", "odd")
    assert ids(project, Wish("people")) == [sample]
    with pytest.raises(DataError, match="ann has said even meanwhile"):
        decide(project, "cid", sample, "odd", seen=1)
    event = decide(project, "cid", sample, "odd", seen=seen(project, sample), key="k")
    assert event is not None
    assert (event.reason, event.person, event.label) == ("adjudicated", "cid", "odd")
    assert decide(project, "cid", sample, "odd", seen=0, key="k") == event  # sent twice
    assert ids(project, Wish("people")) == []
    assert project.labels() == {agreed: "even", sample: "odd"}
    assert agreement(project.reader).all is not None
    assert project.undo("cid") is not None
    assert ids(project, Wish("people")) == [sample]
    decide(project, "ann", sample, "even", seen=seen(project, sample))  # one of the two says it again, on purpose
    assert ids(project, Wish("people")) == []
    assert Project.open(project.folder).labels()[sample] == "even"
    decide(project, "cid", sample, "odd", seen=seen(project, sample))  # a correction later on
    assert ids(project, Wish("people")) == []
    assert project.labels()[sample] == "odd"


def test_where_somebody_has_come_to_agree_nobody_has_to_decide(make: Make) -> None:
    project = make(classes=("even", "odd", "zero"))
    sample = two_opinions(project, 0, "even", "odd")
    project.label("bob", sample, "zero")
    assert ids(project, Wish("people")) == [sample]  # bob has corrected himself, and ann still says something else
    project.label("bob", sample, "even")
    assert ids(project, Wish("people")) == []
    project.undo("bob")
    assert ids(project, Wish("people")) == [sample]


def test_whoever_decides_does_not_choose_what_is_tested(make: Make) -> None:
    project = make(test_share=0.5)
    ticket = next(t for t in project.next("ann", 20) if t.reason == "test")
    project.label("ann", ticket.sample, "even")
    project.hold("bob", [ticket.sample], "second")
    project.label("bob", ticket.sample, "odd")
    chosen = two_opinions(project, 1, "even", "odd")
    for sample in (ticket.sample, chosen):
        decide(project, "cid", sample, "odd", seen=seen(project, sample))
    again = Project.open(project.folder)
    assert again.labels_to_test_on() == {ticket.sample: "odd"}
    assert again.labels_to_learn_from() == {chosen: "odd"}
    correction = again.label("ann", ticket.sample, "even")
    assert correction.reason == "test"


def test_notes_and_marks(make: Make) -> None:
    project = make()
    sample = project.items.ids[3]
    assert note(project, "ann", sample, "is it <b>odd</b>?", "look") is not None
    assert note(project, "ann", sample, "is it <b>odd</b>?", "look") is None
    note(project, "bob", sample, "yes", "example")
    noted = Project.open(project.folder).reader.ledger.answers.notes[sample]
    assert {p: (e.note, e.flag) for p, e in noted.items()} == {
        "ann": ("is it <b>odd</b>?", "look"),
        "bob": ("yes", "example"),
    }
    note(project, "ann", sample, "")
    assert set(project.reader.ledger.answers.notes[sample]) == {"bob"}
    assert project.labels() == {}
    assert project.undo("ann") is None  # a note is no answer
    for text, flag in (("x" * 1001, ""), ("a\nb", ""), ("", "red")):
        with pytest.raises(DataError):
            note(project, "ann", sample, text, flag)
    with pytest.raises(DataError):
        note(project, "ann", "no such sample", "x")


def test_whoever_is_asked_for_a_second_opinion_reads_no_note_of_others(make: Make) -> None:
    project = make(test_share=0.0)
    sample = project.items.ids[0]
    project.label("ann", sample, "even")
    note(project, "ann", sample, "surely even")

    def read(person: str) -> list[tuple[str, str | None]]:
        return [(each.person, each.note) for each in notes_for(project, person, sample)]

    everything = [("ann", "surely even")]
    assert read("bob") == read("") == everything
    reasons: tuple[Reason, ...] = ("second", "test")
    for reason in reasons:
        project.hold("bob", [sample], reason)
        assert read("bob") == read(" bob ") == read("") == []
        assert read("ann") == read("eve") == everything
    note(project, "bob", sample, "odd")
    assert read("bob") == [("bob", "odd")]
    project.label("bob", sample, "odd")
    assert read("bob") == [*everything, ("bob", "odd")]


def test_notes_are_exported_in_a_field_of_their_own(make: Make) -> None:
    project = make(test_share=0.0)
    one, two = label_some(project, 2)
    note(project, "ann", one, "old")
    note(project, "ann", one, "blurred", "look")
    note(project, "bob", one, "", "example")
    lines = {line["id"]: line for line in map(json.loads, labels_jsonl(project).splitlines())}
    told = [(each["person"], each["note"], each["mark"]) for each in lines[one]["notes"]]
    assert told == [("ann", "blurred", "look"), ("bob", None, "example")]
    assert (lines[two]["notes"], lines[one]["note"]) == ([], None)


def test_alpha_is_that_of_the_published_example() -> None:
    """Four observers, twelve units, missing values: the nominal alpha is 0.743 (Krippendorff 2011, section C)."""
    told = ["123321412...", "1233224125.3", ".3332342251.", "12332441251."]
    units = [[row[at] for row in told if row[at] != "."] for at in range(12)]
    found = krippendorffs_alpha(units)
    assert found is not None
    assert round(found, 3) == 0.743
    assert krippendorffs_alpha([("a", "a"), ("a", "a")]) is None
    assert krippendorffs_alpha([]) is None


def test_alpha_agrees_with_its_definition_over_all_pairs() -> None:
    rng = np.random.default_rng(0)
    units = [[str(x) for x in rng.integers(0, 3, rng.integers(1, 5))] for _ in range(40)]
    usable = [unit for unit in units if len(unit) > 1]
    values = [value for unit in usable for value in unit]
    observed = sum(sum(a != b for a, b in itertools.permutations(unit, 2)) / (len(unit) - 1) for unit in usable) / len(
        values
    )
    expected = sum(a != b for a, b in itertools.permutations(values, 2)) / (len(values) * (len(values) - 1))
    assert krippendorffs_alpha(units) == pytest.approx(1 - observed / expected)


def test_agreement_by_person_by_class_and_over_time(make: Make) -> None:
    project = make(count=80, classes=("even", "odd", "none"))
    rng = np.random.default_rng(1)
    pairs = []
    for index in range(50):
        first, second = (str(rng.choice(["even", "odd"])) for _ in range(2))
        if index < 20:
            second = first
        two_opinions(project, index, first, second)
        pairs.append((first, second))
    found = agreement(project.reader)
    assert found.all is not None
    assert found.all.count == 50
    same = sum(a == b for a, b in pairs)
    assert found.all.same.value == pytest.approx(same / 50)
    bob = {each.name: each for each in found.people}["bob"]
    assert bob.kappa.value == pytest.approx(cohen_kappa_score([b for _, b in pairs], [a for a, _ in pairs]))
    assert [each.name for each in found.classes] == ["even", "odd"]
    counts = Counter(label for pair in pairs for label in pair)
    for each in found.classes:
        both = sum(pair == (each.name, each.name) for pair in pairs)
        assert each.same.value == pytest.approx(2 * both / counts[each.name])
    assert [window.count for window in found.windows] == [10] * 5
    assert [window.same.value for window in found.windows][:2] == [1.0, 1.0]
    assert found.windows[0].until <= found.windows[1].since
    assert agreement(make("empty").reader).all is None


def test_samples_are_compared_before_there_is_a_geometry(make: Make) -> None:
    project = make(test_share=0.0)
    label_some(project, 12)
    assert project.reader.views.geometry() is None
    assert len(Doubter(project.reader).doubts().guesses) == 12
