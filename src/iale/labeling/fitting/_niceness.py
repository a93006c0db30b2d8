"""How what runs beside people gives way to them."""

from __future__ import annotations

import os
import sys

NICENESS = 10


def yield_to_others() -> None:
    """Takes about a tenth of what others get if all want to compute; the lowest priority might never get a turn."""
    # Whoever was started with a lower priority, as by `nice -n 19`, keeps it: only root may raise one.
    os.setpriority(os.PRIO_PROCESS, 0, max(NICENESS, os.getpriority(os.PRIO_PROCESS, 0)))
    if sys.platform == "linux":
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
