"""The clock that threads with work at exact instants wait on; tests bring their own."""

from __future__ import annotations

import contextlib
import ctypes
import os
import time
from typing import Protocol

_PR_SET_TIMERSLACK = 29
_PRIORITY = 10


class Clock(Protocol):
    """CLOCK_MONOTONIC in ns, and a way to wait on it."""

    def now_ns(self) -> int:
        """Return the time."""
        ...

    def sleep_until(self, t_ns: int) -> None:
        """Return at ``t_ns`` or as soon after it as possible; at once when it has passed."""
        ...


class SystemClock:
    """The clock of this machine."""

    def now_ns(self) -> int:
        """Return the time."""
        return time.monotonic_ns()

    def sleep_until(self, t_ns: int) -> None:
        """Return at ``t_ns`` or soon after it."""
        wait_ns = t_ns - time.monotonic_ns()
        if wait_ns > 0:
            time.sleep(1e-9 * wait_ns)


def wake_on_time() -> None:
    """Ask the kernel to run the calling thread when it asked for (Linux).

    It is woken at that time and not up to 50 us later to save power, and before threads of ordinary priority where
    the system permits that (``rtprio``).
    """
    ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_PRIORITY))
