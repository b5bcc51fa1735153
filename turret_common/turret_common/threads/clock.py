# SPDX-License-Identifier: Apache-2.0
"""CLOCK_MONOTONIC behind an interface that tests can replace, and threads that wake on time."""

from __future__ import annotations

import contextlib
import ctypes
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

_PR_SET_TIMERSLACK = 29
_PRIORITY = 10

ResultT = TypeVar('ResultT')


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


def wake_on_time() -> None:
    """Make the kernel wake the calling thread at the requested time (Linux).

    Without this the thread is woken up to 50 us late to save power. It also gets a real-time priority where the system
    permits that (``rtprio``).
    """
    ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_PRIORITY))


def in_real_time(work: Callable[[], ResultT]) -> ResultT:
    """Do ``work`` in a thread of its own that wakes on time, so that threads made in it inherit its priority."""
    with ThreadPoolExecutor(1, 'real-time', wake_on_time) as executor:
        return executor.submit(work).result()
