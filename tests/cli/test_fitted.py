"""`iale query --fitted`, `iale run --model`, and the options of a model of one's own on the command line."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from iale import _storage as storage
from iale.cli._main import main

MODELS = """
import torch
from torch import nn

def head(classes=3):
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, classes))

def digits(classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, classes))

def smooth(logits, labels):
    return nn.functional.cross_entropy(logits, labels, label_smoothing=0.1)
"""


@pytest.fixture(autouse=True)
def samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.delitem(sys.modules, "models_with_options", raising=False)
    Path("models_with_options.py").write_text(MODELS)
    np.save("x.npy", np.random.default_rng(0).normal(size=(30, 16)).astype(np.float32))
    Path("labels.csv").write_text("sample,label\n" + "".join(f"{i},{i % 3}\n" for i in range(9)))


def model() -> nn.Sequential:
    """Weights as those of a model that was trained elsewhere."""
    with torch.random.fork_rng():
        torch.manual_seed(5)
        return nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 3))


def best(count: int, without: int = 0) -> str:
    with torch.no_grad():
        top = model()(torch.from_numpy(np.load("x.npy"))).softmax(1).sort(dim=1).values
    order = [row for row in (top[:, 2] - top[:, 1]).argsort().tolist() if row >= without][:count]
    return "rank,sample\n" + "".join(f"{rank},{row}\n" for rank, row in enumerate(order, start=1))


QUERY = ("query", "--images", "x.npy", "--k", "4", "--device", "cpu")
FITTED = (*QUERY, "--fitted", "w.safetensors", "--model", "models_with_options:head")
MARGIN = ("--strategy", "margin")


def test_a_fitted_model_ranks_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    storage.write_tensors(Path("w.safetensors"), model().state_dict())
    assert main([*FITTED, *MARGIN, "--classes", "a,b,c"]) == 0
    assert capsys.readouterr().out == best(4)
    assert main([*FITTED, *MARGIN, "--labels", "labels.csv"]) == 0  # labels only leave samples out
    assert capsys.readouterr().out == best(4, without=9)
    storage.write_json(Path("card.json"), {"classes": ["a", "b", "c"]})  # as `iale export --to classifier` writes it
    assert main([*FITTED, *MARGIN]) == 0
    assert capsys.readouterr().out == best(4)


def test_a_fitted_model_is_what_the_default_looks_through(capsys: pytest.CaptureFixture[str]) -> None:
    """Without labels, too: two models are unsure about different samples."""
    answers = []
    for scale in (99.0, -99.0):
        weights = model().state_dict()
        weights["3.weight"] = scale * weights["3.weight"][[0, 2, 1]] ** 3
        storage.write_tensors(Path("w.safetensors"), weights)
        for labels in ((), ("--labels", "labels.csv")):
            assert main([*FITTED, "--classes", "0,1,2", *labels]) == 0
            out, err = capsys.readouterr()
            assert "loading w.safetensors, then asking eherding for 4 samples\n" in err
            answers.append(out)
    assert len(set(answers[::2])) == len(set(answers[1::2])) == 2


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (FITTED, "the weights do not say what the classes are: name them in order"),
        ((*QUERY, "--fitted", "w.safetensors", "--classes", "a,b,c"), "the weights in w.safetensors belong to another"),
        (
            (*FITTED, "--classes", "a,b"),
            "the weights in w.safetensors belong to another model ('3.weight' has the shape",
        ),
        ((*FITTED, "--fitted", "x.npy", "--classes", "a,b,c"), "x.npy is not a whole safetensors file"),
        ((*FITTED, "--fitted", "no", "--classes", "a,b,c"), "there is no file no: --fitted takes"),
        ((*QUERY, "--labels", "labels.csv", "--reinitialize", "no"), "--reinitialize no is for your own model"),
        (
            (*QUERY, "--labels", "labels.csv", "--optimizer", "torch.optim:Adams"),
            "the optimizer torch.optim:Adams cannot",
        ),
        ((*QUERY, "--labels", "labels.csv", "--optimizer", "sys:path"), "name a function or a class"),
        ((*QUERY, "--labels", "labels.csv", "--loss", "models_with_options:head"), "the loss of your own"),
        ((*QUERY, "--labels", "labels.csv", "--class-weights", "fair"), "--class-weights takes"),
        ((*QUERY, "--labels", "labels.csv", "--class-weights", "1,2"), "there are 2 class weights and 3 classes"),
        ((*QUERY, "--labels", "labels.csv", "--classifier", "cnn"), "use linear or mlp for other inputs"),
    ],
)
def test_what_does_not_fit_is_one_sentence(
    argv: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    storage.write_tensors(Path("w.safetensors"), model().state_dict())
    assert main(argv) == 2
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    assert sentence in err


def test_options_of_a_model_reach_the_fit(capsys: pytest.CaptureFixture[str]) -> None:
    common = (*QUERY, *MARGIN, "--labels", "labels.csv", "--model", "models_with_options:head", "--epochs", "9")
    answers = []
    options = ("", "--optimizer torch.optim:SGD", "--loss models_with_options:smooth", "--class-weights 1,9,1")
    for extra in (*options, "--weight-decay 0.5", "--reinitialize no", "--class-weights none"):
        assert main([*common, *extra.split()]) == 0
        answers.append(capsys.readouterr().out)
    assert answers[0] == answers[-1]
    assert all(answer.startswith("rank,sample\n") for answer in answers)
    assert len(set(answers)) > 3


def test_runs_of_a_model_of_ones_own(capsys: pytest.CaptureFixture[str]) -> None:
    size = ("--dataset", "digits", "--labeling-budget", "30", "--seeds", "1", "--test-size", "50", "--epochs", "2")
    own = ("--model", "models_with_options:digits", "--loss", "models_with_options:smooth", "--weight-decay", "0.1")
    assert main(["run", *size, "--strategies", "margin", *own, "--device", "cpu", "--out", "runs"]) == 0
    (record,) = [json.loads(line) for line in Path("runs/records.jsonl").read_text().splitlines()]
    config = record["config"]
    assert (record["classifier"], config["model"]) == ("digits", "models_with_options:digits")
    assert (config["loss"], config["training"]["weight_decay"]) == ("models_with_options:smooth", 0.1)
    assert not {"optimizer", "reinitialize", "embedding_layer"} & config.keys()
    assert main(["report", "runs", "--out", "report"]) == 0
    capsys.readouterr()
