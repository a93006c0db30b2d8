"""What a project keeps on disk: its configuration, the journal of answers, and what fits leave behind."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
