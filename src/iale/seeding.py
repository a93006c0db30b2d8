"""One root seed, many named streams.

A stream is a path of names below a root seed, and its 63-bit seed is a hash of that path. So streams are independent of
each other, and the same path gives the same numbers in any process and in any order. Global random state is neither
read nor changed.
"""

from __future__ import annotations

import hashlib
import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Stream:
    """A named random stream: ``Stream(7).child("init", 3)``.

    Attributes:
        root: the root seed, any integer.
        path: the names below it, strings and integers.

    >>> Stream(7).child("init", 3).seed == Stream(7).child("init").child(3).seed
    True
    >>> Stream(7).child("init").seed == Stream(8).child("init").seed
    False
    """

    root: int
    path: tuple[str | int, ...] = ()

    def __post_init__(self) -> None:
        # The hash reads repr(), and NumPy's integers and strings print differently from the equal ones of Python.
        object.__setattr__(self, "root", int(operator.index(self.root)))
        names = (str(name) if isinstance(name, str) else int(operator.index(name)) for name in self.path)
        object.__setattr__(self, "path", tuple(names))

    def child(self, *names: str | int) -> Stream:
        """The stream at ``names`` below this one."""
        return Stream(self.root, self.path + names)

    @property
    def seed(self) -> int:
        """A 63-bit seed: a hash of root and path."""
        text = repr((self.root, self.path)).encode()
        return int.from_bytes(hashlib.sha256(text).digest()[:8], "little") >> 1

    def numpy(self) -> np.random.Generator:
        """A new NumPy generator at the start of this stream."""
        return np.random.default_rng(self.seed)

    def torch(self) -> torch.Generator:
        """A new CPU generator of PyTorch at the start of this stream."""
        import torch

        return torch.Generator().manual_seed(self.seed)
