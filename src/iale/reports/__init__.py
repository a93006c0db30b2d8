"""Reports: curves, tables, figures and pages from records alone, without models and without PyTorch."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
