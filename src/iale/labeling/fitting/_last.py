"""The last finished fit of a project, as it was kept."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from iale import _storage as storage
from iale.classifiers.base import TrainingConfig
from iale.classifiers.build import CLASSIFIERS
from iale.classifiers.torch_classifier import FittedTorchClassifier, TorchClassifier
from iale.errors import ConfigError
from iale.geometry.embeddings import PointSamples
from iale.labeling.fitting._table_inputs import columns_of
from iale.labeling.items._images import ImageItems
from iale.labeling.reader import ProjectReader, Readable
from iale.recipe import classifier_name
from iale.seeding import Stream

CARD = "card.json"


def latest_fit(project: Readable) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The card of the last finished fit, and its weights."""
    reader = project.reader
    inputs, config = reader.views.inputs, reader.config
    same_averages(reader)  # it may make them, and many fits may end meanwhile
    with storage.alone_in(reader.folder):  # a fit that ends now would take these weights away
        latest, fits = reader.fits.latest, reader.fits.all
        if latest is None or not fits:
            why = "label samples of two classes or more, and fit one, --fit yes."
            raise ConfigError(f"no classifier is fitted yet: {why}")
        if latest.shape != inputs.shape:
            why = "to inputs of another shape than now: fit again, --fit yes."
            raise ConfigError(f"the last classifier was fitted {why}")
        tensors = storage.read_tensors(reader.folder / latest.weights, latest.digest)
    averaged, fit = latest.network.get("averaged"), latest.last or fits[-1]
    if averaged is not None and averaged != reader.views.averages_identity:
        raise ConfigError("the last classifier was fitted to other averages than now: fit again, --fit yes.")
    if len(set(fit.classes) & set(reader.classes)) < len(fit.classes):
        raise ConfigError("classes were merged or removed after the last classifier was fitted: fit again, --fit yes.")
    card = {
        "classes": fit.classes,
        "shape": latest.shape,
        "classifier": classifier_name(config, reader.views.kind),
        "model": config.model,
        "embedding_layer": config.embedding_layer,
        "labels": fit.labels,
        "inputs": {
            "kind": reader.views.kind,
            "shape": inputs.shape,
            "bytes": inputs.dtype == torch.uint8,
            "files": isinstance(inputs, ImageItems),
            "table": None if reader.views.embeddings is not None else columns_of(reader.items),
        },
        **latest.network,
    }
    return card, tensors


def head_on_averages(
    project: Readable, num_classes: int, tensors: dict[str, Tensor]
) -> tuple[FittedTorchClassifier, PointSamples]:
    """The linear head of a fit on averages of neighbors, and these averages."""
    averages = project.reader.views.make_averages()
    assert averages is not None  # `latest_fit` has compared them with those of the fit
    recipe = built_in_classifier("linear", (averages.dim,), num_classes, TrainingConfig(device="cpu"))
    network = recipe.initial_module(Stream(0))
    network.load_state_dict(tensors)
    return recipe.fitted(network), PointSamples(averages)


def same_averages(reader: ProjectReader) -> bool:
    """Whether the last fit saw samples as they are, or the averages that are there now; makes these."""
    latest = reader.fits.latest
    averaged = None if latest is None else latest.network.get("averaged")
    if averaged is None:
        return True
    reader.views.make_averages()
    return bool(averaged == reader.views.averages_identity)


def built_in_classifier(
    name: str, shape: tuple[int, ...], num_classes: int, training: TrainingConfig
) -> TorchClassifier:
    """A built-in classifier whose weights are loaded next: the mean and deviation of its inputs are among them."""
    module = CLASSIFIERS[name](shape, num_classes, [0.0] * shape[0], [1.0] * shape[0])
    return TorchClassifier(module, shape, training)
