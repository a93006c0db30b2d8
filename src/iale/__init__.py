"""Active learning by imitating active-learner ensembles.

    ActiveLearner      ask which samples to label, tell their labels, fit
    TorchClassifier    your own PyTorch module as a classifier
    TrainingConfig     how a classifier is fitted
    QueryStrategy      the one interface: a context in, positions out
    find_strategy      a strategy or a policy by name or folder
    load_policy        a policy from its folder
    Project            a folder of samples that people label
    ProjectLearner     ActiveLearner on such a project
    load_dataset       a data set by name or path
    IaleError          base of all errors

Everything is imported when it is first used, so that ``import iale`` is instant.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from iale.active_learner import ActiveLearner as ActiveLearner
    from iale.classifiers.base import TrainingConfig as TrainingConfig
    from iale.classifiers.torch_classifier import TorchClassifier as TorchClassifier
    from iale.data.arrays import ArraySamples as ArraySamples
    from iale.data.catalog import load_dataset as load_dataset
    from iale.data.folder import FolderSamples as FolderSamples
    from iale.data.torch_dataset import TorchSamples as TorchSamples
    from iale.errors import IaleError as IaleError
    from iale.labeling.learner import ProjectLearner as ProjectLearner
    from iale.labeling.project import Project as Project
    from iale.policies.catalog import find_strategy as find_strategy
    from iale.policies.catalog import list_policies as list_policies
    from iale.policies.saved import load_policy as load_policy
    from iale.strategies.base import QueryContext as QueryContext
    from iale.strategies.base import QueryStrategy as QueryStrategy
    from iale.strategies.base import ScoringStrategy as ScoringStrategy

_HOMES = {
    "ActiveLearner": "active_learner",
    "ArraySamples": "data.arrays",
    "FolderSamples": "data.folder",
    "IaleError": "errors",
    "Project": "labeling.project",
    "ProjectLearner": "labeling.learner",
    "QueryContext": "strategies.base",
    "QueryStrategy": "strategies.base",
    "ScoringStrategy": "strategies.base",
    "TorchClassifier": "classifiers.torch_classifier",
    "TorchSamples": "data.torch_dataset",
    "TrainingConfig": "classifiers.base",
    "find_strategy": "policies.catalog",
    "list_policies": "policies.catalog",
    "load_dataset": "data.catalog",
    "load_policy": "policies.saved",
}
__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'iale' has no attribute {name!r}")
    return getattr(importlib.import_module(f"iale.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
