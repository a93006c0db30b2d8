"""Which data sets show the same things, whatever their form."""

from __future__ import annotations

import re
from pathlib import Path


def family_of(name: str) -> str:
    """The family of a data set: what stands before the first hyphen or digit of its name, the folder left out.

    >>> family_of("cifar10-mobilenetv2"), family_of("kmnist-10k"), family_of("data/mnist.npz")
    ('cifar', 'kmnist', 'mnist')
    """
    stem = Path(name).stem or name
    return (re.match(r"[^\W\d_]+", stem) or re.match(r".*", stem))[0]  # type: ignore[index]
