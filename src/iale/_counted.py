"""A bar on stderr for work that goes through samples."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm


@contextmanager
def counted(what: str, *, shown: bool = True) -> Iterator[Callable[[int, int], None]]:
    """A bar for work that says how many samples are done, and how many there are, if a person sees stderr."""
    hidden = None if shown else True
    with tqdm(unit=" samples", desc=what, file=sys.stderr, leave=False, disable=hidden) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show
