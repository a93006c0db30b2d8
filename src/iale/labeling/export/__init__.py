"""Labels for other programs: tables, class folders, COCO, Hugging Face data sets, PyTorch; and a card that says how."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
