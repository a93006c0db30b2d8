"""How much memory a forward pass takes for each sample, measured on two small batches.

The weights and what else does not grow with the batch take the same memory in both, so the difference is what one
sample takes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

BUDGET = 1 << 28
"""Bytes that the activations of one forward pass may take: 256 MiB."""
ON_CPU = 24 << 20
"""The same on a CPU: what is larger than its caches takes up to 1.7 times as long (`benchmarks/budgets.py`)."""


def samples_at_once(run: Callable[[int], object], most: int, *, budget: int) -> int:
    """How many samples fit into the budget, 1 to ``most``; ``run(n)`` makes a forward pass of n samples."""
    (one, _), (two, last) = _measure(run, 1), _measure(run, 2)
    # A model whose operations depend on its input: the larger pass then bounds a sample from above.
    grown = [b - a for a, b in zip(one, two, strict=True)] if len(one) == len(two) else [last]
    return max(1, min(most, budget // max(1, *grown, 1)))


def _measure(run: Callable[[int], object], count: int) -> tuple[Sequence[int], int]:
    """Bytes that each operation of a pass reads and writes, and the largest of them."""
    with (_Uncompiled if "torch._dynamo" in sys.modules else _Meter)() as meter:
        run(count)
    return meter.sizes, max(meter.sizes, default=0)


class _Meter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes the bytes of the different tensors that each operation reads and writes.

    Layers run one after another, and what they have read is freed. So the largest operation is close to the peak.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.sizes: list[int] = []

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """PyTorch's switch: to leave a mode uncompiled, it imports its compiler, for seconds."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _noted(self.sizes, func, args, kwargs or {})


class _Uncompiled(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """The same where the compiler is there already: the meter of a compiled model is not compiled with it."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.sizes: list[int] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _noted(self.sizes, func, args, kwargs or {})


def _noted(sizes: list[int], func: Any, args: Any, kwargs: Any) -> Any:
    """The result of an operation, whose bytes are added to ``sizes``."""
    result = func(*args, **kwargs)
    found = [leaf for leaf in tree_leaves((args, kwargs, result)) if isinstance(leaf, Tensor)]
    stores = [tensor.untyped_storage() for tensor in found if tensor.layout is torch.strided]
    sizes.append(sum({store.data_ptr(): store.nbytes() for store in stores}.values()))
    return result
