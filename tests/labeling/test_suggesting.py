"""What is suggested and by whom, sheets of look-alikes, and why a sample is asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.labeling.conftest import Make, label_some, truth

from iale.classifiers.base import TrainingConfig
from iale.cli._status import describe
from iale.errors import DataError, StorageError
from iale.labeling.classes._editing import remove_class, rename_class
from iale.labeling.fitting._fit import Refitter
from iale.labeling.fitting._head import cautious
from iale.labeling.items._reading import Reading
from iale.labeling.project import Project
from iale.labeling.record._fits import Fits, save_fit
from iale.labeling.suggesting._near import Near
from iale.labeling.suggesting._predictions import SUGGESTIONS, import_suggestions
from iale.labeling.suggesting._sheets import FEWEST, MOST, Sheets
from iale.labeling.suggesting._sources import SURE, Suggested
from iale.labeling.suggesting._why import why

LINEAR: dict[str, Any] = {"classifier": "linear", "training": TrainingConfig(device="cpu")}


def fit(project: Project) -> None:
    project.reader.views.make_geometry()
    Refitter(project, Reading(project.items)).fit()


def rows(project: Project, samples: list[str]) -> list[int]:
    return [project.items.ids.index(sample) for sample in samples]


def points(project: Project) -> np.ndarray:
    geometry = project.reader.views.geometry()
    assert geometry is not None
    return geometry.read().numpy()


def sheets(project: Project) -> Sheets:
    reader = project.reader
    return Sheets(reader, Suggested(reader), Near(reader))


def write(tmp_path: Path, text: str, name: str = "llm.csv") -> Path:
    (tmp_path / name).write_text(text)
    return tmp_path / name


def test_sources_are_told_with_how_often_they_were_right(make: Make, tmp_path: Path) -> None:
    project = make(test_share=0.0)
    wrong = {"even": "odd", "odd": "even"}
    says = {str(row): truth(project, project.items.ids[row]) for row in range(60)}
    lines = [f"{row},{says[row]},0.9,good" for row in says]
    lines += [f"{row},{wrong[says[row]] if int(row) % 4 else says[row]},,poor" for row in says]
    path = write(tmp_path, "\n".join(["sample,label,probability,source", *lines]) + "\n")
    assert import_suggestions(project, path) == 120
    suggested = Suggested(project.reader)
    done = label_some(project, 20)
    of_four = sum(row % 4 == 0 for row in rows(project, done))
    good, poor = suggested.sources()
    assert (good.name, good.right, good.of) == ("good", 20, 20)
    assert (poor.name, poor.right, poor.of) == ("poor", of_four, 20)
    assert project.status().sources == (good, poor)
    assert "good was right  20 of 20 samples (100%)" in describe(project.status())
    left = next(sample for sample in project.items.ids if sample not in done)
    first, second = suggested.of(left)
    assert (first.source, first.label, first.probability) == ("good", truth(project, left), 0.9)
    assert (second.source, second.probability) == ("poor", None)


def test_the_model_is_judged_by_its_last_fit(make: Make) -> None:
    """Also if that fit left no line of its own, as most of a head do."""
    project = make(count=100, test_share=0.4, **LINEAR)
    label_some(project, 40)
    fit(project)
    last, latest = project.fits.all[-1], project.fits.latest
    assert latest is not None
    save_fit(project.folder, replace(last, time=last.time + 1), replace(latest, fit=2), often=True)
    suggested, lines = Suggested(project.reader), len(project.fits.all)
    (model,) = suggested.sources()
    assert 0 < model.tested_right <= model.tested
    wrong = {sample: "even" if truth(project, sample) == "odd" else "odd" for sample in last.tests}
    save_fit(project.folder, replace(last, time=last.time + 2, tests=wrong), replace(latest, fit=3), often=True)
    assert len(project.fits.all) == lines
    assert [(each.tested_right, each.tested) for each in suggested.sources()] == [(0, model.tested)]


def test_what_a_source_says_has_the_names_that_classes_have_now(make: Make, tmp_path: Path) -> None:
    project = make(test_share=0.0)
    says = [truth(project, sample) for sample in project.items.ids]
    rows_of_table = "".join(f"{row},{label}\n" for row, label in enumerate(says))
    import_suggestions(project, write(tmp_path, f"sample,label\n{rows_of_table}"))
    done, suggested = label_some(project, 10), Suggested(project.reader)
    assert [(each.right, each.of) for each in suggested.sources()] == [(10, 10)]
    rename_class(project, "ann", "odd", "uneven")
    left = [sample for sample in project.items.ids if sample not in done]
    now = {"odd": "uneven", "even": "even"}
    for each in (suggested, Suggested(project.reader)):  # as it is, and when the project is opened again
        assert [(source.right, source.of) for source in each.sources()] == [(10, 10)]
        assert [each.of(sample)[0].label for sample in left] == [now[truth(project, sample)] for sample in left]
    remove_class(project, "ann", "uneven")
    assert {suggested.of(sample)[0].label for sample in left if suggested.of(sample)} == {"even"}


def test_a_source_is_replaced_and_others_stay(make: Make, tmp_path: Path) -> None:
    project = make(test_share=0.0)
    suggested, sample = Suggested(project.reader), project.items.ids[3]
    import_suggestions(project, write(tmp_path, "sample,label\n3,even\n", "a.csv"))
    import_suggestions(project, write(tmp_path, f"id,label\n{sample},odd\n", "b.csv"))
    assert {(s.source, s.label) for s in suggested.of(sample)} == {("a", "even"), ("b", "odd")}
    import_suggestions(project, write(tmp_path, "sample,label\n4,odd\n", "a.csv"))
    assert [(s.source, s.label) for s in suggested.of(sample)] == [("b", "odd")]


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("sample,guess\n1,odd\n", "label is missing"),
        ("sample,label\n99,odd\n", "line 2: there is no sample '99'"),
        ("sample,label\n1,odd\n2,maybe\n", "line 3: 'maybe' is not a class"),
        ("sample,label,probability\n1,odd,high\n", "line 2: the probability 'high'"),
        ("sample,label,probability\n1,odd,1.5\n", "line 2: the probability '1.5'"),
        ("sample,label,probability\n1,odd,nan\n", "line 2: the probability 'nan'"),
        ("sample,label\n1,odd\n1,even\n", "line 3: llm says two things"),
        ("sample,label,source\n1,odd,model\n", "a source needs a name"),
        (f"sample,label,source\n1,odd,{'x' * 41}\n", "a source needs a name"),
    ],
)
def test_a_wrong_table_is_refused_before_anything_is_written(make: Make, tmp_path: Path, table: str, says: str) -> None:
    project = make()
    with pytest.raises(DataError, match=says):
        import_suggestions(project, write(tmp_path, table))
    assert not (project.folder / SUGGESTIONS).exists()


def test_a_damaged_file_is_named(make: Make) -> None:
    project = make()
    (project.folder / SUGGESTIONS).write_text('{"schema": 1, "rows": [1]}')
    with pytest.raises(StorageError, match=SUGGESTIONS):
        Suggested(project.reader).sources()


def test_nothing_is_suggested_for_the_test_share_and_after_an_answer(make: Make, tmp_path: Path) -> None:
    project = make(test_share=0.3, **LINEAR)
    lines = "".join(f"{row},odd\n" for row in range(60))
    import_suggestions(project, write(tmp_path, f"sample,label\n{lines}"))
    label_some(project, 30)
    fit(project)
    suggested = Suggested(project.reader)
    said = {sample for sample in project.items.ids if suggested.of(sample)}
    reserved = {sample for row, sample in enumerate(project.items.ids) if project.shares.reserved[row]}
    assert said == set(project.items.ids) - reserved - set(project.labels())
    assert not set(suggested.sure("odd")) & set(rows(project, list(reserved)))
    model = next(source for source in suggested.sources() if source.name == "model")
    tests, fits = project.labels_to_test_on(), project.fits.all
    assert model.of == model.tested == len(tests)
    assert model.right == sum(fits[-1].tests[sample] == label for sample, label in tests.items())


def test_the_temperature_is_kept_with_the_fit(make: Make) -> None:
    project = make(count=200, test_share=0.0, **LINEAR)
    label_some(project, 40)
    fit(project)
    latest = project.fits.latest
    assert latest is not None
    assert latest.temperature != 1.0
    assert latest.confidence < 0.999  # 40 labels prove no more
    path = project.folder / "latest.json"
    values = json.loads(path.read_text())
    del values["temperature"]  # of an earlier version
    path.write_text(json.dumps(values))
    before = Fits(project.folder).latest
    assert before is not None
    assert before.temperature == 1.0


def test_few_labels_allow_no_certainty() -> None:
    logits = 5.0 * torch.nn.functional.one_hot(torch.tensor([0, 1] * 9), 2).float()
    found = cautious(logits, 18)
    sure = torch.softmax(logits / found, dim=1).amax(dim=1).mean()
    assert float(sure) == pytest.approx(19 / 20, abs=1e-4)
    assert cautious(logits, 5) > found > cautious(logits, 500)


def surest(sure: dict[int, float], count: int) -> list[int]:
    """So many of the surest, and those that are as sure."""
    ordered = sorted(sure, key=lambda row: -sure[row])
    return [row for row in ordered if sure[row] >= sure[ordered[:count][-1]]]


def test_a_sheet_holds_the_nearest_of_the_surest_with_the_same_guess(make: Make) -> None:
    project = make(count=200, test_share=0.2, **LINEAR)
    label_some(project, 30)
    fit(project)
    ticket = next(t for t in project.next("ann", 20, tab="1") if t.reason == "query")
    others = {t.sample for t in project.next("bo", 20, tab="2")}
    suggested = Suggested(project.reader)
    sheet = sheets(project).lay("ann", "1", ticket.sample, 12)
    assert sheet.samples[0] == ticket.sample
    assert sheet.label == suggested.of(ticket.sample)[0].label
    assert len(set(sheet.samples)) == len(sheet.samples) == 12
    place = points(project)
    at = project.items.ids.index(ticket.sample)
    gaps = np.linalg.norm(place - place[at], axis=1)
    fitting = {
        row: said[0].probability or 0.0
        for row, sample in enumerate(project.items.ids)
        if row != at
        and (said := suggested.of(sample))
        and (said[0].label == sheet.label and (said[0].probability or 0) >= SURE)
    }
    near = [
        row for row in sorted(surest(fitting, 24), key=lambda row: gaps[row]) if project.items.ids[row] not in others
    ]
    assert len(fitting) > 24
    assert rows(project, list(sheet.samples[1:])) == near[:11]
    assert not {t.sample for t in project.next("bo", 40, tab="2")} & set(sheet.samples)


def test_a_sheet_like_a_sample_that_the_person_has_labeled(make: Make) -> None:
    project = make(count=200, test_share=0.0, **LINEAR)
    done = label_some(project, 30)
    fit(project)
    sheet = sheets(project).lay("ann", "1", done[-1], 8)
    assert sheet.label == truth(project, done[-1])
    assert not set(sheet.samples) & set(done)
    place, at = points(project), project.items.ids.index(done[-1])
    sure = Suggested(project.reader).sure(sheet.label)
    assert (
        rows(project, list(sheet.samples))
        == sorted(surest(sure, 16), key=lambda r: float(np.linalg.norm(place[r] - place[at])))[:8]
    )
    with pytest.raises(DataError, match="nothing is suggested"):
        sheets(project).lay("bo", "1", done[-1], 8)  # another person's answer is not told
    project.skip("ann", done[-1])
    with pytest.raises(DataError, match="nothing is suggested"):
        sheets(project).lay("ann", "1", done[-1], 8)


def test_an_imported_source_is_sure_when_it_was_right(make: Make, tmp_path: Path) -> None:
    project = make(test_share=0.0)
    lines = "".join(f"{row},{truth(project, project.items.ids[row])},0.2\n" for row in range(60))
    import_suggestions(project, write(tmp_path, f"sample,label,probability\n{lines}"))
    suggested = Suggested(project.reader)
    for count in range(4):  # (4 + 1) / (4 + 2) is enough
        assert not suggested.sure("odd"), count
        label_some(project, 1)
    done = set(project.labels())
    assert list(suggested.sure("odd")) == [r for r in range(1, 60, 2) if project.items.ids[r] not in done]
    assert set(suggested.sure("odd").values()) == {5 / 6}


def test_every_sample_of_a_sheet_is_an_act_that_can_be_undone(make: Make) -> None:
    project = make(count=200, test_share=0.0, **LINEAR)
    label_some(project, 20)
    fit(project)
    ticket = project.next("ann", 1, tab="1")[0]
    sheet = sheets(project).lay("ann", "1", ticket.sample, 8)
    for number, sample in enumerate(sheet.samples[:7]):
        event = project.label("ann", sample, sheet.label, key=f"key {number}")
        assert event.reason == ("alike" if number else ticket.reason)
    assert len(project.labels()) == 27
    project.undo("ann", sheet.samples[3], tab="1")
    assert set(sheet.samples[:7]) - set(project.labels()) == {sheet.samples[3]}
    sheets(project).give_back("ann", "1", [*sheet.samples, "unknown"])
    given = [t.sample for t in project.next("bo", 200)]
    assert {sheet.samples[3], sheet.samples[7]} <= set(given)


def test_no_sheet_without_a_reason_to_believe_that_samples_are_alike(make: Make) -> None:
    project = make(test_share=0.3, **LINEAR)
    lay = sheets(project).lay
    reserved = project.items.ids[int(np.flatnonzero(project.shares.reserved)[0])]
    ticket = next(t for t in project.next("ann", 5) if t.reason != "test")
    with pytest.raises(DataError, match="nothing is suggested"):
        lay("ann", "", ticket.sample, 12)
    with pytest.raises(DataError, match="honest test"):
        lay("ann", "", reserved, 12)
    label_some(project, 30)
    Refitter(project, Reading(project.items)).fit()
    held = next(t for t in project.next("bo", 9) if t.reason == "query").sample
    with pytest.raises(DataError, match="not all compared yet"):
        lay("bo", "", held, 12)
    fit(project)
    with pytest.raises(DataError, match="somebody else"):
        lay("ann", "", held, 12)
    free = [t.sample for t in project.next("ann", 60) if t.reason == "query"]
    for sample in free[FEWEST - 1 :]:
        project.label("ann", sample, truth(project, sample))
    with pytest.raises(DataError, match=f"fewer than {FEWEST}"):
        lay("ann", "", free[0], MOST)


def test_why_names_the_nearest_labeled_samples_of_the_likeliest_classes(make: Make) -> None:
    project = make(count=200, test_share=0.2, **LINEAR)
    done = label_some(project, 30)
    fit(project)
    sample = next(t for t in project.next("ann", 5) if t.reason == "query").sample
    found = why(project.reader, Suggested(project.reader), Near(project.reader), sample)
    place = points(project)
    at = project.items.ids.index(sample)
    learned = project.labels_to_learn_from()
    guess = project.reader.guess(sample)
    assert [(e.label, e.probability) for e in found.examples] == list(guess[:2])
    for example in found.examples:
        own = [row for row in rows(project, list(learned)) if learned[project.items.ids[row]] == example.label]
        nearest = sorted(own, key=lambda row: float(np.linalg.norm(place[row] - place[at])))
        assert rows(project, list(example.samples)) == nearest[:3]
    known, left = rows(project, list(learned)), [r for r in range(200) if project.items.ids[r] not in done]
    gaps = [np.linalg.norm(place[known] - place[row], axis=1).min() for row in left]
    others = sum(
        row != at and np.linalg.norm(place[row] - place[at]) < gap for row, gap in zip(left, gaps, strict=True)
    )
    assert (f"stands for {others} others" in found.words) == (others > 1)


def word(project: Project, sample: str) -> tuple[str, ...]:
    return why(project.reader, Suggested(project.reader), Near(project.reader), sample).words


def test_the_word_says_honest_test_new_region_and_nothing_of_answered_samples(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make(count=100, test_share=0.2, **LINEAR)
    done = label_some(project, 20)
    fit(project)
    reserved = next(s for r, s in enumerate(project.items.ids) if project.shares.reserved[r] and s not in done)
    found = why(project.reader, Suggested(project.reader), Near(project.reader), reserved)
    assert (found.words, found.examples) == (("honest test",), ())
    answered = next(iter(project.labels_to_learn_from()))
    assert word(project, answered) == ()
    place, known = points(project), rows(project, list(project.labels_to_learn_from()))
    far: Callable[[int], float] = lambda row: float(np.linalg.norm(place[known] - place[row], axis=1).min())  # noqa: E731
    left = [r for r, s in enumerate(project.items.ids) if s not in done and not project.shares.reserved[r]]
    assert "new region" in word(project, project.items.ids[max(left, key=far)])
    assert "new region" not in word(project, project.items.ids[min(left, key=far)])
    even = (("even", 0.55), ("odd", 0.45))
    monkeypatch.setattr(type(project.reader), "guess", lambda self, sample: even)
    assert "uncertain: even or odd" in word(project, project.items.ids[left[0]])
