"""Random numbers by counting: a number is a hash of a key and its position, so there is no state to share.

Number i of a key is the same on CPU and GPU, whether one key or a thousand are drawn together, and whatever was drawn
before. Stacked training needs this to equal training one at a time. A key is a pair of 32-bit words. The hash is two
rounds of the finalizer "lowbias32" (Wellons, "Prospecting for hash functions", 2018).

Shapes: R keys, n numbers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

Words = np.ndarray[tuple[int], np.dtype[np.uint32]]

_BLOCK = 1 << 16
"""Words that a CPU draws at a time: with the spare words, half a megabyte, which stays in the caches of one core."""


def keys(seeds: Sequence[int], device: torch.device | str = "cpu") -> Tensor:
    """One key for each 63-bit seed: int32 [R, 2]."""
    # PyTorch has few operations on uint32, so words are int32 with the same bits; its sums and products wrap around.
    words = [(seed & 0xFFFFFFFF, (seed >> 32) & 0xFFFFFFFF) for seed in seeds]
    signed = [[word - (1 << 32) if word >> 31 else word for word in pair] for pair in words]
    return torch.tensor(signed, dtype=torch.int32, device=device).reshape(len(words), 2)


def fold(key: Tensor, number: int | Tensor) -> Tensor:
    """New keys [..., 2] from keys [..., 2] and a number that stands for a purpose, a step or a layer."""
    if isinstance(number, int):
        number = torch.tensor(number, dtype=torch.int32, device=key.device)
    first = _mix(key[..., 0] + _mix(number * -1640531527 + 1013904223))  # 2^32 / golden ratio
    second = _mix(key[..., 1] ^ _mix(number + 374761393) ^ first)
    return torch.stack([first, second], dim=-1)


def mask_keys(key: Tensor, steps: int, layers: int) -> Tensor:
    """int32 [steps, layers, 2]: the keys of the masks of all dropout layers in all steps or passes, drawn at once."""
    numbers = torch.arange(steps, dtype=torch.int32, device=key.device)
    of_layers = torch.arange(layers, dtype=torch.int32, device=key.device)
    return fold(fold(key, numbers)[:, None], of_layers)


def bits(key: Tensor, n: int, start: int = 0) -> Tensor:
    """n words for each key, starting at number ``start``: int32 [..., n]."""
    counter = torch.arange(start, start + n, dtype=torch.int32, device=key.device)
    words = _mix_(counter + key[..., :1])
    return _mix_(words.bitwise_xor_(key[..., 1:]))


def uniform(key: Tensor, n: int, start: int = 0) -> Tensor:
    """n numbers in [0, 1) for each key, starting at number ``start``: float32 [..., n], multiples of 2^-24."""
    # 24 bits are what float32 holds exactly; a 25th could round up to 1.
    words = bits(key, n, start).bitwise_right_shift_(8).bitwise_and_(0xFFFFFF)
    return words.to(torch.float32).mul_(2.0**-24)


def keeps(key: Tensor, n: int, p: float, start: int = 0) -> Tensor:
    """Whether each of n units is kept by dropout: bool [R, n], equal to ``uniform(key, n, start) >= p``; key is [R, 2].

    A uniform number is a 24-bit integer times 2^-24, so integers can be compared instead: with ⌈p · 2^24⌉, where p is
    rounded to float32 as PyTorch rounds it to compare. This skips the conversion.
    """
    least = int(np.ceil(float(np.float32(p)) * 2**24))
    if key.device.type != "cpu":
        return bits(key, n, start).bitwise_right_shift_(8).bitwise_and_(0xFFFFFF) >= least
    if least >> 24:  # p is 1, one more than the largest word
        return torch.zeros(len(key), n, dtype=torch.bool)
    kept = np.empty((len(key), n), dtype=np.bool_)
    counter = np.arange(min(n, _BLOCK), dtype=np.uint32)
    words, spare = np.empty_like(counter), np.empty_like(counter)
    for row, (first, second) in enumerate(key.tolist()):
        for begin in range(0, n, _BLOCK):
            size = min(n - begin, _BLOCK)
            # Python adds without a limit, so the sum is cut to 32 bits before NumPy sees it.
            np.add(counter[:size], np.uint32(start + begin + first & 0xFFFFFFFF), out=words[:size])
            _mix_unsigned_(words[:size], np.uint32(second & 0xFFFFFFFF), spare[:size])
            np.greater_equal(words[:size], np.uint32(least << 8), out=kept[row, begin : begin + size])
    return torch.from_numpy(kept)


def permutation(key: Tensor, n: int) -> Tensor:
    """A random order of 0 … n−1 for each key: int64 [..., n]."""
    return torch.argsort(bits(key, n), dim=-1, stable=True)


def _mix(words: Tensor) -> Tensor:
    return _mix_(words.clone())


def _mix_(words: Tensor) -> Tensor:
    """The finalizer, in place. PyTorch shifts in copies of the sign bit, which the masks remove."""
    words.bitwise_xor_(words.bitwise_right_shift(16).bitwise_and_(0xFFFF)).mul_(0x7FEB352D)
    words.bitwise_xor_(words.bitwise_right_shift(15).bitwise_and_(0x1FFFF)).mul_(-2073254261)
    return words.bitwise_xor_(words.bitwise_right_shift(16).bitwise_and_(0xFFFF))


def _mix_unsigned_(words: Words, second: np.uint32, spare: Words) -> None:
    """What `bits` does to a counter and the first word of a key, in place. NumPy shifts unsigned words: no masks."""
    for last in (second, np.uint32(0)):
        for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
            words ^= np.right_shift(words, np.uint32(shift), out=spare)
            words *= np.uint32(factor)
        words ^= np.right_shift(words, np.uint32(16), out=spare)
        words ^= last  # the key's second word goes between the two rounds
