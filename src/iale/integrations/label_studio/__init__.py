"""Makes a Label Studio project ask for the best task next: reads the labels, refits, and writes scores, in a loop."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
