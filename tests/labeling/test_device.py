"""A project that fits on a GPU opens on a machine without one: only fits need it."""

from __future__ import annotations

import json
import time
from contextlib import nullcontext
from pathlib import Path
from unittest.mock import Mock

import pytest
import torch
from tests.labeling.conftest import QUICK, Make, label_some

from iale import TrainingConfig
from iale.classifiers.base import resolve_device
from iale.classifiers.torch_classifier import TorchClassifier
from iale.cli import _label as label_command
from iale.cli._main import main
from iale.errors import ConfigError
from iale.labeling.fitting.saved import fit_now
from iale.labeling.learner import ProjectLearner
from iale.labeling.project import Project

AWAY = "cuda:77"


def test_the_device_is_looked_at_when_a_fit_begins() -> None:
    for name in (AWAY, "mps"):
        classifier = TorchClassifier(torch.nn.Linear(3, 2), (3,), TrainingConfig(device=name))
        assert classifier.num_classes == 2
    with pytest.raises(ConfigError, match="device 'cuda:77' is not on this machine: use --device cpu"):
        resolve_device(AWAY)
    if not torch.backends.mps.is_available():
        with pytest.raises(ConfigError, match="device 'mps' is not on this machine"):
            resolve_device("mps")


def test_a_project_is_labeled_shown_and_exported_without_its_device(
    make: Make, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make(fit_every=5)
    label_some(project, 30)
    fit_now(project)
    project.close()
    latest = (project.folder / "latest.json").read_text()
    config = project.folder / "project.json"
    values = json.loads(config.read_text())
    values["training"]["device"] = AWAY
    config.write_text(json.dumps(values))

    opened = Project.open(project.folder)
    label_some(opened, 6)
    opened.start_fitting()
    until = time.monotonic() + 60
    while not opened.problem and time.monotonic() < until:
        time.sleep(0.05)
    assert opened.problem == f"device '{AWAY}' is not on this machine: use --device cpu (or device=\"cpu\")."
    assert opened.status().problem == opened.problem
    opened.close()
    (project.folder / "latest.json").unlink()
    assert main(["export", str(project.folder), "--to", "scores"]) == 2
    assert f"no classifier is fitted yet: device '{AWAY}' is not" in capsys.readouterr().err
    (project.folder / "latest.json").write_text(latest)
    with pytest.raises(ConfigError, match="not on this machine"):
        ProjectLearner(project.folder).ask(3)

    folder, out = str(project.folder), project.folder.parent / "out"
    assert main(["status", folder]) == 0
    for argv in (["--to", "csv"], ["--to", "classifier", "--out", str(out)], ["--to", "scores"]):
        assert main(["export", folder, *argv]) == 0
    assert "labels that came later are not in it: device 'cuda:77'" in capsys.readouterr().err
    assert (out / "weights.safetensors").is_file()

    monkeypatch.setattr(label_command, "PAGES", {"label": lambda *_: nullcontext(Mock())})  # nobody labels
    command = ["label", str(opened.config.data), "--out", folder, "--epochs", "5"]
    assert main([*command, "--device", AWAY]) == 0
    assert "labels are kept and nothing is fitted: device 'cuda:77' is not on this machine" in capsys.readouterr().err
    assert main([*command, "--device", "cpu"]) == 0
    assert Project.open(project.folder).config.training == QUICK


def test_options_of_training_are_in_the_file_of_a_project(make: Make) -> None:
    training = TrainingConfig(device="cpu", class_weights=(1.0, 3.0), weight_decay=0.1)
    project = make(training=training)
    assert Project.open(Path(project.folder)).config.training == training
