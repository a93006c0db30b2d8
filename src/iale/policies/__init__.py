"""Learned strategies: the state they see, the network that scores it, and their folders on disk."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
