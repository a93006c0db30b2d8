"""A page on which people label: ``pip install "iale[label]"``.

`server.serve` is what ``iale label`` calls; `app.create_app` is the same without a socket.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
