"""The last label of a pool: nothing is left to ask for, and the fit learns from the same numbers as before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from iale.classifiers import TrainingConfig
from iale.data import ArraySamples
from iale.labeling import Project, ProjectConfig, export_classifier, fit_now, load_classifier


def test_the_last_label_changes_nothing(tmp_path: Path) -> None:
    images, digits = load_digits(return_X_y=True)
    pixels = np.rint(images.reshape(-1, 8, 8) * 255 / 16).astype(np.uint8)
    np.savez(tmp_path / "digits.npz", x=pixels[:250])
    training = TrainingConfig(epochs=40, device="cpu")
    config = ProjectConfig(
        tmp_path / "digits.npz", tuple("0123456789"), classifier="mlp", test_share=0.1, training=training
    )
    project = Project.create(tmp_path / "digits", config)
    right = []
    ids = list(project.items.ids)
    learned = [at for at in range(250) if not project.shares.reserved[at]]
    for some in (learned[:-1], learned[-1:]):
        project.add_labels("me", {ids[at]: str(digits[at]) for at in some}, "imported")
        fit_now(project)
        export_classifier(project, tmp_path / "classifier")
        predicted = load_classifier(tmp_path / "classifier").predict(ArraySamples(pixels[250:750]))
        right.append(np.mean([int(p) == d for p, d in zip(predicted, digits[250:750], strict=True)]))
    project.close()
    assert min(right) > 0.6, right  # 0.06 for a model that learned from other numbers
