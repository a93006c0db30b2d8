"""A user's own model by name; the messages of commands about wrong ones are in tests/cli/test_own_model.py."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from iale.classifiers._own import OwnConfig, find_model, own_classifier
from iale.classifiers.base import TrainingConfig
from iale.errors import ConfigError, ModelError

MODELS = """
from torch import nn

def fixed():
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))

def any_number(how_many):
    return nn.Linear(4, how_many)

def by_name(classes=7, width=5):
    return nn.Sequential(nn.Linear(4, width), nn.Linear(width, classes))

def other_default(width=5):
    return nn.Sequential(nn.Linear(4, width), nn.Linear(width, 3))

class Net(nn.Linear):
    def __init__(self, classes):
        super().__init__(4, classes)

model = fixed()

def two(width, depth):
    return None

def number(classes):
    return classes

def broken(classes):
    return undefined(classes)

class Fails(nn.Linear):
    def __init__(self):
        super().__init__(4, 3)

    def forward(self, x):
        return self.nothing(x)
"""
TRAINING = TrainingConfig(device="cpu")


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "models_of_ones_own.py").write_text(MODELS)
    (tmp_path / "fails_at_import.py").write_text("raise RuntimeError('no such device')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.delitem(sys.modules, "models_of_ones_own", raising=False)


@pytest.mark.parametrize("function", ["fixed", "any_number", "by_name", "other_default", "Net"])
def test_the_number_of_classes_is_given_where_it_is_taken(function: str) -> None:
    classifier = own_classifier(OwnConfig(model=f"models_of_ones_own:{function}"), (4,), 3, TRAINING)
    assert classifier.num_classes == 3


def test_the_embedding_is_of_the_named_layer() -> None:
    name = "models_of_ones_own:fixed"
    assert own_classifier(OwnConfig(model=name, embedding_layer="2"), (4,), 3, TRAINING).embedding_dim == 3
    with pytest.raises(ModelError, match="the model has no layer 'trunk'"):
        own_classifier(OwnConfig(model=name, embedding_layer="trunk"), (4,), 3, TRAINING)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("models_of_ones_own", "is not written as package.module:name"),
        ("not_there:fixed", "No module named 'not_there'"),
        ("models_of_ones_own:nope", "has no attribute 'nope'"),
        ("fails_at_import:fixed", "cannot be imported: RuntimeError: no such device"),
        ("models_of_ones_own:model", "has the type Sequential"),
        ("models_of_ones_own:nn", "has the type module"),
        ("models_of_ones_own:two", "missing a required argument: 'depth'"),
        ("models_of_ones_own:number", "returned int: a torch.nn.Module was expected"),
        ("models_of_ones_own:broken", "could not be made .NameError: name 'undefined' is not defined"),
        ("models_of_ones_own:Fails", "the model cannot read a batch of shape .*'Fails' object has no attribute"),
    ],
)
def test_what_is_no_model(name: str, sentence: str) -> None:
    with pytest.raises((ConfigError, ModelError), match=sentence):
        own_classifier(OwnConfig(model=name), (4,), 3, TRAINING)


def test_the_number_of_logits_and_the_shape_of_inputs_must_fit() -> None:
    with pytest.raises(ModelError, match=r"has 3 logits and there are 2 classes: .* fixed\(classes\), or name as many"):
        own_classifier(OwnConfig(model="models_of_ones_own:fixed"), (4,), 2, TRAINING)
    with pytest.raises(ModelError, match=r"cannot read a batch of shape \(1, 5\)"):
        own_classifier(OwnConfig(model="models_of_ones_own:fixed"), (5,), 3, TRAINING)


def test_a_name_is_checked_without_making_a_model() -> None:
    find_model("models_of_ones_own:broken")
    with pytest.raises(ConfigError, match="cannot be made from the number of classes alone"):
        find_model("models_of_ones_own:two")
