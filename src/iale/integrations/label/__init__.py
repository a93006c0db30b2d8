"""A page on which people label: the extra `label`.

`serve` answers until Ctrl-C, as ``iale label`` does; `create_app` is the application alone, without a server and
without protection.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
