"""Encoders of other libraries: the extra `embed`. `iale.geometry.find_encoder` finds them by name."""
