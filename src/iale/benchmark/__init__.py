"""The benchmark: paired runs of strategies over seeds, and the experiments of the paper with their claims.

A *run* is one strategy on one pool with one seed. A *grid* is strategies × pools × seeds on one data set. An
*experiment* is a set of grids that settles claims of the paper. Reports read what this package leaves on disk, so
everything that reads (records, times, costs, statistics, claims) imports no PyTorch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
