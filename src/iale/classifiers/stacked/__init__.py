"""Many classifiers of one architecture trained side by side; `TorchClassifier.fit_many` uses it by itself.

_plan           which samples and dropout masks each network reads in each step
_layers         the layers of R networks, with their gradients
_convolutions   their convolutions, computed in three ways
_products       their matrix products
_stack          the steps, the optimizer, and how a network that is done leaves
_train          stacks of a height that fits into caches and memory
meeting         several runs that train together
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
