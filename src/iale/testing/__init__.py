"""Contract tests and slow references, shipped so that anyone can check a strategy of her own.

>>> from iale.strategies.uncertainty import Margin
>>> from iale.testing import check_strategy
>>> check_strategy(Margin())
"""

from iale.testing.contexts import make_context, reorder
from iale.testing.contract import check_strategy

__all__ = ["check_strategy", "make_context", "reorder"]
