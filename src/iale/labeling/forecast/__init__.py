"""How good the classifier is, how sure we are, and what more labels would bring."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
