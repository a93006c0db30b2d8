"""The benchmark: strategies × seeds on one data set, paired, with statistics that hold for few seeds."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
