"""Packages that iale does without until somebody asks for what needs them."""

from __future__ import annotations


def to_install(*packages: str) -> str:
    """The command that gets them, in words for a sentence; the extras of iale need a clone of it, and this does not."""
    return f"`pip install {' '.join(packages)}`"
