"""What is not there now."""

from __future__ import annotations

from iale.errors import DataError


class Away(DataError):
    """The file of a sample is away or cannot be read now. Nobody decides that; it is asked for when it is back."""
