"""What the last model of a project says about its unlabeled samples."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import torch

from iale._finite import finite_rows
from iale.classifiers.torch_classifier import FittedTorchClassifier
from iale.data.arrays import ArraySamples
from iale.geometry.embeddings import PointSamples
from iale.labeling.fitting._last import head_on_averages, latest_fit
from iale.labeling.fitting._point_head import seen_by
from iale.labeling.fitting._sight import PointSight, Sight
from iale.labeling.fitting.saved import load_latest
from iale.labeling.items._reading import Reading
from iale.labeling.reader import Readable
from iale.strategies.base import QueryContext
from iale.strategies.uncertainty import Margin

_ROWS = 500  # samples that are scored at a time


def scores_csv(project: Readable) -> Iterator[str]:
    """What the last model says about every sample without an answer, as parts of a CSV table.

    Columns: sample, label (predicted), probability, score (higher is less sure: minus the margin between the two
    likeliest classes), id, and the probability of each class. Samples that cannot be read, or for which the model
    computes NaN or infinity, are left out.
    """
    reader, (classes, fitted, sight) = project.reader, _scoring(project)
    yield _row("sample", "label", "probability", "score", "id", *(f"p({name})" for name in classes))
    done = reader.answered()
    left = [index for index in range(reader.count) if index not in done]
    for start in range(0, len(left), _ROWS):
        rows, inputs = sight.read(left[start : start + _ROWS])
        if rows:
            outputs = fitted.outputs(ArraySamples(inputs), torch.arange(len(rows)))
            finite = torch.nonzero(finite_rows(outputs)).flatten()
            outputs = outputs.at(finite)
            scores = Margin().score(QueryContext(outputs, len(classes))).tolist()
            for at, score, probs in zip(finite.tolist(), scores, outputs.probs.tolist(), strict=True):
                best = max(range(len(probs)), key=probs.__getitem__)
                shares = [f"{p:.6f}" for p in probs]
                name, sample = reader.items.name(rows[at]), reader.items.ids[rows[at]]
                yield _row(name, classes[best], shares[best], f"{score:.6f}", sample, *shares)


def _scoring(project: Readable) -> tuple[tuple[str, ...], FittedTorchClassifier, Sight]:
    """The classes, what predicts the samples of a project, and what it sees of them."""
    card, tensors = latest_fit(project)
    views = project.reader.views
    reading = Reading(project.reader.items, views.inputs)
    if card.get("averaged") is not None:
        head, averages = head_on_averages(project, len(card["classes"]), tensors)
        return card["classes"], head, PointSight(averages, reading)
    saved = load_latest(project)
    if saved.encoder is not None:
        vectors = views.make_geometry()
        return saved.classes, saved.fitted, PointSight(PointSamples(vectors), reading)
    return saved.classes, saved.fitted, Reading(project.reader.items, seen_by(saved.points, views.inputs))


def _row(*cells: str) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()
