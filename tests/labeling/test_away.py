"""Samples that cannot be shown: no person has decided anything about them, and what is back is asked for again."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.labeling.conftest import QUICK, write_images
from tests.labeling.test_fitting import wait

from iale.data._away import Away, Back
from iale.errors import DataError
from iale.labeling.fitting._fit import Refitter
from iale.labeling.fitting._process import Fitter
from iale.labeling.items._reading import Reading
from iale.labeling.project import Project
from iale.labeling.record.config import ProjectConfig


def made(tmp_path: Path, count: int = 8) -> Project:
    write_images(tmp_path / "data", count)
    config = ProjectConfig(tmp_path / "data", ("a", "b"), training=QUICK, test_share=0.0, twice_share=0.0)
    return Project.create(tmp_path / "p", config)


def left(project: Project) -> tuple[int, int, int]:
    found = project.reader.left()
    return found.held, found.away, found.unshown


def test_what_cannot_be_shown_is_passed_over_and_is_nobodys_decision(tmp_path: Path) -> None:
    project = made(tmp_path)
    tickets = project.next("ann", 3, tab="1")
    before = (project.folder / "journal.jsonl").read_bytes()
    project.reader.pass_over(tickets[0].sample, "image-000.png cannot be decoded.")
    assert (project.folder / "journal.jsonl").read_bytes() == before
    assert project.skipped() == []
    assert project.status().skipped == 0
    for tab in ("1", "2"):
        assert tickets[0].sample not in {t.sample for t in project.next("ann", 20, tab=tab)}
    assert project.status().unshown == 1
    assert any("1 sample could not be shown: image-000.png cannot be decoded." in each for each in project.notices)
    project.label("bo", tickets[0].sample, "a")  # another browser can show it
    assert project.status().unshown == 0
    project.undo("bo")
    again = Project.open(project.folder)  # with another version of a decoder, say
    assert tickets[0].sample in {t.sample for t in again.next("bo", 20)}


def test_why_nothing_is_left_is_known(tmp_path: Path) -> None:
    project = made(tmp_path, 8)
    first, second, *_ = (ticket.sample for ticket in project.next("ann", 2, tab="1"))
    assert left(project) == (2, 0, 0)
    project.label("ann", first, "a")
    assert left(project) == (1, 0, 0)
    others = [sample for sample in project.items.ids if sample not in (first, second)]
    project.path(others[0]).unlink()
    project.reader.pass_over(others[1], "it cannot be decoded.")
    project.reader.pass_over(others[0], "it is away.")  # and will be asked for when it is back
    for sample in others[2:]:
        project.skip("ann", sample)
    assert left(project) == (1, 1, 1)
    assert project.next("bo", 5) == []


@pytest.mark.parametrize("how", ["renamed", "emptied"])
def test_a_folder_that_is_gone_is_said_and_costs_nothing(tmp_path: Path, how: str) -> None:
    project = made(tmp_path)
    (ticket, *_) = project.next("ann", 8, tab="1")
    project.path(ticket.sample)
    data = tmp_path / "data"
    shutil.move(data, tmp_path / "away")
    if how == "emptied":  # as a place where no disk is mounted
        data.mkdir()
    for _ in range(3):
        with pytest.raises(DataError, match="is away: put it back"):
            project.next("ann", 8, tab="1")
    project.label("ann", ticket.sample, "a")
    if how == "emptied":
        data.rmdir()
    shutil.move(tmp_path / "away", data)
    for path in data.iterdir():
        os.utime(path)
    assert len(project.next("ann", 20, tab="1")) == 7
    assert Project.open(project.folder).labels() == {ticket.sample: "a"}


def test_a_fit_that_fails_because_the_data_are_away_is_tried_again_with_the_next_label(tmp_path: Path) -> None:
    write_images(tmp_path / "data", 12)
    config = ProjectConfig(tmp_path / "data", ("a", "b"), training=QUICK, test_share=0.0, fit_every=1000)
    project = Project.create(tmp_path / "p", config)
    samples = list(project.items.ids)
    for sample in samples[:4]:
        project.label("ann", sample, "ab"[samples.index(sample) % 2])
    (tmp_path / "data").rename(tmp_path / "away")
    project.start_fitting()
    try:
        wait(lambda: bool(project.problem) and not project.fitting)
        (tmp_path / "away").rename(tmp_path / "data")
        project.label("ann", samples[4], "a")
        wait(lambda: project.fits.latest is not None and not project.problem)
        wait(lambda: project.reader.views.geometry() is not None)
    finally:
        project.close()


def test_a_folder_of_several_that_is_back_is_compared_again(tmp_path: Path) -> None:
    """Or all that was away when the samples were compared would be alike until the next start."""
    data = tmp_path / "data"
    write_images(data / "kept", 12)
    write_images(data / "moved", 12)
    config = ProjectConfig(data, ("a", "b"), training=QUICK, test_share=0.0)
    project = Project.create(tmp_path / "p", config)
    for number, sample in enumerate(project.items.ids):
        project.label("ann", sample, "ab"[number % 2])
    refitter = Refitter(project, Reading(project.items))
    (data / "moved").rename(tmp_path / "away")
    project.reader.views.make_geometry()
    assert zeros(project) == 12
    refitter.fit()
    assert project.fits.all[-1].labels == 12
    (tmp_path / "away").rename(data / "moved")
    with pytest.raises(Back, match="are back: all samples are compared again"):
        refitter.fit()
    refitter.fit()  # without the geometry
    project.reader.views.make_geometry()
    assert zeros(project) == 0
    refitter.fit()
    assert project.fits.all[-1].labels == 24


def test_the_geometry_is_made_again_when_files_are_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project, looked = made(tmp_path), []
    monkeypatch.setattr(Fitter, "look", lambda self: looked.append(self))
    fitter = Fitter(project.reader, project.reader.ledger.lock)
    for error in (Away("away"), Back("back")):  # while all are away, trying again would never end
        assert not looked
        fitter._done(failed(error))
    assert looked == [fitter]
    fitter.poke()
    assert looked == [fitter]
    fitter.stop()


def failed(error: Exception) -> Future[None]:
    future: Future[None] = Future()
    future.set_exception(error)
    return future


def zeros(project: Project) -> int:
    points = project.reader.views.geometry()
    return -1 if points is None else int((points.read() == 0).all(dim=1).sum())


@pytest.mark.parametrize("shape", [(20, 8, 8), (20, 64)])
def test_an_array_that_is_written_to_shows_nothing_of_what_was_there(tmp_path: Path, shape: tuple[int, ...]) -> None:
    """A row is known by its content: a label for what is in its place now would go to what was there before."""
    data = tmp_path / "x.npy"
    values = np.repeat(np.arange(20, dtype=np.uint8) * 10, 64).reshape(shape)
    np.save(data, values)
    config = ProjectConfig(data, ("dark", "bright"), training=QUICK, test_share=0.0)
    project = Project.create(tmp_path / "p", config)
    (ticket, *_) = project.next("ann", 5)
    reading = Reading(project.items)
    np.save(data, values[::-1])
    for call in (lambda: project.next("ann", 5), lambda: project.reader.show(ticket.sample)):
        with pytest.raises(Away, match=r"x\.npy has changed since it was opened: start again"):
            call()
    assert reading.read([0, 1])[0] == []
    assert "has changed" in reading.unreadable[0]
    project = Project.open(tmp_path / "p")
    for ticket in project.next("ann", 20):
        shown = project.reader.show(ticket.sample)
        assert not isinstance(shown, str)
        mean = shown.mean() if isinstance(shown, np.ndarray) else float(next(iter(shown.values())))
        project.label("ann", ticket.sample, "bright" if mean > 95 else "dark")
    bright = {s for s in project.items.ids if int(project.items.samples.batch(rows_of_id(project, s)).max()) > 95}
    assert {sample for sample, label in project.labels().items() if label == "bright"} == bright
    data.unlink()
    with pytest.raises(Away, match=r"x\.npy is away"):
        project.next("ann", 5)


def test_embeddings_that_are_written_to_are_learned_from_no_more(tmp_path: Path) -> None:
    """Their file stays on disk: half of a fit would learn from what it was."""
    write_images(tmp_path / "data", 12)
    rows = np.random.default_rng(0).normal(size=(12, 6)).astype(np.float32)
    np.save(tmp_path / "e.npy", rows)
    given = tmp_path / "e.npy"
    config = ProjectConfig(tmp_path / "data", ("a", "b"), training=QUICK, test_share=0.0, embeddings=given)
    project = Project.create(tmp_path / "p", config)
    for number, sample in enumerate(list(project.items.ids)[:4]):
        project.label("ann", sample, "ab"[number % 2])
    refitter = Refitter(project, Reading(project.items, project.reader.views.inputs))
    refitter.fit()
    np.save(tmp_path / "new.npy", -rows)
    (tmp_path / "new.npy").rename(given)  # what was opened is still there
    refitter.fit()
    again = Project.create(tmp_path / "q", config)
    assert again.reader.views.geometry() is not None
    np.save(given, rows)
    with pytest.raises(DataError, match=r"e\.npy has changed since it was opened: start again"):
        again.reader.views.geometry()


def rows_of_id(project: Project, sample: str) -> torch.Tensor:
    return torch.tensor([project.items.ids.index(sample)])
