"""The clock that frames are stamped and paced with, as something that tests can replace."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """A monotonic clock."""

    def now_ns(self) -> int:
        """Return the time in ns, on the clock that stamps of frames are on."""

    def sleep_until(self, t_ns: int) -> None:
        """Return at ``t_ns`` or later; at once when it is in the past."""


class MonotonicClock:
    """CLOCK_MONOTONIC, which the simulated hardware and V4L2 stamp with too."""

    def now_ns(self) -> int:
        """Return CLOCK_MONOTONIC in ns."""
        return time.monotonic_ns()

    def sleep_until(self, t_ns: int) -> None:
        """Sleep until CLOCK_MONOTONIC is ``t_ns``."""
        left = t_ns - time.monotonic_ns()
        if left > 0:
            time.sleep(left * 1e-9)
