"""Networks that look at each sample once: a user's frozen model, and a named encoder."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.labeling.conftest import QUICK
from tests.labeling.test_models import STRIPES, about, fit, label_rows, write_stripes

from iale.cli import main
from iale.data.arrays import ArraySamples
from iale.errors import ConfigError
from iale.labeling import export_classifier, load_classifier
from iale.labeling.fitting._background import make_geometry
from iale.labeling.fitting.scores import scores_csv
from iale.labeling.project import Project
from iale.labeling.record.config import ProjectConfig

OWN = """
import torch
from torch import nn

looked_at = []

class Looked(nn.Module):
    def forward(self, x):
        looked_at.extend(float(image.double().sum()) for image in x)
        return x

def model(classes, frozen=True):
    torch.manual_seed(0)
    trunk = nn.Sequential(Looked(), nn.Conv2d(3, 8, 5, stride=4), nn.ReLU(), nn.Flatten())
    trunk.requires_grad_(not frozen)
    return nn.Sequential(trunk, nn.Linear(8 * 19 * 19, classes))

def whole(classes):
    return model(classes, False)

def encode(batch):
    looked_at.extend(range(len(batch)))
    return batch.float().mean(dim=1).flatten(1)[:, ::7] / 255

encode.size = (32, 32)
"""


@pytest.fixture
def looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the networks were shown."""
    (tmp_path / "seen_once.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    sys.modules.pop("seen_once", None)
    import seen_once  # type: ignore[import-not-found]

    write_stripes(tmp_path / "photos")
    return seen_once.looked_at  # type: ignore[no-any-return]


def make(tmp_path: Path, **options: Any) -> Project:
    return Project.create(tmp_path / "p", ProjectConfig(tmp_path / "photos", STRIPES, test_share=0.0, **options))


def seen_of(looked_at: list[float]) -> list[float]:
    """The sums of images: examples of zeros and of ones say how wide the layers are, and whether samples mix."""
    return [each for each in looked_at if each not in (0.0, 3.0 * 80 * 80)]


def test_a_frozen_model_sees_each_image_once(looked_at: list[float], tmp_path: Path) -> None:
    project = make(tmp_path, model="seen_once:model")
    label_rows(project, 10)
    fit(project)
    assert "until all samples are seen by seen_once:model" in about(project)
    looked_at.clear()
    make_geometry(str(project.folder))
    images = project.items.samples.batch(torch.arange(60)).double().flatten(1).sum(dim=1) / 255
    shown = seen_of(looked_at)
    assert len(shown) == 60
    np.testing.assert_allclose(sorted(shown), sorted(images.tolist()), rtol=1e-4)
    shown_in_all = []
    for count in (12, 14, 16):
        label_rows(project, count)
        fit(project)
        shown_in_all.append(len(looked_at))
    assert shown_in_all[0] == shown_in_all[2]  # no examples, either: the model is made once
    assert about(project) == "a linear head on your frozen model seen_once:model"
    assert len(seen_of(looked_at)) == 60
    export_classifier(project, tmp_path / "out")
    saved = load_classifier(tmp_path / "out")
    inputs = project.items.samples.batch(torch.arange(60))
    outputs = saved.outputs(ArraySamples(inputs))
    assert saved.predict(ArraySamples(inputs)) == [STRIPES[row % 2] for row in range(60)]
    torch.testing.assert_close(saved.fitted.module(inputs.float() / 255), outputs.logits)
    assert project.fits.latest is not None
    for sample, guess in project.fits.latest.guesses.items():
        assert guess[0][1] == pytest.approx(float(outputs.probs[project.items.ids.index(sample)].max()), abs=0.01)


@pytest.mark.parametrize("options", [{"model": "seen_once:whole"}, {"model": "seen_once:model", "training": QUICK}])
def test_a_model_that_learns_is_trained(looked_at: list[float], tmp_path: Path, options: dict[str, Any]) -> None:
    assert not looked_at
    project = make(tmp_path, **options)
    label_rows(project, 10)
    fit(project)
    assert about(project) == f"your model {options['model']}"


def test_an_encoder_looks_in_the_background(looked_at: list[float], tmp_path: Path) -> None:
    project = make(tmp_path, with_="seen_once:encode")
    label_rows(project, 16)
    fit(project)
    assert about(project).startswith("a linear head on pixels until all samples are seen by seen_once:encode")
    make_geometry(str(project.folder))
    assert len(looked_at) == 60
    fit(project)
    assert about(project) == "a linear head on the vectors of seen_once:encode, averaged with neighbors"
    assert len(looked_at) == 60
    export_classifier(project, tmp_path / "out")
    rows = list(csv.DictReader("".join(scores_csv(project)).splitlines()))
    right = [STRIPES[row % 2] for row in range(60)]
    assert [row["label"] for row in rows] == right[16:]
    again = Project.create_or_open(project.folder, ProjectConfig(tmp_path / "photos", STRIPES, test_share=0.0))
    assert again.config.with_ == "seen_once:encode"
    vectors = again.reader.views.geometry()
    assert vectors is not None
    saved = load_classifier(tmp_path / "out")
    assert saved.predict(ArraySamples(torch.nn.functional.normalize(vectors.read()).numpy())) == right
    assert saved.predict(sorted((tmp_path / "photos").iterdir())) == right
    wide = Project.create(tmp_path / "q", ProjectConfig(tmp_path / "photos", resize=(32, 32)))
    assert saved.predict(wide.items.samples) == right


def test_an_encoder_that_cannot_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "x.npz", x=np.eye(5))
    with pytest.raises(ConfigError, match="leave out --embeddings and --model"):
        ProjectConfig(tmp_path / "x.npz", with_="model2vec:x", model="a:b")
    assert main(["label", str(tmp_path / "x.npz"), "--out", str(tmp_path / "p"), "--with", "nothing"]) == 2
    assert "the encoder 'nothing' is not one of" in capsys.readouterr().err
    assert not (tmp_path / "p").exists()
