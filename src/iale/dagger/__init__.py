"""DAgger (Algorithm 1): policies learn from the expert that helped most at each step."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
