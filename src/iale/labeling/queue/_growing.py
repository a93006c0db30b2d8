"""When the labels of the test share come."""

from __future__ import annotations

_ENOUGH = 40  # tests, with which the interval of an accuracy is at most 15 points to each side
_MOST = 0.2


def share_now(share: float, tests: int) -> float:
    """The share of the labels that go to the test share, of which there are ``tests`` now.

    An interval narrows with √T for T tests, so the first ones pay most: up to 40 of them, the share is twice as large,
    if that is no more than a fifth. They are not more in the end: the next ones come once the share is caught up with.
    Without a test share there is none.

    >>> share_now(0.1, 0), share_now(0.1, 40), share_now(0.15, 0), share_now(0.3, 0), share_now(0.0, 0)
    (0.2, 0.1, 0.2, 0.3, 0.0)
    """
    return max(share, min(2 * share, _MOST)) if tests < _ENOUGH else share
