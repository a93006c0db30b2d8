"""``--model package.module:function`` means the same to every command that fits, and so do its mistakes."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
from tests.integrations.label_studio import LEGACY, serve
from tests.integrations.studio import Studio, labeled

from iale.cli import _label as label_command
from iale.cli._main import main

MODELS = """
from torch import nn

def net(size, classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(size, 4), nn.ReLU(), nn.Linear(4, classes))

def plain(classes):
    return net(64, classes)

def six():
    return net(64, 6)

def other_shape(classes):
    return net(17, classes)

def not_a_module():
    return 3

def two(width, depth):
    return net(width, depth)
"""
FITTING = ("--epochs", "1", "--device", "cpu")


def query(tmp_path: Path) -> tuple[str, ...]:
    np.save(tmp_path / "images.npy", np.random.default_rng(0).random((30, 8, 8), dtype=np.float32))
    lines = [f"{sample},{sample % 3}" for sample in range(9)]
    (tmp_path / "labels.csv").write_text("\n".join(["sample,label", *lines]))
    return ("query", "--images", "images.npy", "--labels", "labels.csv", "--k", "3", *FITTING)


def label(tmp_path: Path) -> tuple[str, ...]:
    np.savez(tmp_path / "images.npz", np.random.default_rng(0).integers(0, 255, (30, 8, 8), dtype=np.uint8))
    return ("label", "images.npz", "--classes", "a,b,c", "--out", "project", *FITTING)


def label_studio(_: Path) -> tuple[str, ...]:
    return ("label-studio", "--once", "yes", "--resize", "8,8", *FITTING)


@pytest.fixture(params=[query, label, label_studio], ids=lambda command: command.__name__)
def command(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A command that fits a classifier to images of 8×8 pixels in 3 classes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.delitem(sys.modules, "models_for_commands", raising=False)
    (tmp_path / "models_for_commands.py").write_text(MODELS)
    monkeypatch.setattr(label_command, "PAGES", {"label": lambda *_: nullcontext(Mock())})  # nobody labels
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", LEGACY)
    argv = request.param(tmp_path)
    if request.param is not label_studio:
        yield argv
        return
    with serve() as stand_in:
        project, _ = labeled(Studio(stand_in.url, LEGACY))
        yield (*argv, "--url", stand_in.url, "--project", str(project))


def test_a_model_of_ones_own(command: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, "--model", "models_for_commands:plain", "--embedding-layer", "1"]) == 0
    assert "iale: " not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("models_for_commands", "the model 'models_for_commands' is not written as package.module:name."),
        ("no_models:plain", "No module named 'no_models'"),
        ("models_for_commands:nope", "has no attribute 'nope'"),
        ("models_for_commands:two", "missing a required argument: 'depth'"),
        ("models_for_commands:not_a_module", "returned int: a torch.nn.Module was expected."),
        ("models_for_commands:other_shape", "the model cannot read a batch of shape (1, 1, 8, 8)"),
        ("models_for_commands:six", "has 6 logits and there are 3 classes"),
        (
            "models_for_commands:plain --classifier mlp",
            "--model models_for_commands:plain and --classifier mlp: name one",
        ),
        ("models_for_commands:plain --embedding-layer trunk", "the model has no layer 'trunk'"),
    ],
)
def test_what_is_no_model(
    command: tuple[str, ...], options: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--model", *options.split()]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert sentence in err
    assert err.startswith("iale: ")
    assert len(err.splitlines()) == 1
