# SPDX-License-Identifier: Apache-2.0
"""CLOCK_MONOTONIC behind an interface that tests can replace."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """A monotonic clock and a way to wait on it."""

    def now_ns(self) -> int:
        """Return the time in ns."""
        ...

    def sleep_until(self, t_ns: int) -> None:
        """Return at ``t_ns`` or as soon after it as possible; at once when it has passed."""
        ...


class MonotonicClock:
    """CLOCK_MONOTONIC, which V4L2 and the simulated hardware use too."""

    def now_ns(self) -> int:
        """Return CLOCK_MONOTONIC in ns."""
        return time.monotonic_ns()

    def sleep_until(self, t_ns: int) -> None:
        """Sleep until CLOCK_MONOTONIC is ``t_ns``."""
        wait_ns = t_ns - time.monotonic_ns()
        if wait_ns > 0:
            time.sleep(1e-9 * wait_ns)
