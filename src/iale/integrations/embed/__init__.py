"""Encoders of other libraries: ``pip install "iale[embed]"``. `iale.geometry.find_encoder` finds them by name."""
