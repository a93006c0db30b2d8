"""What random choice would have given: classifiers fitted to the labels of the test share, which are a random draw.

Each is tested on the samples that it did not learn from, so every label of the test share is used both ways.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch

from iale._model import Model
from iale.classifiers.base import FitJob
from iale.data.arrays import ArraySamples
from iale.labeling.fitting._model import find_model
from iale.labeling.fitting._sight import Sight
from iale.labeling.reader import ProjectReader
from iale.labeling.record._fits import RandomFits
from iale.recipe import classifier_of
from iale.seeding import Stream

_FEWEST = 16  # with fewer random labels, nothing is fitted to them
_FOLDS = 4
_SMALLEST = 4  # labels of a fit
_SHARES = (1.0, 0.6, 0.35, 0.2)  # of the labels outside a fold; about even steps of log n, which curves follow


def fit_to_random_labels(
    project: ProjectReader,
    sight: Sight,
    tests: Mapping[str, str],
    classes: tuple[str, ...],
    model: Model | None = None,
) -> RandomFits | None:
    """Fits to parts of the random labels (``tests``) of several sizes, four folds each; None if there are too few."""
    ids = project.items.ids
    number = {name: place for place, name in enumerate(classes)}
    rows, inputs = sight.read(sorted(ids.index(sample) for sample in tests))  # in any order, the same fits
    if len(rows) < _FEWEST:
        return None
    labels = torch.tensor([number[tests[ids[row]]] for row in rows])
    samples = ArraySamples(inputs)
    model = model or find_model(project)
    classifier = classifier_of(model.recipe, model.kind, samples, len(classes))
    stream = Stream(project.config.seed).child("random labels", len(rows))
    order = torch.from_numpy(stream.child("folds").numpy().permutation(len(rows)))
    sizes: list[int] = []
    predictions: list[dict[str, str]] = []
    folds = [order[fold::_FOLDS] for fold in range(_FOLDS)]
    for share in _SHARES:
        size = int(share * (len(rows) - len(folds[0])))
        if size < _SMALLEST:
            break
        predicted: dict[str, str] = {}
        for fold, held_out in enumerate(folds):
            rest = torch.cat([folds[(fold + step) % _FOLDS] for step in range(1, _FOLDS)])[:size]
            job = FitJob(rest, labels[rest], stream.child("fit", size, fold).seed)
            fitted = classifier.fit_many(samples, [job])[0]
            says = fitted.outputs(samples, held_out).predictions.tolist()
            predicted |= {ids[rows[r]]: classes[label] for r, label in zip(held_out.tolist(), says, strict=True)}
        sizes.append(size)
        predictions.append(predicted)
    return RandomFits(tuple(sizes), tuple(predictions))
