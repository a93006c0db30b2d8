"""A contract test and slow references, with which anyone can check a strategy.

>>> from iale.strategies.uncertainty import Margin
>>> from iale.testing import check_strategy
>>> check_strategy(Margin())
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
