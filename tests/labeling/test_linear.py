"""A project whose classifier is a linear head: its fits are kept, read again and exported."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tests.labeling.conftest import Make, label_some

from iale.classifiers.base import TrainingConfig
from iale.cli import main
from iale.data.arrays import ArraySamples
from iale.labeling import export_classifier, fit_now, load_classifier


def test_a_head_is_fitted_kept_and_exported(make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = make(classifier="linear", training=TrainingConfig(device="cpu"), test_share=0.0)
    label_some(project, 12)
    fit_now(project)
    export_classifier(project, tmp_path / "out")
    saved = load_classifier(tmp_path / "out")
    inputs = project.items.samples.batch(torch.arange(60))
    truth = ["odd" if i % 2 else "even" for i in range(60)]
    assert saved.predict(ArraySamples(inputs)) == truth
    kept = load_file(tmp_path / "out" / "weights.safetensors")
    linear = torch.nn.Linear(2, 2)  # plain torch, after standardization
    linear.load_state_dict({name: kept[f"head.0.{name}"] for name in ("weight", "bias")})
    logits = linear((inputs - kept["standardize.mean"]) / kept["standardize.std"])
    torch.testing.assert_close(logits, saved.outputs(ArraySamples(inputs)).logits, atol=1e-5, rtol=1e-5)
    np.save(tmp_path / "x.npy", inputs.numpy())
    query = ["query", "--images", str(tmp_path / "x.npy"), "--classifier", "linear", "--k", "3"]
    assert main([*query, "--fitted", str(tmp_path / "out" / "weights.safetensors")]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--classifier", "linear", "--epochs", "5"), "a linear head is solved exactly and has no epochs"),
        (("--classifier", "mlp", "--l2", "5"), "l2 is the strength of a linear head"),
        (("--classifier", "linear", "--loss", "math:sqrt"), "takes no loss"),
    ],
)
def test_options_that_a_head_has_not(
    options: tuple[str, ...], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "x.npy", np.eye(5))
    assert main(["label", str(tmp_path / "x.npy"), "--out", str(tmp_path / "out"), *options]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
