"""The pool: which samples are labeled or skipped, and the only map between positions and data-set indices.

Strategies use positions in a list of candidates; data sets use indices. Both are plain integers, and mixing them up is
the classic bug in active-learning code. So the two meet only here.
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral

import numpy as np
import torch
from torch import Tensor

from iale._given import whole
from iale.data._checks import integers
from iale.errors import ConfigError, DataError, QueryError
from iale.seeding import Stream

_ROUNDS = 64  # of draws with replacement; enough until one in a hundred samples is unlabeled


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
    """Labeled, unlabeled and skipped samples of one run.

    A sample is unlabeled at first. `acquire` labels it, `skip` sets it aside, and `forget` undoes both.

    Args:
        universe: int64 [U], unique data-set indices of the samples that may be labeled.
        num_classes: C; labels are 0 … C−1.

    Raises:
        ConfigError: the number of classes is no whole number of at least 0.
        DataError: an index occurs twice, is below 0 or is no integer.

    Attributes:
        labeled: int64 [L], data-set indices in the order in which they were labeled.
        labels: int64 [L], their labels.
    """

    def __init__(self, universe: Tensor, num_classes: int) -> None:
        self._universe = universe = integers(universe, "indices")
        if len(universe) and int(universe.min()) < 0:
            raise DataError(f"the pool names the index {int(universe.min())}: indices start at 0.")
        if len(torch.unique(self._universe)) != len(universe):
            raise DataError("the pool names a sample twice: name each once.")
        self._open = torch.ones(len(universe), dtype=torch.bool)  # neither labeled nor skipped
        self._sorted: tuple[Tensor, Tensor | None] | None = None
        self._remaining = len(universe)
        self.num_classes = whole(num_classes, "the number of classes", 0)
        self.labeled = torch.empty(0, dtype=torch.int64)
        self.labels = torch.empty(0, dtype=torch.int64)

    def __len__(self) -> int:
        """The number of unlabeled samples."""
        return self._remaining

    def candidates(self, size: int | None, stream: Stream) -> Candidates:
        """All unlabeled samples in ascending order (``size=None``), or ``size`` of them drawn at random.

        The draw walks through one random sequence of the whole universe and passes over what is not unlabeled. So two
        pools that differ in k labels get, from the same stream, sub-pools that differ in at most k samples, and
        strategies are compared on the same draws. It takes O(size) time for a pool of any size that is mostly
        unlabeled.

        Raises:
            ConfigError: ``size`` is below 1.
        """
        if size is not None and (not isinstance(size, Integral) or size < 1):
            raise ConfigError(f"the sub-pool needs at least 1 sample, not {size!r:.40}: give an integer, or None.")
        if size is None or size >= self._remaining:
            return Candidates(self._universe[self._open])
        rng = stream.numpy()
        if 2 * size > self._remaining:
            return Candidates(self._universe[self._walk(rng)[:size]])
        # Draws with replacement avoid a permutation of the whole pool; a dict keeps the order of the first draws.
        chosen: dict[int, None] = {}
        for _ in range(_ROUNDS):
            for slot in rng.integers(len(self._universe), size=2 * size).tolist():
                if self._open[slot]:
                    chosen.setdefault(slot)
                    if len(chosen) == size:
                        return Candidates(self._universe[torch.tensor(list(chosen))])
        # Nearly all samples are labeled or skipped.
        chosen.update(dict.fromkeys(self._walk(rng).tolist()))
        return Candidates(self._universe[torch.tensor(list(chosen)[:size])])

    def _walk(self, rng: np.random.Generator) -> Tensor:
        """The slots of all unlabeled samples in random order."""
        walk = torch.from_numpy(rng.permutation(len(self._universe)))
        return walk[self._open[walk]]

    def acquire(self, indices: Tensor, labels: Tensor, *, overwrite: bool = False) -> None:
        """Moves samples from unlabeled to labeled, or raises and changes nothing.

        Args:
            indices: int64 [k], unique data-set indices, of unlabeled samples.
            labels: int64 [k], 0 … C−1.
            overwrite: whether the samples may have a label, which is replaced, or may have been skipped.

        Raises:
            QueryError: an index is unknown, occurs twice, or is labeled or skipped already.
            DataError: a label is out of range, or indices and labels differ in number.
        """
        if len(indices) != len(labels):
            raise DataError(f"{len(indices)} samples came with {len(labels)} labels: give one each.")
        if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < self.num_classes:
            bad = next(int(y) for y in labels if not 0 <= int(y) < self.num_classes)
            last = self.num_classes - 1
            more = ", and a model has as many classes as logits" if bad > last else ""
            raise DataError(f"label {bad} is out of range: labels of {last + 1} classes are 0 to {last}{more}.")
        slots = self._slots(indices)
        if overwrite:
            self._release(indices, slots)
        else:
            self._check_open(indices, slots, "pass overwrite=True to give it another label")
        self._close(slots)
        self.labeled = torch.cat([self.labeled, indices.to(torch.int64)])
        self.labels = torch.cat([self.labels, labels.to(torch.int64)])

    def skip(self, indices: Tensor) -> None:
        """Sets unlabeled samples aside, so that they are no candidates, or raises and changes nothing.

        ``indices`` are int64 [k]. Samples that are set aside already stay so. Raises QueryError if an index is unknown,
        labeled or named twice.
        """
        slots = self._slots(indices)
        labeled = torch.isin(indices, self.labeled)
        self._check_open(indices[labeled], slots[labeled], "forget it first")
        self._close(slots)

    def forget(self, indices: Tensor) -> None:
        """Makes labeled and skipped samples unlabeled again, or raises and changes nothing.

        ``indices`` are int64 [k]. Raises QueryError if an index is unknown, unlabeled or named twice.
        """
        slots = self._slots(indices)
        if bool(self._open[slots].any()):
            index = int(indices[self._open[slots]][0])
            raise QueryError(f"sample {index} is neither labeled nor skipped: there is nothing to forget.")
        self._release(indices, slots)

    def _check_open(self, indices: Tensor, slots: Tensor, advice: str) -> None:
        taken = indices[~self._open[slots]]
        if len(taken):
            index = int(taken[0])
            state = "labeled" if bool((self.labeled == index).any()) else "skipped"
            raise QueryError(f"sample {index} is {state} already: choose unlabeled samples, or {advice}.")

    def _close(self, slots: Tensor) -> None:
        self._remaining -= int(self._open[slots].sum())
        self._open[slots] = False

    def _release(self, indices: Tensor, slots: Tensor) -> None:
        """Takes samples out of the labeled and the skipped ones."""
        kept = ~torch.isin(self.labeled, indices)
        self.labeled, self.labels = self.labeled[kept], self.labels[kept]
        self._remaining += int((~self._open[slots]).sum())
        self._open[slots] = True

    def _slots(self, indices: Tensor) -> Tensor:
        """Offsets of data-set indices in the universe; raises QueryError if one is unknown or occurs twice."""
        if self._sorted is None:  # sorted once, so that later acquisitions need not read the whole pool
            ascending = bool((self._universe[1:] > self._universe[:-1]).all())
            self._sorted = (self._universe, None) if ascending else torch.sort(self._universe)
        sorted_universe, order = self._sorted
        at = torch.searchsorted(sorted_universe, indices.to(torch.int64)).clamp(max=len(sorted_universe) - 1)
        unknown = sorted_universe[at] != indices
        if bool(unknown.any()):
            raise QueryError(f"sample {int(indices[unknown][0])} is not in this pool.")
        if len(torch.unique(at)) != len(at):
            raise QueryError("a sample was named twice: name each once.")
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
    if whole(size, "the number of initial labels", 0) < num_classes:
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
