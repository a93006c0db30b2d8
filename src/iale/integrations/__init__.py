"""Optional parts: each needs a package that iale itself does not need, and none imports another."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
