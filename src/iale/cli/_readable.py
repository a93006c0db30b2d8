"""What a command passes over: said in one line, and listed when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch

from iale.cli._output import say
from iale.data.images import FolderSamples
from iale.data.samples import Samples
from iale.data.splits import Subset
from iale.errors import UnreadableError

T = TypeVar("T")


def say_passed_over(samples: Samples, *, verbose: bool) -> None:
    """Says how many files of a folder are no samples."""
    if isinstance(samples, FolderSamples):
        _tell(samples.passed_over, samples.listing() if verbose else [])


def passing_over(samples: Samples, act: Callable[[Subset], T], *, verbose: bool) -> T:
    """What ``act`` gives for the samples that can be read.

    It begins again without those that turn out to be unreadable, so what it gives is what it would have given if they
    had not been there. Every new beginning leaves out at least one of them.
    """
    left_out: dict[int, str] = dict(samples.unreadable) if isinstance(samples, FolderSamples) else {}
    try:
        while True:
            open_ = torch.ones(len(samples), dtype=torch.bool)
            open_[list(left_out)] = False
            pool = Subset(samples, torch.nonzero(open_).flatten())
            try:
                return act(pool)
            except UnreadableError as error:
                if not error.reasons:
                    raise
                left_out |= {int(pool.indices[place]): why for place, why in error.reasons.items()}
    finally:
        reasons = [why for _, why in sorted(left_out.items())]
        line = f"passed over: {len(reasons)} that cannot be read, the first: {reasons[0]}" if reasons else ""
        _tell(line, reasons if verbose else [])


def _tell(line: str, listing: list[str]) -> None:
    for text in (line, *listing):
        if text:
            say(text)
