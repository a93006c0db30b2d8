"""The pool: which samples are labeled, and the only map between positions and data-set indices.

Strategies use positions in a list of candidates; data sets use indices. Both are plain integers, and mixing them up is
the classic bug in active-learning code. So the two meet only here.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor

from iale.errors import ConfigError, DataError, QueryError
from iale.seeding import Stream


@dataclass(frozen=True, eq=False)
class Candidates:
    """The unlabeled samples from which a strategy may choose.

    Attributes:
        indices: int64 [n], unique data-set indices. A position is an offset into this tensor.
    """

    indices: Tensor

    def __len__(self) -> int:
        return len(self.indices)


class Pool:
    """Labeled and unlabeled samples of one run.

    Args:
        universe: int64 [U], unique data-set indices of the samples that may be labeled.
        num_classes: C; labels are 0 … C−1.

    Raises:
        DataError: an index occurs twice.

    Attributes:
        labeled: int64 [L], data-set indices in the order in which they were labeled.
        labels: int64 [L], their labels.
    """

    def __init__(self, universe: Tensor, num_classes: int) -> None:
        self._universe = universe.to(torch.int64)
        if len(torch.unique(self._universe)) != len(universe):
            raise DataError("the pool names a sample twice: name each once.")
        self._open = torch.ones(len(universe), dtype=torch.bool)
        self._sorted: tuple[Tensor, Tensor | None] | None = None
        self._remaining = len(universe)
        self.num_classes = num_classes
        self.labeled = torch.empty(0, dtype=torch.int64)
        self.labels = torch.empty(0, dtype=torch.int64)

    def __len__(self) -> int:
        """The number of unlabeled samples."""
        return self._remaining

    def candidates(self, size: int | None, stream: Stream) -> Candidates:
        """All unlabeled samples in ascending order (``size=None``), or ``size`` of them drawn at random.

        The draw walks through one random sequence of the whole universe and skips labeled samples. So two pools that
        differ in k labels get, from the same stream, sub-pools that differ in at most k samples, and strategies are
        compared on the same draws. It takes O(size) time for a pool of any size that is mostly unlabeled, and never
        more than about twice as long as a permutation.

        Raises:
            ConfigError: ``size`` is below 1.
        """
        if size is None or size >= self._remaining:
            return Candidates(self._universe[self._open])
        if size < 1:
            raise ConfigError(f"the sub-pool needs at least 1 sample, not {size}.")
        rng = stream.numpy()
        # Draws with replacement avoid a permutation of the whole pool; a dict keeps the order of the first draws. They
        # may miss for long if most of the pool is labeled. So after as many draws as samples, a permutation follows.
        chosen: dict[int, None] = {}
        rounds = 0 if 2 * size > self._remaining else -(-len(self._universe) // (2 * size))
        for _ in range(rounds):
            for slot in rng.integers(len(self._universe), size=2 * size).tolist():
                if self._open[slot]:
                    chosen.setdefault(slot)
                    if len(chosen) == size:
                        return Candidates(self._universe[torch.tensor(list(chosen))])
        walk = torch.from_numpy(rng.permutation(len(self._universe)))
        rest = (slot for slot in walk[self._open[walk]].tolist() if slot not in chosen)
        slots = [*chosen, *itertools.islice(rest, size - len(chosen))]
        return Candidates(self._universe[torch.tensor(slots)])

    def acquire(self, indices: Tensor, labels: Tensor) -> None:
        """Moves samples from unlabeled to labeled, or raises and changes nothing.

        Args:
            indices: int64 [k], data-set indices that are unlabeled and unique.
            labels: int64 [k], 0 … C−1.

        Raises:
            QueryError: an index is unknown, already labeled, or occurs twice.
            DataError: a label is out of range, or indices and labels differ in number.
        """
        if len(indices) != len(labels):
            raise DataError(f"{len(indices)} samples came with {len(labels)} labels: give one each.")
        if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < self.num_classes:
            bad = next(int(y) for y in labels if not 0 <= int(y) < self.num_classes)
            raise DataError(
                f"label {bad} is out of range: labels of {self.num_classes} classes are 0 to {self.num_classes - 1}."
            )
        slots = self._slots(indices)
        if len(torch.unique(slots)) != len(slots):
            raise QueryError("a sample was named twice in one acquisition: name each once.")
        if not bool(self._open[slots].all()):
            index = int(indices[~self._open[slots]][0])
            raise QueryError(f"sample {index} is labeled already: choose unlabeled samples.")
        self._open[slots] = False
        self._remaining -= len(slots)
        self.labeled = torch.cat([self.labeled, indices.to(torch.int64)])
        self.labels = torch.cat([self.labels, labels.to(torch.int64)])

    def _slots(self, indices: Tensor) -> Tensor:
        """Offsets of data-set indices in the universe."""
        if self._sorted is None:  # sorted once, so that later acquisitions need not read the whole pool
            ascending = bool((self._universe[1:] > self._universe[:-1]).all())
            self._sorted = (self._universe, None) if ascending else torch.sort(self._universe)
        sorted_universe, order = self._sorted
        at = torch.searchsorted(sorted_universe, indices.to(torch.int64)).clamp(max=len(sorted_universe) - 1)
        unknown = sorted_universe[at] != indices
        if bool(unknown.any()):
            raise QueryError(f"sample {int(indices[unknown][0])} is not in this pool.")
        return at if order is None else order[at]


def class_balanced(indices: Tensor, labels: Tensor, size: int, num_classes: int, stream: Stream) -> Tensor:
    """int64 [size]: some of ``indices``, drawn at random, as evenly over the classes as possible (paper, section 4.2).

    Args:
        indices: int64 [N], data-set indices to draw from.
        labels: int64 [N], their labels.
        size: how many; each class gets size // C, and size % C random classes get one more.
        num_classes: C.
        stream: of the draws.

    Raises:
        ConfigError: ``size`` is below C.
        DataError: a class has fewer samples than its share.
    """
    if size < num_classes:
        raise ConfigError(f"{size} initial labels cannot cover {num_classes} classes: ask for at least {num_classes}.")
    rng = stream.numpy()
    extra = set(rng.permutation(num_classes)[: size % num_classes].tolist())
    chosen = []
    for label in range(num_classes):
        share = size // num_classes + (label in extra)
        members = indices[labels == label]
        if len(members) < share:
            raise DataError(
                f"class {label} has {len(members)} samples to start from, {share} were expected: "
                f"add samples of that class or ask for fewer initial labels."
            )
        chosen.append(members[torch.from_numpy(rng.permutation(len(members))[:share])])
    return torch.cat(chosen)
