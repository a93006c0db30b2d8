"""What is exported while people label, change classes, and fits go on."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import numpy as np
import pytest

from iale.classifiers.base import TrainingConfig
from iale.errors import ConfigError
from iale.geometry.points import Points
from iale.labeling import export_classifier, load_classifier
from iale.labeling.classes._editing import merge_class, remove_class, rename_class
from iale.labeling.fitting import _fit
from iale.labeling.fitting._background import make_geometry
from iale.labeling.fitting._fit import Refitter
from iale.labeling.fitting.saved import fit_now
from iale.labeling.fitting.scores import scores_csv
from iale.labeling.items._reading import Reading
from iale.labeling.project import Project
from iale.labeling.reader import ProjectReader
from iale.labeling.record._fits import save_fit
from iale.labeling.record.config import ProjectConfig

COUNT, CLASSES = 400, ("a", "b", "c", "d")


def opened(tmp_path: Path, neighbors: int = 10) -> Project:
    """Embeddings of four classes that overlap, with 24 labels to learn from and 40 of the test share."""
    rng = np.random.default_rng(4)
    rows = rng.normal(size=(COUNT, 12)) + 1.2 * rng.normal(size=(4, 12))[np.arange(COUNT) % 4]
    np.savez(tmp_path / "x.npz", x=np.arange(COUNT, dtype=np.float32)[:, None])
    np.save(tmp_path / "e.npy", rows.astype(np.float32))
    config = ProjectConfig(
        tmp_path / "x.npz",
        CLASSES,
        embeddings=tmp_path / "e.npy",
        neighbors=neighbors,
        training=TrainingConfig(device="cpu"),
        test_share=0.3,
        twice_share=0.0,
    )
    project = Project.create(tmp_path / "p", config)
    test = project.reader.shares.order[:40].tolist()
    other = np.flatnonzero(~project.reader.shares.reserved)[:24].tolist()
    project.add_labels("ann", {project.items.ids[row]: CLASSES[row % 4] for row in test}, "test")
    project.add_labels("ann", {project.items.ids[row]: CLASSES[row % 4] for row in other}, "chosen")
    make_geometry(str(project.folder))
    fit(project.reader)
    return project


def fit(reader: ProjectReader) -> None:
    """Fits as the fitting process does."""
    Refitter(reader, Reading(reader.items, reader.views.inputs)).fit()


def label_another(project: Project) -> None:
    """Gives a sample its class."""
    done, reserved = project.answered(), project.reader.shares.reserved
    row = next(row for row in range(COUNT) if row not in done and not reserved[row])
    project.label("ann", project.items.ids[row], CLASSES[row % 4])


def test_a_test_label_of_a_class_that_is_newer_than_the_fit_is_wrong(tmp_path: Path) -> None:
    project = opened(tmp_path)
    export_classifier(project, tmp_path / "before")
    before = json.loads((tmp_path / "before" / "card.json").read_text())["tested"]
    said, told = project.fits.all[-1].tests, project.labels_to_test_on()
    sample = next(sample for sample, label in told.items() if said[sample] == label)
    project.add_class("ann", "new")
    project.label("ann", sample, "new")
    export_classifier(project, tmp_path / "after")
    after = json.loads((tmp_path / "after" / "card.json").read_text())["tested"]
    assert after["labels"] == before["labels"] == len(told)
    assert after["right_on_averages"] == before["right_on_averages"] - 1
    assert load_classifier(tmp_path / "after").classes == CLASSES
    project.close()


@pytest.mark.parametrize("merge", [True, False])
def test_a_fit_that_tells_classes_apart_that_are_gone_is_not_exported(tmp_path: Path, merge: bool) -> None:
    project = opened(tmp_path)
    if merge:
        merge_class(project, "ann", "a", "d")
    else:
        remove_class(project, "ann", "a")
    for export in (lambda: export_classifier(project, tmp_path / "out"), lambda: list(scores_csv(project))):
        with pytest.raises(ConfigError, match="classes were merged or removed after the last classifier was fitted"):
            export()
    fit_now(project)
    export_classifier(project, tmp_path / "out")
    assert load_classifier(tmp_path / "out").classes == ("b", "c", "d")
    assert next(scores_csv(project)).rstrip().endswith("p(b),p(c),p(d)")
    project.close()


def test_a_class_that_was_renamed_since_the_fit_has_its_new_name(tmp_path: Path) -> None:
    project = opened(tmp_path)
    rename_class(project, "ann", "a", "first")
    export_classifier(project, tmp_path / "out")
    assert load_classifier(tmp_path / "out").classes == ("first", "b", "c", "d")
    project.close()


def test_two_processes_that_fit_at_once_do_not_take_each_others_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An export fits while the page does: without a lock, both write the weights of the next number."""
    project = opened(tmp_path)
    label_another(project)
    export = ProjectReader.open(project.folder)
    other = threading.Thread(target=fit, args=(export,))

    def slowly(*args: object, **kwargs: object) -> None:
        if threading.current_thread() is not other and other.ident is None:
            label_another(project)
            other.start()
            other.join(2)  # it waits for this fit, so it does not end
        save_fit(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(_fit, "save_fit", slowly)
    fit(project.reader)
    other.join()
    latest = project.fits.latest
    assert latest is not None
    assert latest.fit == 3
    export_classifier(project, tmp_path / "out")
    project.close()


def test_fits_that_end_while_an_export_waits_for_averages_do_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = opened(tmp_path)
    export = ProjectReader.open(project.folder)
    make = export.views.make_averages

    def slowly() -> Points | None:
        for _ in range(3):  # only the weights of two fits are kept
            label_another(project)
            fit(project.reader)
        return make()

    monkeypatch.setattr(export.views, "make_averages", slowly)
    assert len("".join(scores_csv(export)).splitlines()) > 200
    project.close()
