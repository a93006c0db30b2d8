"""A page on which people label: ``pip install "iale[label]"``.

`server.serve` is what ``iale label`` calls; `app.create_app` is the same without a socket.
"""
