"""Active learning: which samples should be labeled next?

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

The names are listed in ``__init__.pyi`` and imported on first use, so ``import iale`` is instant. Every package works
the same way: its public names are in its ``__init__.pyi``, and a leading underscore marks what is private.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
