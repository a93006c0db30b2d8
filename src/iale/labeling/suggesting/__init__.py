"""What helps a person to decide: suggestions, look-alikes, and why a sample is asked for."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
