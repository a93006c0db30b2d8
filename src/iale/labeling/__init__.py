"""People label: a project is a folder with a journal of labels, from which everything else is read or computed."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
